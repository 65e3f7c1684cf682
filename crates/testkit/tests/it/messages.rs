//! The synthetic messages are what they claim to be.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use pulso_model::{Decoded, Fact, Value, WallTime};
use pulso_testkit::message::{EPOCH, message, sequence};
use pulso_testkit::{decoder, stream};
use serde_json::json;

const NOW: WallTime = WallTime(EPOCH + 86_400_000);

fn fact(payload: &[u8]) -> Option<Fact<'_>> {
    match decoder().decode(payload, NOW) {
        Ok(Decoded::Fact(fact)) => Some(fact),
        Ok(Decoded::Skipped(reason)) => panic!("no message of the stream is skipped: {reason}"),
        Err(_) => None,
    }
}

fn column<'a>(fact: &'a Fact<'a>, name: &str) -> &'a Value<'a> {
    let at = stream().columns.iter().position(|column| column.name == name).unwrap();
    &fact.columns[at]
}

#[test]
fn a_built_message_is_the_fact_it_was_built_as() {
    let built = message(7, EPOCH)
        .response("no")
        .guests(2)
        .member(5)
        .event("e9")
        .group(3)
        .country("us")
        .topics(&["wine"])
        .coordinates(1.5, 2.5)
        .venue(8, 3.5, 4.5);
    let bytes = built.bytes();
    let fact_of = fact(&bytes).unwrap();
    let integer = |name| match column(&fact_of, name) {
        Value::Integer(number) => *number,
        other => panic!("`{name}` is {other:?}"),
    };
    assert_eq!((integer("rsvp_id"), fact_of.time.0), (7, EPOCH));
    let kind = stream().kind.values[usize::from(fact_of.kind)];
    assert_eq!((kind, fact_of.sums), ("no", [2, 0, 0, 0]));
    assert_eq!((integer("member_id"), integer("group_id"), integer("venue_id")), (5, 3, 8));
    assert_eq!(*column(&fact_of, "event_id"), Value::Text("e9".into()));
    assert_eq!((&*fact_of.scope, fact_of.terms[0].len()), ("US", 1));
    assert!(fact_of.place.is_some());
    assert_eq!(*column(&fact_of, "venue_latitude"), Value::Float(3.5));
    assert!(fact(&message(7, EPOCH).bytes()).is_some());
    assert!(fact(&built.clone().without("/event/event_id").bytes()).is_none());
    assert!(fact(&built.set("/guests", json!(-1)).bytes()).is_none());
}

/// A long sequence has some of everything that occurs in a real stream.
#[test]
fn sequences_have_echoes_disorder_and_malformed_messages() {
    let mut runner = TestRunner::deterministic();
    let messages = sequence(3_000).new_tree(&mut runner).unwrap().current();
    let (mut identities, mut newest) = (BTreeSet::new(), 0);
    let (mut echoes, mut behind, mut late, mut dead) = (0, 0, 0, 0);
    for message in &messages {
        let Some(fact) = fact(message) else {
            dead += 1;
            continue;
        };
        if !identities.insert(stream().identity(&fact).unwrap()) {
            echoes += 1;
        } else if fact.time.0 < newest - 2_000 {
            late += 1;
        } else if fact.time.0 < newest {
            behind += 1;
        }
        newest = newest.max(fact.time.0);
    }
    let found = format!("{echoes} echoes, {behind} behind, {late} late, {dead} malformed");
    assert!(echoes > 200 && behind > 50 && late > 50 && dead > 50, "{found}");
}
