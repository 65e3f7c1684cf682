//! Single messages: of the log, and on trial.

use pulso_model::WallTime;
use pulso_pipeline::Sink;
use pulso_pipeline::memory::MemoryViews;
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_runtime::sources::{SourceCounts, SourceState, Sources};
use pulso_runtime::stores::embedded;
use pulso_testkit::message::{EPOCH, message};
use pulso_web::{Facts, Messages, Options, Organiser};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, options};

/// A server of a folder whose log has responses of these ids.
pub(crate) async fn start(
    folder: &TempDir,
    ids: impl IntoIterator<Item = i64>,
    shown: bool,
) -> Server {
    let directory = folder.path().display().to_string();
    let show = if shown { "always" } else { "never" };
    let overrides = [("data.directory", &*directory), ("privacy.show_members", show)];
    let overrides = overrides.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let config = Config::load(&Layers { overrides, ..Layers::default() }).unwrap();
    let messages = ids.into_iter().map(|id| message(id, EPOCH + id).received(WallTime(0)));
    embedded::log(&config).unwrap().write(messages.collect()).await.unwrap();
    let (messages, organiser) = (Messages::from(&config), Organiser::from(&config));
    let options = Options { messages, organiser, ..options() };
    Server::start_as(MemoryViews::default(), Facts::default(), options).await
}

fn detail(body: &str) -> String {
    let problem: Value = serde_json::from_str(body).unwrap();
    problem["detail"].as_str().unwrap().to_owned()
}

const MESSAGE: &str = "/api/v1/streams/rsvps/message";

#[tokio::test]
async fn a_message_is_found_by_its_place_and_by_its_fact() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, 70_601..70_620, true).await;
    // Members are numbered from a thousand after, so other messages have these digits, too.
    // The second, which is rounded up and so in no message, is longer than the number.
    let fact = format!("70611/{}/yes/0", (EPOCH + 70_611 + 500).div_euclid(1_000));
    let found = server.json(&format!("{MESSAGE}?fact={fact}")).await;
    let payload: Value = serde_json::from_str(found["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["rsvp_id"], 70_611);
    let at = |partition: &str, offset: &str| {
        format!("/api/v1/streams/rsvps/messages/{partition}/{offset}")
    };
    let (partition, offset) = (found["partition"].to_string(), found["offset"].to_string());
    assert_eq!(server.json(&at(&partition, &offset)).await, found);
    for id in ["1/2/yes/0", "70611"] {
        let answer = server.get(&format!("{MESSAGE}?fact={id}")).await;
        assert_eq!(answer.status, 404, "{id}: {}", answer.body);
    }
    let far = u64::MAX.to_string() + "0";
    for (partition, offset) in [("0", "1000"), ("99", "0"), ("-1", "0"), ("0", "x"), ("0", &*far)] {
        let answer = server.get(&at(partition, offset)).await;
        assert_eq!(answer.status, 404, "{}", answer.body);
        assert!(detail(&answer.body).contains(offset), "{}", answer.body);
    }
    let sources = server.json("/api/v1/streams/rsvps/sources").await;
    let test = json!({ "name": "test", "messages": 19, "last_received": "1970-01-01T00:00:00.000Z", "state": null });
    assert_eq!(sources, json!({ "searched": 1_000, "sources": [test] }));
    // There is no log of this stream.
    assert_eq!(server.get("/api/v1/streams/clicks/message?fact=0/0").await.status, 404);
    assert_eq!(server.get("/api/v1/streams/none/message?fact=0/0").await.status, 404);
}

#[tokio::test]
async fn a_message_is_shown_only_where_members_are() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, 1..2, false).await;
    for path in ["message?fact=1/1/yes/0", "messages/0/0"] {
        let answer = server.get(&format!("/api/v1/streams/rsvps/{path}")).await;
        assert_eq!(answer.status, 403);
        assert!(detail(&answer.body).contains("`privacy.show_members`"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_question_for_a_message_names_its_fact() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, 1..2, true).await;
    for (query, expected) in [
        ("", "`fact` is missing"),
        ("fact=", "the `_id` of a fact"),
        ("fact=1&fact=1", "more than once"),
        ("id=1", "there is no parameter `id`"),
    ] {
        let answer = server.get(&format!("{MESSAGE}?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert!(detail(&answer.body).contains(expected), "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_message_on_trial_tells_its_outcome() {
    let server = Server::empty().await;
    let tried = async |stream: &str, message: &str| -> Value {
        let path = format!("/api/v1/streams/{stream}/try");
        let answer = server.post(&path, &json!({ "message": message }).to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    };
    let text = String::from_utf8(message(1, EPOCH).received(WallTime(0)).payload.to_vec()).unwrap();
    let fact = tried("rsvps", &text).await;
    assert_eq!((&fact["outcome"], &fact["fact"]["kind"]), (&json!("fact"), &json!("yes")));
    let skipped = tried("clicks", r#"{"_heartbeat_": 1}"#).await;
    assert_eq!(skipped, json!({ "outcome": "skipped", "reason": "heartbeat" }));
    let dead = tried("clicks", r#"{"nk":0,"g":"a","u":"mailto:x@example.org","t":1}"#).await;
    assert_eq!(
        (&dead["outcome"], &dead["reason"]),
        (&json!("dead_letter"), &json!("program_error"))
    );
    assert!(dead["detail"].as_str().unwrap().contains("decode.vrl"), "{dead}");
}

#[tokio::test]
async fn a_trial_takes_one_message_of_a_stream_that_is_served() {
    let server = Server::empty().await;
    let path = "/api/v1/streams/rsvps/try";
    for body in ["", "{}", "[]", r#"{"message": 1}"#, r#"{"message": "{}", "more": 1}"#] {
        assert_eq!(server.post(path, body).await.status, 400, "{body}");
    }
    let long = json!({ "message": "x".repeat(300_000) }).to_string();
    assert_eq!(server.post(path, &long).await.status, 413);
    assert_eq!(server.post_as(path, "text/plain", "{}").await.status, 415);
    assert_eq!(server.get(path).await.status, 405);
    let unknown = server.post("/api/v1/streams/none/try", r#"{"message": "{}"}"#).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_source_is_paused_and_resumed_where_acquisition_reads_it() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, 1..2, true).await;
    let pause = "/api/v1/sources/test/pause";
    let unknown = server.post(pause, "").await;
    assert_eq!(unknown.status, 404);
    assert!(detail(&unknown.body).starts_with("no source `test` is read into the data folder"));
    assert_eq!(server.post("/api/v1/sources/..%2Ftest/pause", "").await.status, 404);
    let sources = Sources::in_folder(folder.path());
    let counts = SourceCounts { read: 3, filtered: 2, sampled_out: 1, filter_errors: 0 };
    sources.tell("test", &SourceState { counts, paused_since: None }).unwrap();
    let state = async || -> Value {
        server.json("/api/v1/streams/rsvps/sources").await["sources"][0]["state"].clone()
    };
    let expected = |since: Value| json!({ "paused_since": since, "read": 3, "filtered": 2, "sampled_out": 1, "filter_errors": 0 });
    assert_eq!(state().await, expected(Value::Null));
    for _ in 0..2 {
        let paused = server.post(pause, "").await;
        assert_eq!(paused.status, 200, "{}", paused.body);
        let since = sources.paused_since("test").unwrap().unwrap();
        assert_eq!(state().await, expected(json!(since)));
    }
    let resumed = server.post("/api/v1/sources/test/resume", "").await;
    assert_eq!(resumed.body, r#"{"name":"test","paused_since":null}"#);
    assert_eq!(sources.paused_since("test").unwrap(), None);
    assert_eq!(server.get(pause).await.status, 405);
}
