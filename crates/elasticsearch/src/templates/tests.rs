use std::fs;
use std::path::Path;

use pulso_model::{KeyField, ViewDescriptor};
use pulso_testkit::{view, views};

use super::*;

/// Compares the templates with the files that people read, and that the Kibana objects are checked
/// against. `UPDATE_EXPECT=1` rewrites the files.
#[test]
fn the_files_are_the_templates() {
    let folder = Path::new("../../deploy/index-templates");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    if update {
        fs::create_dir_all(folder).unwrap();
    }
    let templates = templates("pulso", 1, 0, &views());
    for (name, template) in &templates {
        let file = folder.join(format!("{name}.json"));
        if update {
            fs::write(&file, serde_json::to_string_pretty(template).unwrap() + "\n").unwrap();
        }
        let text = fs::read_to_string(&file).unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found, *template, "`{}`: UPDATE_EXPECT=1 writes it anew", file.display());
    }
    let files = fs::read_dir(folder).unwrap().count();
    assert_eq!(files, templates.len(), "there are no files of other templates");
}

#[test]
fn every_field_has_its_type() {
    let mapping = mappings(view("responses"), &views());
    let of = |path: &str| -> &Value {
        let inner = path.replace('.', "/properties/");
        mapping.pointer(&format!("/properties/{inner}/type")).unwrap()
    };
    assert_eq!(of("@timestamp"), "date");
    assert_eq!(of("event.id"), "keyword");
    assert_eq!(of("group.id"), "long");
    assert_eq!(of("venue.location"), "geo_point");
    assert_eq!(of("topics"), "keyword");
    assert_eq!(of("layer"), "keyword");
    assert_eq!(mapping["dynamic"], "strict");
    assert_eq!(mappings(View::DEAD_LETTERS, &views()).pointer("/properties/layer"), None);
}

/// Of views that a user declares, too.
#[test]
fn every_type_has_a_mapping() {
    use FieldType::{Boolean, Day, Float, Integer, Location, Text, TextList, Time};
    let field = |name, field_type| Field { name, field_type };
    let expected = [
        ("@timestamp", Time, "date"),
        ("day", Day, "date"),
        ("known", Boolean, "boolean"),
        ("clicks", Integer, "long"),
        ("share", Float, "double"),
        ("link.host", Text, "keyword"),
        ("link.words", TextList, "keyword"),
        ("link.location", Location, "geo_point"),
    ];
    let fields: Vec<_> = expected.iter().map(|(name, kind, _)| field(name, *kind)).collect();
    let view = View::new(ViewDescriptor {
        name: "link-days",
        title: "Links by day",
        stream: Some("clicks"),
        kind: ViewKind::BatchDay,
        fields: fields.leak(),
        key: &[KeyField::Value("day"), KeyField::Value("link.host")],
        scope_field: None,
        aliases: &[("host", "link.host")],
        position_field: None,
        first_write_wins: false,
        edges: None,
    });
    let mapping = mappings(view, &[view]);
    for (name, _, expected) in expected {
        let path = format!("/properties/{}/type", name.replace('.', "/properties/"));
        assert_eq!(mapping.pointer(&path), Some(&json!(expected)), "{name}");
    }
    assert_eq!(mapping["properties"]["host"], json!({ "type": "alias", "path": "link.host" }));
    let templates = templates("mine", 1, 0, &[view]);
    assert_eq!(templates.len(), 1, "of these views only");
    assert_eq!(templates[0].0, "mine-link-days");
}

#[test]
fn no_template_takes_in_the_indices_of_another_view() {
    let names = Names::new("pulso");
    for view in views() {
        for other in views().into_iter().filter(|other| *other != view) {
            for pattern in names.patterns(view) {
                let start = pattern.trim_end_matches('*');
                for kind in ["speed-2026.11.22", "batch-now-1", "2026.11", "empty"] {
                    let index = format!("pulso-{other}-{kind}");
                    assert!(!index.starts_with(start), "{pattern} takes in {index}");
                }
            }
        }
    }
}

#[test]
fn one_fact_has_one_name_in_all_views_that_have_it() {
    let path = |view| mappings(view, &views()).pointer("/properties/country/path").cloned();
    for view in [view("groups"), view("group-days"), view("events"), view("event-days")] {
        assert_eq!(path(view), Some(json!("group.country")), "{view}");
    }
    assert_eq!(path(view("responses")), None, "a field of its own");
    for view in views() {
        for (name, path) in view.aliases() {
            let has = |name| view.fields().iter().any(|field| field.name == name);
            assert!(has(*path) && !has(*name), "{view}: {name}");
        }
    }
}

/// A choice of a scope reaches the journal of late facts, whatever the stream calls its scope.
#[test]
fn late_facts_answer_to_the_scope_names_of_all_streams() {
    let path = |view, name: &str| {
        mappings(view, &views()).pointer(&format!("/properties/{name}/path")).cloned()
    };
    for name in ["country", "language"] {
        assert_eq!(path(View::LATE_FACTS, name), Some(json!("scope")), "{name}");
        assert_eq!(path(View::DEAD_LETTERS, name), None, "{name}: it has no scope");
    }
    // A scope that is called as a field of the journal means another thing.
    let view = View::new(ViewDescriptor {
        name: "shop-activity",
        title: "Shops",
        stream: Some("shops"),
        kind: ViewKind::Day,
        fields: &[],
        key: &[],
        scope_field: Some("stream"),
        aliases: &[],
        position_field: None,
        first_write_wins: false,
        edges: None,
    });
    let mapping = mappings(View::LATE_FACTS, &[view, View::LATE_FACTS]);
    assert_eq!(mapping.pointer("/properties/stream/type"), Some(&json!("keyword")));
}

#[test]
fn windows_can_be_told_apart_as_text() {
    for view in [view("trending-topics"), view("trending-topics-by-country")] {
        let mapping = mappings(view, &[view]);
        let window = &mapping["properties"]["window_start"];
        assert_eq!(window["type"], "date", "{view}");
        assert_eq!(window["fields"]["text"]["type"], "keyword", "{view}");
    }
}

#[test]
fn a_server_without_histograms_keeps_them_unsearched() {
    let mappings = mappings(view("request-bytes-statistics"), &views());
    let type_of = |mappings: &Value, field: &str| mappings["properties"][field]["type"].clone();
    assert_eq!(type_of(&mappings, "histogram"), "histogram");
    let without = without_histograms(&mappings);
    assert_eq!(without["properties"]["histogram"], json!({ "type": "object", "enabled": false }));
    assert_eq!(type_of(&without, "mean"), "double", "all else stays");
    assert_eq!(without["_meta"], mappings["_meta"]);
}
