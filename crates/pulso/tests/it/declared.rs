//! A stream that a user declares: a folder, three commands, and all that other streams have.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{pulso, run};

const STREAM: &str = r#"name = "visits"
title = "Visits"
about = "Who follows which short link."

[fact]
one = "visit"
many = "visits"
kinds = ["known", "new"]
scope = { name = "country", values = "country" }
place = true

[columns]
target = "text"
referrer = "text"
city = "text"

[[facets]]
one = "site"
many = "sites"
by_scope = true

[[jobs]]
view = "site-days"
per = "day"
key = ["day", "referrer", "target"]
edges = { from = "referrer", to = "target", weight = "visits" }
fields = { day = "day", referrer = "text", target = "text", visits = "integer", last = "time" }
"#;

const PROGRAM: &str = r#"# A heartbeat is no visit.
if exists(._heartbeat_) { abort "heartbeat" }

target = parse_url!(string!(.u)).host
referrer = "direct"
if .r != "direct" {
  parsed, error = parse_url(.r)
  if error == null { referrer = parsed.host }
}

.time = from_unix_timestamp!(int!(.t))
.key = .g
.scope = .c
.kind = if .nk == 1 { "known" } else { "new" }
if is_array(.ll) { .place = { "lat": .ll[0], "lon": .ll[1] } }
.terms.sites = [target]
.columns = { "target": target, "referrer": referrer, "city": .cy }
"#;

const QUERY: &str = r#"-- The link graph of each day: who sent how many visits where. Needs the facts of the day.
SELECT "day", referrer, target, count(*) AS visits, max(time) AS last
FROM facts
GROUP BY "day", referrer, target
"#;

/// A folder in which `pulso` finds the stream.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write("stream.toml", STREAM);
        place.write("decode.vrl", PROGRAM);
        place.write("site-days.sql", QUERY);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path("streams/visits")).unwrap();
        fs::write(self.path("streams/visits").join(name), text).unwrap();
    }

    /// Runs a command in the folder; gives what it prints, with its errors when it fails.
    #[track_caller]
    fn run(&self, code: i32, args: &[&str]) -> String {
        let output = run(code, pulso().current_dir(self.folder.path()).args(args));
        let mut text = String::from_utf8(output.stdout).unwrap();
        if code != 0 {
            text.push_str(&String::from_utf8(output.stderr).unwrap());
        }
        text
    }
}

fn visit(number: u32) -> Value {
    json!({
        "t": 1_331_923_200 + number / 4, "g": format!("g{}", number % 50), "nk": number % 2,
        "c": if number.is_multiple_of(3) { "us" } else { "DE" }, "cy": "Jena",
        "u": format!("http://site{}.example/page", number % 4),
        "r": if number.is_multiple_of(5) { "direct" } else { "http://social.example/" },
        "ll": [50.9, 11.5],
    })
}

/// Visits of 20 minutes, with a heartbeat and three messages that are none.
fn sample(place: &Place) -> String {
    let mut lines: Vec<_> = (0..4800).map(|number| visit(number).to_string()).collect();
    lines.insert(7, json!({"_heartbeat_": 1_331_923_200}).to_string());
    lines.insert(9, json!({"t": 1_331_923_200, "u": 7}).to_string());
    lines.insert(11, "no json".to_owned());
    lines.insert(
        13,
        json!({"t": 1_331_923_200, "g": [], "nk": 1, "u": "http://a.example"}).to_string(),
    );
    let path = place.path("sample.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_declared_stream_is_listed_shown_and_tried() {
    let place = Place::new();
    let list = place.run(0, &["streams"]);
    let line = list.lines().find(|line| line.starts_with("visits ")).unwrap();
    assert!(
        line.contains("streams/visits") && line.contains("trending-sites-by-country"),
        "{line}"
    );
    assert!(
        list.lines().any(|line| line.starts_with("rsvps ") && line.contains("Pulso")),
        "{list}"
    );

    let shown = place.run(0, &["streams", "show", "visits"]);
    for part in [
        "by the program decode.vrl",
        "one of known, new",
        "site-days (batch layer, by day)",
        "key     day, referrer, target",
        "FROM facts",
    ] {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    assert!(place.run(2, &["streams", "show", "visit"]).contains("there is no stream `visit`"));

    let sample = sample(&place);
    let tried = place.run(0, &["streams", "try", "visits", &sample, "--facts", "1"]);
    let fact: Value = serde_json::from_str(tried.lines().next().unwrap()).unwrap();
    let expected = json!({
        "time": "2012-03-16T18:40:00.000Z", "kind": "new", "scope": "US",
        "place": {"lat": 50.9, "lon": 11.5}, "terms": {"sites": ["site0.example"]},
        "columns": {"target": "site0.example", "referrer": "direct", "city": "Jena"},
    });
    assert_eq!(fact, expected);
    for part in [
        "message 10: function call error for \"parse_url\"",
        "decode.vrl:4:10",
        "target = parse_url!(string!(.u)).host",
        "^^^^^^^^^^^",
        "message 12: invalid_json",
        "message 14: wrong_type: `.key` is not a text, but array",
        "messages: 4804\n",
        "  dead letter, invalid_json: 1\n",
        "  dead letter, program_error: 1\n",
        "  dead letter, wrong_type: 1\n",
        "  fact, known: 2400\n",
        "  skipped, heartbeat: 1\n",
    ] {
        assert!(tried.contains(part), "`{part}` is not in {tried}");
    }
}

#[test]
fn a_declared_stream_has_all_that_others_have() {
    let place = Place::new();
    assert_eq!(place.run(0, &["streams", "check"]), "visits: ok\n");
    let sample = sample(&place);
    let replayed = place.run(0, &["replay", &sample, "--stream", "visits", "--output", "json"]);
    let summary: Value = serde_json::from_str(&replayed).unwrap();
    assert_eq!(summary["log"]["counted"], 4800, "{summary}");
    assert_eq!(summary["log"]["skipped"], 1);
    assert_eq!(summary["log"]["dead_letters"], 3);
    let report = place.run(0, &["verify", "--stream", "visits"]);
    assert!(report.contains("the layers agree in"), "{report}");

    let documents = |view: &str, layer: &str| -> Vec<Value> {
        let text = place.run(0, &["export", view, "--layer", layer]);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for view in ["visits", "visit-activity", "trending-sites", "trending-sites-by-country"] {
        assert!(!documents(view, "speed").is_empty(), "{view}");
        assert_eq!(documents(view, "speed"), documents(view, "batch"), "{view}");
    }
    let links = documents("site-days", "batch");
    let visits: u64 = links.iter().map(|link| link["visits"].as_u64().unwrap()).sum();
    assert_eq!((links.len(), visits), (8, 4800));
    let graph = place.run(0, &["export", "site-days", "--format", "dot"]);
    let link = "  \"direct\" -> \"site0.example\" [weight=240, label=240]\n";
    assert!(graph.starts_with("digraph {\n") && graph.contains(link), "{graph}");
    let graph = place.run(0, &["export", "site-days", "--format", "graphml", "--undirected"]);
    assert_eq!((graph.matches("<node ").count(), graph.matches("<edge ").count()), (6, 8));
    let refused = place.run(2, &["export", "visits", "--format", "dot"]);
    assert!(refused.contains("the view `visits` is not a graph"), "{refused}");
    assert!(refused.contains("site-days"), "{refused}");
    let refused = place.run(2, &["export", "visits", "--undirected"]);
    assert!(refused.contains("`--undirected` is for graphs"), "{refused}");
    let letters = documents("dead-letters", "current");
    let error = letters.iter().find(|letter| letter["reason"] == "program_error").unwrap();
    assert!(error["detail"].as_str().unwrap().contains("expected string, got integer"), "{error}");
}

/// Real clicks, where the recordings are there.
#[test]
fn recorded_visits_decode() {
    let recording = Path::new("../../../shared/data/usagov/pydata-book.example.txt");
    let Ok(recording) = fs::canonicalize(recording) else { return };
    let place = Place::new();
    let tried = place.run(0, &["streams", "try", "visits", recording.to_str().unwrap()]);
    assert!(tried.contains("messages: 3560\n"), "{tried}");
    assert!(tried.contains("  skipped, heartbeat: 120\n"), "{tried}");
    assert!(!tried.contains("dead letter"), "{tried}");
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let place = Place::new();
    place.write(
        "site-days.sql",
        "SELECT \"day\", referrer,\n  goal AS target, 1 AS visits\nFROM facts",
    );
    let found = place.run(2, &["streams", "check"]);
    assert!(found.contains("streams/visits/site-days.sql:2: "), "{found}");
    place.write("site-days.sql", &QUERY.replace("count(*)", "'many'"));
    let found = place.run(2, &["streams", "check"]);
    let expected = "site-days.sql: the column `visits` is Utf8, but `fields` declare `integer`";
    assert!(found.contains(expected), "{found}");
    // No program that runs jobs begins with such a query.
    let sample = sample(&place);
    let refused = place.run(2, &["replay", &sample, "--stream", "visits"]);
    assert!(refused.contains("the column `visits` is Utf8"), "{refused}");

    place.write(
        "decode.vrl",
        &PROGRAM.replace("int!(.t)", "now()").replace("\"city\":", "\"town\":"),
    );
    place.write("stream.toml", &STREAM.replace("place = true", "plaze = true"));
    for args in [&["streams", "check"][..], &["export", "visits"], &["verify"]] {
        let found = place.run(2, args);
        assert!(found.contains("streams/visits/stream.toml:10: unknown key `plaze`"), "{found}");
        assert!(found.contains("streams/visits/decode.vrl:11: `now` is not offered"), "{found}");
    }
    place.write("stream.toml", STREAM);
    place.write("decode.vrl", &PROGRAM.replace("\"city\":", "\"town\":"));
    let found = place.run(2, &["streams", "check"]);
    assert!(found.contains("decode.vrl:17: `.columns.town`"), "{found}");
}
