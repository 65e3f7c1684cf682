//! From a terse line of a scenario to the messages it stands for.

use bytes::Bytes;
use pulso_testkit::message::message;
use serde_json::{Map, Value, json};

/// `{"id": 7, "at": 1.5}` and, where wanted, any of `response`, `guests`, `country`, `topics`
/// (`"key"` or `"key=Name"`), `place` (latitude and longitude), `times` (so many messages, with
/// ascending ids), `set` (values by JSON pointer), `without` (JSON pointers) and `padding` (bytes).
///
/// `at` is in seconds after `start`, which is in milliseconds since the epoch.
pub(super) fn messages(line: &str, start: i64) -> Vec<Bytes> {
    let terse: Map<String, Value> =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("`{line}`: {error}"));
    let first = terse["id"].as_i64().unwrap();
    let times = terse.get("times").map_or(1, |times| times.as_i64().unwrap());
    (first..first + times).map(|id| one(&terse, id, start)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "scenarios are shorter than 2^63 ms")]
fn one(terse: &Map<String, Value>, id: i64, start: i64) -> Bytes {
    let at = terse["at"].as_f64().expect("`at` is a number of seconds");
    let mut built = message(id, start + (at * 1000.0).round() as i64);
    for (key, value) in terse {
        built = match key.as_str() {
            "id" | "at" | "times" => built,
            "response" => built.set("/response", value.clone()),
            "guests" => built.set("/guests", value.clone()),
            "country" => built.set("/group/group_country", value.clone()),
            "topics" => built.set("/group/group_topics", topics(value)),
            "place" => built
                .set("/group/group_lat", value[0].clone())
                .set("/group/group_lon", value[1].clone()),
            "padding" => {
                let bytes = usize::try_from(value.as_u64().unwrap()).unwrap();
                built.set("/padding", json!("x".repeat(bytes)))
            }
            "set" => {
                let fields = value.as_object().unwrap();
                fields.iter().fold(built, |built, (key, value)| built.set(key, value.clone()))
            }
            "without" => {
                let fields = value.as_array().unwrap();
                fields.iter().fold(built, |built, key| built.without(key.as_str().unwrap()))
            }
            _ => panic!("`{key}` is not known here"),
        };
    }
    built.bytes()
}

fn topics(topics: &Value) -> Value {
    let topic = |topic: &Value| {
        let topic = topic.as_str().unwrap();
        let (key, name) = topic.split_once('=').unwrap_or((topic, topic));
        json!({"urlkey": key, "topic_name": name})
    };
    topics.as_array().unwrap().iter().map(topic).collect()
}
