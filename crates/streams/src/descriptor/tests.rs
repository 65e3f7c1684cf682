use pulso_model::{ColumnType, FactsView, FieldType, KeyField, Part};

use super::*;

/// Everything that a descriptor can say.
const SIGHTINGS: &str = r#"
name = "sightings"
title = "Bird sightings"
about = "Who saw which birds."
message = "text"
decode = "decode.vrl"
identity = ["observer", "second", "manner", "birds"]
actor = "observer"

[fact]
one = "sighting"
many = "sightings"
activity = "bird-activity"
kind = "manner"
kinds = ["heard", "seen"]
scope = { name = "country", values = "country" }
sums = ["birds"]
place = true
shown = false

[columns]
observer = "text"
site_latitude = "float"
site_longitude = "float"
tags = "texts"

[[facets]]
one = "bird"
many = "bird_species"
names = "species_names"
by_scope = true

[[facets]]
one = "marsh"
many = "marshes"
count = "actors"

[fields]
"who.observer" = "observer"
manner = "manner"
birds = "birds"
"seen.country" = "country"
"seen.location" = "place"
"site.location" = ["site_latitude", "site_longitude"]
species = "bird_species"

[[jobs]]
view = "marsh-days"
title = "Marshes by day"
per = "day"
key = ["day", "marsh.name"]
sql = "marshes.sql"

[jobs.fields]
day = "day"
"marsh.name" = "text"
"marsh.country" = "text"
complete = "boolean"

[[jobs]]
view = "birds"
per = "now"
key = ["bird"]

[jobs.fields]
bird = "text"
place = "location"
"#;

/// As little as a descriptor can say.
const TICKS: &str = r#"
name = "ticks"

[fact]
one = "tick"
many = "ticks"
kinds = ["tick"]
"#;

fn file(name: &str) -> Option<String> {
    ["marshes.sql", "birds.sql"].contains(&name).then(|| format!("SELECT '{name}'"))
}

fn good(text: &str) -> Descriptor {
    read(text, &file).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Each problem with its line.
fn problems(text: &str) -> Vec<String> {
    let Err(problems) = read(text, &file) else { panic!("no problem was found") };
    problems.iter().map(ToString::to_string).collect()
}

/// A good descriptor with one text replaced has one problem.
fn check(before: &str, after: &str, problem: &str) {
    assert!(SIGHTINGS.contains(before), "{before}");
    assert_eq!(problems(&SIGHTINGS.replacen(before, after, 1)), [problem]);
}

fn fields(view: View) -> Vec<(&'static str, FieldType)> {
    view.fields().iter().map(|field| (field.name, field.field_type)).collect()
}

fn names(view: View) -> Vec<&'static str> {
    view.fields().iter().map(|field| field.name).collect()
}

fn key(view: View) -> Vec<&'static str> {
    view.key().iter().map(|key| key.name()).collect()
}

#[test]
fn a_descriptor_says_what_a_fact_is_made_of() {
    let Descriptor { stream, message, decode } = good(SIGHTINGS);
    assert_eq!((message, decode.as_deref()), (MessageFormat::Text, Some("decode.vrl")));
    assert_eq!((stream.name, stream.title), ("sightings", "Bird sightings"));
    assert_eq!(stream.about, "Who saw which birds.");
    assert_eq!(stream.fact, Names { one: "sighting", many: "sightings" });
    assert_eq!(stream.kind, KindField { name: "manner", values: vec!["heard", "seen"] });
    let scope = ScopeField { name: "country", values: ScopeValues::Country };
    assert_eq!(stream.scope, Some(scope));
    assert_eq!((&stream.sums[..], stream.place), (&["birds"][..], true));
    let columns: Vec<_> = stream.columns.iter().map(|c| (c.name, c.column_type)).collect();
    let expected = [
        ("observer", ColumnType::Text),
        ("site_latitude", ColumnType::Float),
        ("site_longitude", ColumnType::Float),
        ("tags", ColumnType::Texts),
    ];
    assert_eq!(columns, expected);
    assert_eq!(stream.actor, Some(0));
    let identity = [Part::Column(0), Part::Second, Part::Kind, Part::Sum(0)];
    assert_eq!(stream.identity, identity);
    let [species, marshes] = &stream.facets[..] else { panic!("two facets") };
    assert_eq!(species.term, Names { one: "bird", many: "bird_species" });
    assert_eq!((species.names_column, species.counts), ("species_names", Counts::Facts));
    assert_eq!((marshes.names_column, marshes.counts), ("marsh_names", Counts::Actors));
    assert_eq!(marshes.by_scope_view, None);
}

#[test]
fn the_views_of_a_stream_follow_from_its_descriptor() {
    use FieldType::{Float, Integer, Location, Text, Time};
    let Descriptor { stream, .. } = good(SIGHTINGS);
    let views = stream.views();
    let names: Vec<_> = views.iter().map(|view| view.name()).collect();
    let expected = [
        "sightings",
        "bird-activity",
        "trending-bird-species",
        "trending-bird-species-by-country",
        "trending-marshes",
        "marsh-days",
        "birds",
    ];
    assert_eq!(names, expected);
    assert!(views.iter().all(|view| view.stream() == Some("sightings")));
    let activity = [
        ("@timestamp", Time),
        ("country", Text),
        ("manner", Text),
        ("sightings", Integer),
        ("birds", Integer),
        ("location", Location),
    ];
    assert_eq!(fields(stream.activity_view), activity);
    assert_eq!(key(stream.activity_view), ["@timestamp", "country", "manner"]);
    let worldwide = [
        ("@timestamp", Time),
        ("window_start", Time),
        ("marsh", Text),
        ("name", Text),
        ("count", Integer),
        ("actors", Integer),
        ("rank", Integer),
        ("score", Float),
    ];
    assert_eq!(fields(stream.facets[1].view), worldwide);
    assert_eq!(key(stream.facets[1].view), ["@timestamp", "marsh"]);
    assert_eq!(stream.facets[1].view.scope_field(), None);
    let by_scope = stream.facets[0].by_scope_view.unwrap();
    assert_eq!(
        self::names(by_scope),
        [
            "@timestamp",
            "window_start",
            "country",
            "bird",
            "name",
            "count",
            "rank",
            "score",
            "location"
        ]
    );
    assert_eq!(key(by_scope), ["@timestamp", "country", "bird"]);
    assert_eq!(by_scope.title(), "Trending bird-species by country");
    assert_eq!(
        (by_scope.scope_field(), by_scope.position_field()),
        (Some("country"), Some("rank"))
    );
}

#[test]
fn single_facts_are_shown_as_the_fields_say() {
    use FieldType::{Integer, Location, Text, TextList, Time};
    let FactsView { view, shown, parts } = good(SIGHTINGS).stream.facts_view;
    assert!(!shown);
    assert!(view.first_write_wins());
    let expected = [
        ("@timestamp", Time),
        ("who.observer", Text),
        ("manner", Text),
        ("birds", Integer),
        ("seen.country", Text),
        ("seen.location", Location),
        ("site.location", Location),
        ("species", TextList),
    ];
    assert_eq!(fields(view), expected);
    let expected = [
        Part::Time,
        Part::Column(0),
        Part::Kind,
        Part::Sum(0),
        Part::Scope,
        Part::Place,
        Part::Columns(1, 2),
        Part::TermKeys(0),
    ];
    assert_eq!(parts, expected);
    let expected = [
        KeyField::Value("who.observer"),
        KeyField::Second("@timestamp"),
        KeyField::Value("manner"),
        KeyField::Value("birds"),
    ];
    assert_eq!(view.key(), expected);
    assert_eq!((view.scope_field(), view.scope_name()), (Some("seen.country"), Some("country")));
    assert_eq!(view.aliases(), [("country", "seen.country"), ("bird", "species")]);
}

#[test]
fn without_fields_every_column_is_shown() {
    let start = SIGHTINGS.find("[fields]").unwrap();
    let end = SIGHTINGS.find("[[jobs]]").unwrap();
    let mut text = SIGHTINGS.to_owned();
    text.replace_range(start..end, "");
    let view = good(&text).stream.facts_view.view;
    let expected = [
        "@timestamp",
        "manner",
        "country",
        "birds",
        "location",
        "observer",
        "site_latitude",
        "site_longitude",
        "tags",
        "bird_species",
        "species_names",
        "marshes",
        "marsh_names",
    ];
    assert_eq!(names(view), expected);
    assert_eq!(key(view), ["observer", "@timestamp", "manner", "birds"]);
    assert_eq!(view.aliases(), [("bird", "bird_species"), ("marsh", "marshes")]);
}

#[test]
fn jobs_have_their_query_and_their_fields() {
    let [days, birds] = good(SIGHTINGS).stream.jobs[..] else { panic!("two jobs") };
    assert_eq!((days.sql, birds.sql), ("SELECT 'marshes.sql'", "SELECT 'birds.sql'"));
    assert_eq!((days.view.kind(), birds.view.kind()), (ViewKind::BatchDay, ViewKind::Now));
    assert_eq!((days.view.title(), birds.view.title()), ("Marshes by day", "birds"));
    let expected = [
        ("@timestamp", FieldType::Time),
        ("day", FieldType::Day),
        ("marsh.name", FieldType::Text),
        ("marsh.country", FieldType::Text),
        ("complete", FieldType::Boolean),
    ];
    assert_eq!(fields(days.view), expected);
    assert_eq!(key(days.view), ["day", "marsh.name"]);
    assert_eq!(days.view.scope_field(), Some("marsh.country"));
    assert_eq!(days.view.aliases(), [("country", "marsh.country")]);
    assert_eq!(birds.view.scope_field(), None);
}

#[test]
fn what_is_not_said_has_a_plain_value() {
    let Descriptor { stream, message, decode } = good(TICKS);
    assert_eq!((message, decode), (MessageFormat::Json, None));
    assert_eq!((stream.title, stream.about, stream.place), ("ticks", "", false));
    assert_eq!((stream.scope, stream.actor), (None, None));
    assert!(stream.identity.is_empty() && stream.columns.is_empty() && stream.sums.is_empty());
    let FactsView { view, shown, parts } = &stream.facts_view;
    assert!(shown);
    assert_eq!(names(*view), ["@timestamp", "partition", "offset", "kind"]);
    assert_eq!(parts[..], [Part::Time, Part::Partition, Part::Offset, Part::Kind]);
    assert_eq!(key(*view), ["partition", "offset"]);
    assert_eq!(stream.activity_view.name(), "tick-activity");
    assert_eq!(names(stream.activity_view), ["@timestamp", "kind", "ticks"]);
    assert_eq!(key(stream.activity_view), ["@timestamp", "kind"]);
}

#[test]
fn every_problem_is_found_at_once_with_its_line() {
    let text = r#"name = "Big Name"
colour = "red"
identity = ["when", "size", "tags"]
actor = "kind"
message = 7

[fact]
one = "two words"
kinds = []
scope = { name = "country", values = "planet", kind = 1 }
sums = ["a", "b", "c", "d", "e"]
place = "yes"

[columns]
size = "float"
tags = "texts"
weight = "heavy"
offset = "integer"

[[facets]]
one = "tag"
count = "everyone"

[fields]
"a.b.c" = "size"
place = "nowhere"
site = ["size", "tags"]

[[jobs]]
view = "days"
per = "week"
key = ["day"]

[jobs.fields]
days = "days"
"#;
    let expected: [&str; 0] = [];
    assert_eq!(problems(text), expected);
}

#[test]
fn a_text_that_is_no_toml_is_told_where() {
    let found = problems("name = \"x\"\n[fact]\none = \nmany = \"xs\"\nkinds = [\"x\"]\n");
    assert!(found[0].starts_with("line 3: "), "{found:?}");
}

#[test]
fn each_problem_says_what_is_allowed() {
    check("x", "x", "");
}
