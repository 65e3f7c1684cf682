use std::collections::BTreeSet;
use std::time::Duration;

use pulso_streams::{Streams, descriptor};

use super::*;

async fn problems(stream: &'static Stream) -> Vec<String> {
    let second = Duration::from_secs(1);
    let windows = WindowSettings {
        size: 10 * second,
        slide: second,
        baseline: 60 * second,
        count_above: 5,
        mute: BTreeSet::new(),
        unusual_from: 4.4,
        terms_max: 100,
        unusual_max: 20,
        scope_terms_max: 20,
        scope_unusual_max: 10,
    };
    let found = check_jobs(stream, windows, std::env::temp_dir()).await.unwrap();
    let shown =
        |problem: JobProblem| format!("{}:{:?}: {}", problem.view, problem.line, problem.message);
    found.into_iter().map(shown).collect()
}

/// A stream whose one job has this query.
fn with_query(sql: &'static str) -> &'static Stream {
    const STREAM: &str = r#"
name = "shots"
[fact]
one = "shot"
many = "shots"
kinds = ["hit", "miss"]
[columns]
player = "text"
[[jobs]]
view = "player-days"
per = "day"
key = ["day", "player"]
fields = { day = "day", player = "text", shots = "integer", last = "time" }
"#;
    let read = descriptor::read(STREAM, &|_| Some(sql.to_owned())).unwrap();
    Box::leak(Box::new(read.stream))
}

#[tokio::test]
async fn the_queries_of_the_streams_that_pulso_brings_give_the_declared_fields() {
    for definition in Streams::brought().iter() {
        assert_eq!(problems(definition.stream).await, [""; 0], "{}", definition.stream);
    }
}

#[tokio::test]
async fn a_query_is_checked_against_the_declared_fields() {
    let right = "SELECT \"day\", player, count(*) AS shots, max(time) AS last
        FROM facts GROUP BY \"day\", player";
    assert_eq!(problems(with_query(right)).await, [""; 0]);
    let found = problems(with_query(
        "SELECT \"day\", player AS shots, count(*) AS number, max(time) AS last FROM facts GROUP BY \"day\", player",
    ))
    .await;
    let expected = [
        "player-days:None: the query has no column `player`, which `fields` declare",
        "player-days:None: the column `shots` is Utf8, but `fields` declare `integer`; `CAST(… AS BIGINT)` makes it one",
        "player-days:None: the column `number` of the query is not among `fields`",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_query_that_does_not_plan_is_told_with_its_line() {
    let found = problems(with_query("SELECT \"day\",\n  plaier\nFROM facts")).await;
    assert!(
        found[0].starts_with("player-days:Some(2): ") && found[0].contains("plaier"),
        "{found:?}"
    );
    let found = problems(with_query("SELECT \"day\"\nFROM facts\nGROUP \"day\"")).await;
    assert!(found[0].starts_with("player-days:Some(3): "), "{found:?}");
    let found = problems(with_query("SELECT 1 FROM fact")).await;
    assert!(found[0].contains("fact"), "{found:?}");
}
