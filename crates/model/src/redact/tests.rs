use std::sync::{Arc, LazyLock};

use serde_json::{Value as Json, json};

use super::*;
use crate::stream::tests::{SIGHTINGS, sighting};
use crate::{Decode, Head, Part, Reason, Stream, TimeLimits};

const NOW: WallTime = WallTime(1_700_000_000_000);
const ANN: &str = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";

static WATCHED: LazyLock<Stream> = LazyLock::new(|| Stream {
    personal: vec![Part::Column(0), Part::Column(2), Part::Column(4)],
    ..SIGHTINGS.clone()
});

/// Makes a fact of what it finds in `observer`, `ring`, `site` and `tags`; and of a line that is no JSON,
/// of its first word.
#[derive(Debug)]
struct Sightings;

impl Decode for Sightings {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        let line = str::from_utf8(payload).unwrap();
        let mut fact = sighting();
        let message: Json = match serde_json::from_str(line) {
            Ok(message) => message,
            Err(_) if line.starts_with('{') || line.is_empty() => {
                return Err(DeadLetter::new(Reason::InvalidJson, line.to_owned()));
            }
            Err(_) => json!({"observer": {"id": line.split(' ').next()}}),
        };
        if message["operation"] == "delete" {
            return Ok(Decoded::Skipped("delete".into()));
        }
        let Some(observer) = message["observer"]["id"].as_str() else {
            return Err(DeadLetter::new(Reason::MissingField, format!("none in {line}")));
        };
        fact.columns[0] = Value::Text(observer.to_owned().into());
        fact.columns[2] = message["site"].as_f64().into();
        fact.columns[4] = message["ring"].as_i64().into();
        fact.columns[6] = Value::Integer(message["count"].as_i64().unwrap_or(-1));
        fact.sums[0] = message["note"].as_str().unwrap_or_default().len() as u64;
        let tags = message["tags"].as_array();
        let tags = tags.into_iter().flatten().filter_map(Json::as_str);
        // As of a link, all but its host is ignored.
        let hosts = tags.map(|tag| tag.split('/').next().unwrap_or_default().to_owned().into());
        fact.columns[5] = Value::Texts(hosts.collect());
        Ok(Decoded::Fact(fact))
    }

    fn head<'a>(&self, _: &'a [u8]) -> Head<'a> {
        Head::default()
    }
}

fn decoder() -> Decoder {
    Decoder::new(&WATCHED, Arc::new(Sightings), TimeLimits::NONE)
}

#[track_caller]
fn redacted(payload: &str, renaming: Option<&Renaming>) -> String {
    let redacted = redact(&decoder(), payload.as_bytes(), NOW, renaming).unwrap();
    String::from_utf8(redacted).unwrap()
}

fn fact(payload: &str) -> Fact<'_> {
    match decoder().decode(payload.as_bytes(), NOW) {
        Ok(Decoded::Fact(fact)) => fact,
        other => panic!("{other:?}: {payload}"),
    }
}

fn ann() -> Renaming {
    Renaming::new(&WATCHED, ANN, [7; 32]).unwrap()
}

fn sighted(more: Json) -> String {
    let mut message = json!({"observer": {"id": ANN, "name": "Ann Blum"}});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message.to_string()
}

#[test]
fn only_what_the_fact_needs_is_left() {
    let check = |more: Json, expected: &str| {
        let payload = sighted(more);
        let redacted = redacted(&payload, None);
        assert_eq!(redacted, expected, "{payload}");
        assert_eq!(fact(&redacted), fact(&payload));
    };
    let who = format!(r#""observer":{{"id":"{ANN}"}}"#);
    check(json!({}), &format!("{{{who}}}"));
    check(json!({"secret": [{"a": 1}, "b"], "text": "hello"}), &format!("{{{who}}}"));
    check(json!({"note": "hello"}), &format!(r#"{{"note":"xxxxx",{who}}}"#));
    check(json!({"ring": 5}), &format!(r#"{{{who},"ring":5}}"#));
    check(
        json!({"tags": ["a.org/secret?q=1", 5, "b.org"]}),
        &format!(r#"{{{who},"tags":["a.org","b.org"]}}"#),
    );
}

#[test]
fn numbers_keep_their_spelling() {
    let payload =
        format!(r#"{{"observer":{{"id":"{ANN}"}},"site":0.1000000000000000055511151231257827}}"#);
    assert_eq!(redacted(&payload, None), payload);
}

#[test]
fn a_message_that_is_no_fact_keeps_its_reason_alone() {
    let delete = format!(r#"{{"observer":{{"id":"{ANN}"}},"operation":"delete"}}"#);
    assert_eq!(redacted(&delete, Some(&ann())), r#"{"operation":"delete"}"#);
    assert_eq!(redacted(r#"{"name": "Ann Blum"#, None), "");
    let payload = r#"{"observer": {"name": "Ann Blum"}}"#;
    assert_eq!(redacted(payload, None), "{}", "and what the dead letter quotes goes");
    let long = format!(r#"{{"text": "{}"}}"#, "Ann ".repeat(crate::MAX_MESSAGE_BYTES / 4));
    let redacted = redacted(&long, None);
    assert!(redacted.bytes().all(|byte| byte == b'x') && redacted.len() == long.len());
}

#[test]
fn the_person_is_renamed_where_the_fact_names_them() {
    let payload =
        sighted(json!({"ring": 77, "site": 1.5, "count": 77, "note": ANN, "tags": [ANN]}));
    let redacted = redacted(&payload, Some(&ann()));
    let wanted = ann().fact(&fact(&payload)).unwrap();
    assert_eq!(fact(&redacted), wanted, "{redacted}");
    assert_eq!(wanted.columns[6], Value::Integer(77), "is no person's, though as large");
    assert!(!redacted.contains("Ann"), "{redacted}");
}

#[test]
fn a_line_that_is_no_json_is_cut_and_renamed() {
    let line = format!("{ANN} saw a crane near Ann Blum's house");
    let redacted = redacted(&line, Some(&ann()));
    assert_eq!(redacted, ann().new_actor());
}

/// Says who it was only as a number made of the whole message.
#[derive(Debug)]
struct Sum;

impl Decode for Sum {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        let mut fact = sighting();
        let sum: i64 = payload.iter().map(|byte| i64::from(*byte)).sum();
        fact.columns[0] = Value::Text(sum.to_string().into());
        Ok(Decoded::Fact(fact))
    }

    fn head<'a>(&self, _: &'a [u8]) -> Head<'a> {
        Head::default()
    }
}

#[test]
fn what_cannot_be_undone_or_takes_too_long_is_told() {
    let decoder = Decoder::new(&WATCHED, Arc::new(Sum), TimeLimits::NONE);
    let sum = Renaming::new(&WATCHED, "294", [7; 32]).unwrap();
    assert!(redact(&decoder, b"abc", NOW, None).is_some());
    assert_eq!(redact(&decoder, b"abc", NOW, Some(&sum)), None);
    let numbers: Vec<_> = (0..100_000).collect();
    assert_eq!(redact(&decoder, json!(numbers).to_string().as_bytes(), NOW, None), None);
}
