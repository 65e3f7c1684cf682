use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulso_streams::{Streams, descriptor};

use super::*;

/// A stream with all that a descriptor may have, and one with as little as possible.
const RICH: &str = r#"
name = "rides"
title = "Bicycle rides"
about = "Who rides where."
actor = "rider"

[fact]
one = "ride"
many = "rides"
kind = "bicycle_type"
kinds = ["classic", "electric"]
scope = { name = "city" }
sums = ["metres_ridden", "minutes"]
place = true

[columns]
rider = "text"

[[facets]]
one = "station"
many = "stations"
by_scope = true

[[facets]]
one = "route"
many = "routes"
count = "actors"
"#;

const POOR: &str =
    "name = \"ticks\"\n[fact]\none = \"tick\"\nmany = \"ticks\"\nkinds = [\"tick\"]\n";

fn described(text: &str) -> Stream {
    descriptor::read(text, &|_| None).unwrap().stream
}

fn of_type<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["type"] == kind)
}

/// The titles of charts and maps.
fn titles(objects: &[Value]) -> Vec<&str> {
    let shown = objects.iter().filter(|object| object["type"] == "lens" || object["type"] == "map");
    let mut titles: Vec<_> =
        shown.map(|object| object["attributes"]["title"].as_str().unwrap()).collect();
    titles.sort_unstable();
    titles
}

fn lines(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}

/// Compares the dashboards with the files that `scripts/kibana-import.sh` takes. `UPDATE_EXPECT=1`
/// rewrites the files.
#[test]
fn the_files_are_the_dashboards() {
    let folder = Path::new("../../kibana");
    let mut names = BTreeSet::new();
    for definition in Streams::brought().iter() {
        if definition.kibana_objects().is_some() {
            continue;
        }
        let name = definition.stream.name;
        let file = folder.join(format!("{name}.ndjson"));
        let made = kibana_objects("pulso", definition.stream);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::create_dir_all(folder).unwrap();
            fs::write(&file, lines(&made)).unwrap();
        }
        let text = fs::read_to_string(&file).unwrap();
        let stored: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(stored == made, "`{}`: UPDATE_EXPECT=1 writes it anew", file.display());
        names.insert(file);
    }
    let found: BTreeSet<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, names, "there are no files of other streams");
}

#[test]
fn each_part_of_a_descriptor_has_its_panels() {
    let objects = kibana_objects("pulso", &described(RICH));
    let expected = [
        "Metres ridden",
        "Minutes",
        "Rides",
        "Rides by city",
        "Rides over time by bicycle type",
        "Rides over time by city",
        "Top routes now",
        "Top routes over time",
        "Top stations by city now",
        "Top stations now",
        "Top stations over time",
        "Unusual routes now",
        "Unusual stations now",
        "What was unusual",
        "Where rides come from",
    ];
    assert_eq!(titles(&objects), expected);
    let poor = kibana_objects("pulso", &described(POOR));
    assert_eq!(titles(&poor), ["Ticks", "Ticks over time by kind"]);
}

#[test]
fn every_view_has_a_data_view() {
    let stream = described(RICH);
    let objects = kibana_objects("mine", &stream);
    let found: BTreeSet<_> = of_type(&objects, "index-pattern")
        .map(|object| object["attributes"]["title"].as_str().unwrap().to_owned())
        .collect();
    let expected: BTreeSet<_> =
        stream.views().into_iter().map(|view| format!("mine-{view}")).collect();
    assert_eq!(found, expected);
}

#[test]
fn actors_count_where_the_facet_counts_actors() {
    let objects = kibana_objects("pulso", &described(RICH));
    let field = |part: &str| {
        let id = format!("pulso-stream-rides-{part}");
        let chart = objects.iter().find(|object| object["id"] == *id).unwrap();
        let layer =
            &chart["attributes"]["state"]["datasourceStates"]["formBased"]["layers"]["data"];
        layer["columns"]["value"]["sourceField"].clone()
    };
    assert_eq!((field("stations-now"), field("routes-now")), (json!("count"), json!("actors")));
    assert_eq!(field("routes-over-time"), "actors");
    assert_eq!(field("routes-unusual-now"), "score");
}

#[test]
fn panels_fill_rows_and_do_not_overlap() {
    for text in [RICH, POOR] {
        let objects = kibana_objects("pulso", &described(text));
        let dashboard = of_type(&objects, "dashboard").next().unwrap();
        let panels = dashboard["attributes"]["panelsJSON"].as_str().unwrap();
        let panels: Vec<Value> = serde_json::from_str(panels).unwrap();
        let mut taken = BTreeSet::new();
        for panel in &panels {
            let side = |name: &str| panel["gridData"][name].as_u64().unwrap();
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(x < 48 && taken.insert((x, y)), "{panel}");
                }
            }
        }
        let bottom = taken.iter().map(|(_, y)| *y).max().unwrap();
        assert!((0..=bottom).all(|y| taken.contains(&(0, y))), "there are no gaps");
    }
}

/// So that two installations can share a Kibana, and none touches what others made.
#[test]
fn all_objects_are_named_after_the_prefix() {
    let ids = |prefix| -> BTreeSet<String> {
        let objects = kibana_objects(prefix, &described(RICH));
        objects.iter().map(|object| format!("{} {}", object["type"], object["id"])).collect()
    };
    let (one, other) = (ids("one"), ids("other"));
    assert!(one.iter().all(|id| id.contains(" \"one")));
    assert!(one.is_disjoint(&other));
}
