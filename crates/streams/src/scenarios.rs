//! What the streams that programs decode make of messages: each has them in its folder.
//!
//! `decode.scenario` is a list of messages, each after `> `, with what becomes of it below;
//! `UPDATE_EXPECT=1` rewrites it. `sample.ndjson` has a few minutes of the stream, made up.

use std::collections::BTreeMap;
use std::path::Path;

use pulso_model::{Decoded, Decoder, Fact, Key, Stream, TimeLimits, Value, WallTime};
use serde_json::{Map, Value as Json, json};

use crate::{BROUGHT, Streams};

const NOW: WallTime = WallTime(1_800_000_000_000);

fn declared() -> impl Iterator<Item = &'static str> {
    BROUGHT.iter().filter(|brought| brought.decoder.is_none()).map(|brought| brought.folder)
}

fn decoder(stream: &str) -> Decoder {
    Streams::brought().get(stream).unwrap().decoder(TimeLimits::NONE)
}

/// What becomes of a message, on one line.
fn outcome(decoder: &Decoder, message: &str) -> String {
    match decoder.decode(message.as_bytes(), NOW) {
        Ok(Decoded::Fact(fact)) => format!("fact {}", shown(decoder.stream(), &fact)),
        Ok(Decoded::Skipped(reason)) => format!("skipped {reason}"),
        Err(dead) => format!("dead letter {dead}"),
    }
}

/// A fact without what is not there.
fn shown(stream: &Stream, fact: &Fact<'_>) -> Json {
    let mut parts = Map::new();
    let mut put = |name: &str, value: Json| drop(parts.insert(name.to_owned(), value));
    put("time", json!(fact.time.to_string()));
    put(stream.kind.name, json!(stream.kind.values[usize::from(fact.kind)]));
    if let Some(scope) = stream.scope {
        put(scope.name, json!(fact.scope));
    }
    if let Some(place) = fact.place {
        put("place", json!([place.latitude(), place.longitude()]));
    }
    for (facet, terms) in
        stream.facets.iter().zip(&fact.terms).filter(|(_, terms)| !terms.is_empty())
    {
        let terms = terms.iter().map(|term| match term.key == term.name {
            true => json!(term.key),
            false => json!({"key": term.key, "name": term.name}),
        });
        put(facet.term.many, terms.collect());
    }
    for (column, value) in stream.columns.iter().zip(&fact.columns) {
        let value = match value {
            Value::Null => continue,
            Value::Boolean(value) => json!(value),
            Value::Integer(number) => json!(number),
            Value::Float(number) => json!(number),
            Value::Text(text) => json!(text),
            Value::Texts(texts) => json!(texts),
            Value::Time(time) => json!(time.to_string()),
        };
        put(column.name, value);
    }
    parts.into()
}

#[test]
fn messages_become_what_the_scenarios_say() {
    for stream in declared() {
        let path = Path::new(stream).join("decode.scenario");
        let text = std::fs::read_to_string(&path).unwrap();
        let decoder = decoder(stream);
        let mut found = String::new();
        for line in text.lines() {
            if line.starts_with('#') || line.is_empty() {
                found += &format!("{line}\n");
            } else if let Some(message) = line.strip_prefix("> ") {
                found += &format!("{line}\n{}\n", outcome(&decoder, message));
            }
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &found).unwrap();
            continue;
        }
        for (found, expected) in found.lines().zip(text.lines()) {
            assert_eq!(found, expected, "{}", path.display());
        }
        assert_eq!(found.lines().count(), text.lines().count(), "{}", path.display());
    }
}

/// The sample of a stream shows all that its messages can be, so that a test which reads it tests all.
#[test]
fn samples_have_every_kind_and_wrong_messages() {
    for stream in declared() {
        let decoder = decoder(stream);
        let text = std::fs::read_to_string(Path::new(stream).join("sample.ndjson")).unwrap();
        let mut kinds = vec![0; decoder.stream().kind.values.len()];
        let mut terms = vec![0; decoder.stream().facets.len()];
        let mut dead = 0;
        for line in text.lines() {
            match decoder.decode(line.as_bytes(), NOW) {
                Ok(Decoded::Fact(fact)) => {
                    kinds[usize::from(fact.kind)] += 1;
                    terms
                        .iter_mut()
                        .zip(&fact.terms)
                        .for_each(|(count, terms)| *count += terms.len());
                }
                Ok(Decoded::Skipped(_)) => {}
                Err(_) => dead += 1,
            }
        }
        assert!(kinds.iter().all(|count| *count > 0), "{stream}: {kinds:?}");
        assert!(terms.iter().all(|count| *count > 10), "{stream}: {terms:?}");
        assert!((2..10).contains(&dead), "{stream}: {dead} dead letters");
    }
}

/// Messages that are the same fact come into one partition.
#[test]
fn messages_of_one_identity_have_one_key() {
    for stream in declared() {
        let decoder = decoder(stream);
        let text = std::fs::read_to_string(Path::new(stream).join("sample.ndjson")).unwrap();
        let mut keys: BTreeMap<String, Option<Key<'_>>> = BTreeMap::new();
        for line in text.lines() {
            let Ok(Decoded::Fact(fact)) = decoder.decode(line.as_bytes(), NOW) else { continue };
            let stream = decoder.stream();
            if !stream.identity.is_empty() {
                let identity = format!("{:?}", stream.identity(&fact));
                let key = decoder.head(line.as_bytes()).key;
                assert!(key.is_some(), "{stream}: {line}");
                assert_eq!(keys.entry(identity).or_insert(key.clone()), &key, "{stream}: {line}");
            }
        }
    }
}

/// Recordings are not ours to copy; they are read where they lie.
#[test]
fn recordings_decode() {
    let folder = Path::new("../../../shared/data");
    if !folder.exists() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
        return;
    }
    let check = |stream: &str, file: &str, expected: &[(&str, usize)]| {
        let decoder = decoder(stream);
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for line in text.lines() {
            let outcome = match decoder.decode(line.as_bytes(), NOW) {
                Ok(Decoded::Fact(fact)) => {
                    decoder.stream().kind.values[usize::from(fact.kind)].to_owned()
                }
                Ok(Decoded::Skipped(reason)) => format!("skipped {reason}"),
                Err(dead) => format!("dead letter {dead}"),
            };
            *counts.entry(outcome).or_default() += 1;
        }
        let expected = expected.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count));
        assert_eq!(counts, expected.collect(), "{file}");
    };
    // 3,440 clicks of 3,560 lines.
    let hour = [("known", KNOWN), ("new", 3440 - KNOWN), ("skipped heartbeat", 120)];
    check("clicks", "usagov/pydata-book.example.txt", &hour);
    check("clicks", "usagov/1USAgov-club.RequestSpec-2016.jsonl", &[("new", 5)]);
    check("open-events", "meetup-streams/open_events.embedded.jsonl", &[("upcoming", 3)]);
    let other = [("skipped account", 1), ("skipped identity", 1), ("skipped other_collection", 8)];
    check("calendar", "jetstream/golden_v1.jsonl", &other);
    let simulated = |file: &str| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let decoder = decoder("calendar");
        let skipped =
            |line: &&str| matches!(decoder.decode(line.as_bytes(), NOW), Ok(Decoded::Skipped(_)));
        assert_eq!(text.lines().filter(skipped).count(), text.lines().count(), "{file}");
    };
    simulated("jetstream/v1-simulated.jsonl");
    simulated("jetstream/v2-simulated.jsonl");
}

/// Of people who had followed a short link before, in the recorded hour.
const KNOWN: usize = 1587;
