use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use pulso_model::{
    Column, Decoder, FactWriter, MAX_MESSAGE_BYTES, Position, TimeLimits, ViewDocument, WallTime,
};
use serde_json::{Value as Json, json};

use super::*;
use crate::Streams;
use crate::json::MAX_DEPTH;

const NOW: WallTime = WallTime(1_700_000_000_000);
const AHEAD_MAX: Duration = Duration::from_mins(1);

fn decoder() -> Decoder {
    let limits = TimeLimits { ahead_max: AHEAD_MAX, behind_max: None };
    Streams::brought().get("rsvps").unwrap().decoder(limits)
}

fn decode(message: &[u8]) -> Result<Fact<'_>, DeadLetter> {
    match decoder().decode(message, NOW)? {
        Decoded::Fact(fact) => Ok(fact),
        Decoded::Skipped(reason) => panic!("skipped: {reason}"),
    }
}

fn column<'f, 'a>(fact: &'f Fact<'a>, name: &str) -> &'f Value<'a> {
    &fact.columns[COLUMNS.iter().position(|column| *column == name).unwrap()]
}

#[test]
fn kinds_and_columns_are_those_of_the_descriptor() {
    let stream = decoder().stream();
    assert_eq!(stream.kind.values, KINDS);
    assert_eq!(stream.state.map(|at| stream.columns[at].name), Some("rsvp_id"));
    let columns = stream.columns.iter().map(|Column { name, .. }| *name);
    assert_eq!(columns.collect::<Vec<_>>(), COLUMNS);
}

fn message() -> Json {
    json!({
        "rsvp_id": 1, "mtime": 1_600_000_000_000_i64, "response": "yes", "guests": 2,
        "member": {"member_id": 3, "member_name": "Member 3", "photo": 7},
        "event": {"event_id": "e4", "event_name": "Evening", "time": 1_600_000_500_000_i64},
        "group": {
            "group_id": 5, "group_country": "de", "group_lat": 52.5, "group_lon": 13,
            "group_topics": [
                {"urlkey": " Fun-Times ", "topic_name": "Fun"},
                {"urlkey": "fun-times", "topic_name": "Fun Times"},
                {"urlkey": "art"}
            ]
        },
        "unknown": [{"a": null}]
    })
}

/// Decodes the sample message with the value at `pointer` replaced (removed when `None`).
fn outcome(pointer: &str, value: Option<Json>) -> Result<(), (Reason, String)> {
    let mut message = message();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = message.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Json::Array(items), Some(value)) => items[field.parse::<usize>().unwrap()] = value,
        (parent, Some(value)) => parent[field] = value,
        (parent, None) => drop(parent.as_object_mut().unwrap().remove(field)),
    }
    let bytes = message.to_string();
    decode(bytes.as_bytes()).map(drop).map_err(|dead| (dead.reason, dead.detail.into_owned()))
}

#[test]
fn a_response_has_its_fields_cleaned() {
    let bytes = message().to_string();
    let response = decode(bytes.as_bytes()).unwrap();
    assert_eq!(response.sums, [2, 3, 0, 0]);
    assert_eq!(response.scope, "DE");
    assert_eq!(response.place, Coordinate::new(52.5, 13.0));
    assert_eq!(column(&response, "venue_id"), &Value::Null);
    let topics: Vec<_> = response.terms[0].iter().map(|t| (&*t.key, &*t.name)).collect();
    assert_eq!(topics, [("art", "art"), ("fun-times", "Fun")]);
    assert_eq!(Rsvps.head(bytes.as_bytes()).key, Some(Key::Integer(1)));
}

/// The document of a message.
fn document(message: &Json) -> ViewDocument {
    let bytes = message.to_string();
    let response = decode(bytes.as_bytes()).unwrap();
    let position = Position { partition: 0, offset: 0 };
    FactWriter::new(decoder().stream()).render(&response, position)
}

#[test]
fn a_response_is_shown_with_all_its_fields() {
    let document = document(&json!({
        "rsvp_id": 1, "mtime": 1_600_000_000_499_i64, "response": "yes", "guests": 2,
        "member": {"member_id": 3, "member_name": "A \"B\""},
        "event": {"event_id": "e4", "event_name": "N", "event_url": "https://x/y", "time": 5},
        "venue": {"venue_id": -6, "venue_name": "Hall", "lat": 1.5, "lon": 2},
        "group": {"group_id": 5, "group_name": "G", "group_urlname": "g", "group_city": "Köln",
                  "group_state": "NRW", "group_country": "de", "group_lat": 52.5, "group_lon": 13,
                  "group_topics": [{"urlkey": "b", "topic_name": "B"}, {"urlkey": "a"}]}
    }));
    assert_eq!((document.view.name(), &*document.id), ("responses", "1/1600000000/yes/2"));
    assert_eq!(document.scope.as_deref(), Some("DE"));
    let expected = concat!(
        r#"{"@timestamp":"2020-09-13T12:26:40.499Z","rsvp_id":1,"response":"yes","guests":2,"#,
        r#""attendees":3,"country":"DE","topics":["a","b"],"topic_names":["a","B"],"#,
        r#""member":{"id":3,"name":"A \"B\""},"event":{"id":"e4","name":"N","#,
        r#""url":"https://x/y","time":"1970-01-01T00:00:00.005Z"},"group":{"id":5,"name":"G","#,
        r#""urlname":"g","city":"Köln","state":"NRW","country":"DE","#,
        r#""location":{"lat":52.5,"lon":13.0}},"venue":{"id":-6,"name":"Hall","#,
        r#""location":{"lat":1.5,"lon":2.0}}}"#
    );
    assert_eq!(document.body, expected);
}

#[test]
fn a_response_is_shown_without_what_it_does_not_say() {
    let document = document(&json!({
        "rsvp_id": 1, "mtime": 1_600_000_000_500_i64, "response": "no", "guests": 0,
        "member": {"member_id": 3}, "event": {"event_id": "e4"},
        "venue": {"venue_name": "Hall", "lat": 0, "lon": 0},
        "group": {"group_id": 5, "group_country": "de", "group_lat": 0, "group_lon": 0,
                  "group_topics": []}
    }));
    assert_eq!(document.id, "1/1600000001/no/0", "to the nearest second");
    let expected = concat!(
        r#"{"@timestamp":"2020-09-13T12:26:40.500Z","rsvp_id":1,"response":"no","guests":0,"#,
        r#""attendees":0,"country":"DE","topics":[],"topic_names":[],"member":{"id":3},"#,
        r#""event":{"id":"e4"},"group":{"id":5,"country":"DE"},"venue":{"name":"Hall"}}"#
    );
    assert_eq!(document.body, expected);
}

/// The source repeats responses with their time rounded to the second.
#[test]
fn a_response_sent_again_is_the_same_fact() {
    let identity = |pointer: &str, value: Json| {
        let mut message = message();
        *message.pointer_mut(pointer).unwrap() = value;
        let bytes = message.to_string();
        decoder().stream().identity(&decode(bytes.as_bytes()).unwrap()).unwrap()
    };
    let first = identity("/mtime", json!(1_600_000_000_499_i64));
    assert_eq!(identity("/mtime", json!(1_600_000_000_000_i64)), first);
    assert_eq!(identity("/member/member_id", json!(4)), first);
    assert_ne!(identity("/mtime", json!(1_600_000_000_500_i64)), first);
    assert_ne!(identity("/guests", json!(3)), first);
    assert_ne!(identity("/response", json!("no")), first);
    assert_ne!(identity("/rsvp_id", json!(2)), first);
}

#[test]
fn a_dead_letter_names_the_field() {
    let check = |pointer, value: Option<Json>, reason, detail: &str| {
        assert_eq!(outcome(pointer, value), Err((reason, detail.to_owned())));
    };
    check("/rsvp_id", None, Reason::MissingField, "`rsvp_id` is missing");
    check("/group", None, Reason::MissingField, "`group` is missing");
    check("/group/group_lat", None, Reason::MissingField, "`group.group_lat` is missing");
    check("/member", Some(json!(1)), Reason::WrongType, "`member` is not an object");
    check("/guests", Some(json!(1.5)), Reason::WrongType, "`guests` is not a 64-bit integer");
    check("/event/event_id", Some(json!(7)), Reason::WrongType, "`event.event_id` is not text");
    check("/guests", Some(json!(-1)), Reason::InvalidValue, "`guests` is -1");
    check("/response", Some(json!("maybe")), Reason::InvalidValue, "`response` is `maybe`");
    check(
        "/group/group_topics/0",
        Some(json!({"topic_name": "x"})),
        Reason::MissingField,
        "`group.group_topics[0].urlkey` is missing",
    );
    let (reason, detail) = outcome("/event/event_name", Some(json!(7))).unwrap_err();
    assert_eq!(reason, Reason::WrongType);
    assert!(detail.contains("string"), "{detail}");
    let future = json!(NOW.0 + 60_001);
    assert_eq!(outcome("/mtime", Some(future)).unwrap_err().0, Reason::FutureTime);
    assert_eq!(outcome("/mtime", Some(json!(NOW.0 + 60_000))), Ok(()));
    assert_eq!(outcome("/mtime", Some(json!(i64::MAX))).unwrap_err().0, Reason::InvalidValue);
}

#[test]
fn a_coordinate_that_is_no_number_is_not_used() {
    for value in [json!("52.5"), json!(null), json!([1]), json!({"a": 1}), json!(95), json!(true)] {
        let mut message = message();
        message["group"]["group_lat"] = value;
        let bytes = message.to_string();
        assert_eq!(decode(bytes.as_bytes()).unwrap().place, None);
    }
}

#[test]
fn text_that_is_not_one_message_is_invalid_json() {
    for text in ["", "{", "{'a': 1}", "{} {}", "\u{feff}{}", "{\"a\":\"\u{1}\"}"] {
        assert_eq!(decode(text.as_bytes()).unwrap_err().reason, Reason::InvalidJson, "{text}");
    }
    assert_eq!(decode(b"[1]").unwrap_err().reason, Reason::WrongType);
    let mut bytes = message().to_string().into_bytes();
    let place = bytes.windows(7).position(|part| part == b"Evening").unwrap();
    bytes[place] = 0xff;
    assert_eq!(decode(&bytes).unwrap_err().reason, Reason::InvalidJson);
    let twice = message().to_string().replacen('{', "{\"rsvp_id\":2,", 1);
    assert_eq!(decode(twice.as_bytes()).unwrap_err().reason, Reason::InvalidValue);
}

#[test]
fn size_and_depth_have_a_limit() {
    let long = vec![b' '; MAX_MESSAGE_BYTES + 1];
    assert_eq!(decode(&long).unwrap_err().reason, Reason::TooLarge);
    let deep = format!("{{\"x\":{}", "[".repeat(MAX_MESSAGE_BYTES - 100));
    assert_eq!(decode(deep.as_bytes()).unwrap_err().reason, Reason::InvalidJson);
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let with = |value: &str| message().to_string().replacen('{', &format!("{{\"x\":{value},"), 1);
    assert!(decode(with(&nested(MAX_DEPTH - 1)).as_bytes()).is_ok());
    let deep = with(&nested(MAX_DEPTH));
    assert_eq!(decode(deep.as_bytes()).unwrap_err().reason, Reason::InvalidJson);
    assert_eq!(Rsvps.head(deep.as_bytes()).key, None);
    let brackets_in_text = with(&format!("\"\\\"{}\"", "[".repeat(5000)));
    assert!(decode(brackets_in_text.as_bytes()).is_ok());
}

#[test]
fn the_key_of_the_partition_is_the_decoded_one() {
    let escaped = message().to_string().replace("rsvp_id", "rsvp\\u005fid");
    assert_eq!(decode(escaped.as_bytes()).unwrap().columns[0], Value::Integer(1));
    assert_eq!(Rsvps.head(escaped.as_bytes()).key, Some(Key::Integer(1)));
    assert_eq!(Rsvps.head(b"not json").key, None);
    let escaped = escaped.replace("mtime", "\\u006dtime");
    assert_eq!(Rsvps.head(escaped.as_bytes()).time, Some(EventTime(1_600_000_000_000)));
    assert_eq!(Rsvps.head(b"{\"mtime\":5}").time, Some(EventTime(5)));
    assert_eq!(Rsvps.head(b"{\"mtime\":\"5\"}").time, None);
}

#[test]
fn recorded_messages_decode() {
    let folder = Path::new("../../../shared/data/rsvps");
    if !folder.exists() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
        return;
    }
    let count = |file: &str| {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let valid = lines.clone().filter(|line| decode(line).is_ok()).count();
        (lines.count(), valid)
    };
    assert_eq!(count("wbaa-2017-03-19.jsonl"), (1541, 1541));
    assert_eq!(count("linksim-2018-03-29.jsonl"), (100, 100));
    assert_eq!(count("odd.jsonl"), (63, 63));
    assert_eq!(count("malformed.txt"), (7, 0));
}

proptest! {
    #[test]
    fn any_bytes_are_a_response_or_a_dead_letter(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let decoded = decode(&bytes).is_ok();
        prop_assert!(!decoded || Rsvps.head(&bytes).key.is_some());
    }

    /// A valid message with a few bytes changed: near misses are where decoders break.
    #[test]
    fn a_damaged_message_is_a_response_or_a_dead_letter(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = message().to_string().into_bytes();
        for (index, byte) in changes {
            let place = index.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(response) = decode(&bytes) {
            let Value::Integer(id) = response.columns[0] else { panic!("it is one") };
            prop_assert_eq!(Rsvps.head(&bytes).key, Some(Key::Integer(id)));
            prop_assert!(serde_json::from_slice::<Json>(&bytes).is_ok(), "accepted invalid JSON");
        }
    }
}
