//! The synthetic messages are what they claim to be.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use pulso_model::{WallTime, decode};
use pulso_testkit::message::{EPOCH, message, sequence};
use serde_json::json;

const NOW: WallTime = WallTime(EPOCH + 86_400_000);

#[test]
fn a_built_message_is_the_response_it_was_built_as() {
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
    let response = decode(&bytes, NOW).unwrap();
    assert_eq!((response.rsvp_id, response.event_time.0), (7, EPOCH));
    assert_eq!((response.kind.name(), response.guests), ("no", 2));
    assert_eq!((response.member.id, &*response.event.id, response.group.id), (5, "e9", 3));
    assert_eq!((&*response.group.country, response.topics.len()), ("US", 1));
    assert!(response.group.coordinate.is_some() && response.venue.is_some());
    assert!(decode(&message(7, EPOCH).bytes(), NOW).is_ok());
    assert!(decode(&built.clone().without("/event/event_id").bytes(), NOW).is_err());
    assert!(decode(&built.set("/guests", json!(-1)).bytes(), NOW).is_err());
}

/// A long sequence has some of everything that occurs in a real stream.
#[test]
fn sequences_have_echoes_disorder_and_malformed_messages() {
    let mut runner = TestRunner::deterministic();
    let messages = sequence(3_000).new_tree(&mut runner).unwrap().current();
    let (mut keys, mut newest) = (BTreeSet::new(), 0);
    let (mut echoes, mut behind, mut late, mut dead) = (0, 0, 0, 0);
    for message in &messages {
        let Ok(response) = decode(message, NOW) else {
            dead += 1;
            continue;
        };
        if !keys.insert(response.echo_key()) {
            echoes += 1;
        } else if response.event_time.0 < newest - 2_000 {
            late += 1;
        } else if response.event_time.0 < newest {
            behind += 1;
        }
        newest = newest.max(response.event_time.0);
    }
    let found = format!("{echoes} echoes, {behind} behind, {late} late, {dead} malformed");
    assert!(echoes > 200 && behind > 50 && late > 50 && dead > 50, "{found}");
}
