//! Sequences of messages with everything that occurs in a real stream: echoes, disorder, late
//! messages, changes of mind, malformed text.

use bytes::Bytes;
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use pulso_model::EventTime;

use super::{MessageBuilder, message};

/// The start of all sequences: 2017-03-19T12:00:00Z, in milliseconds since the epoch.
pub const EPOCH: i64 = 1_489_924_800_000;

const TOPICS: [&str; 6] = ["art", "go", "hiking", "music", "rust", "wine"];

/// Country, latitude and longitude. One of them has no usable coordinate.
const PLACES: [(&str, f64, f64); 4] =
    [("de", 52.52, 13.4), ("us", 40.71, -74.0), ("jp", 35.68, 139.69), ("au", 0.0, 0.0)];

/// The kinds of messages in a sequence.
#[derive(Clone, Debug)]
enum Kind {
    /// A response, this many milliseconds behind the newest one.
    Response { behind_ms: i64 },
    /// An earlier message again, with its time rounded to the second or byte for byte.
    Echo { of: Index, rounded: bool },
    /// Text that is not a message.
    Malformed { text: &'static str },
}

#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    /// How far event time advances before the message.
    advance_ms: i64,
    rsvp_id: i64,
    response: &'static str,
    guests: u32,
    place: usize,
    topics: Vec<&'static str>,
}

/// Messages in order of arrival. Event time advances by up to three seconds per message, so that
/// windows of some seconds open and close. Some ids occur again, because members change their
/// minds.
pub fn sequence(messages: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Bytes>> {
    vec(step(), messages).prop_map(|steps| render(&steps))
}

fn step() -> impl Strategy<Value = Step> {
    let response = prop_oneof![6 => Just("yes"), 3 => Just("no"), 1 => Just("waitlist")];
    let guests = prop_oneof![9 => Just(0_u32), 1 => 1..10_u32];
    let topics = subsequence(TOPICS.to_vec(), 1..=TOPICS.len());
    (kind(), 0..3000_i64, 1..60_i64, response, guests, 0..PLACES.len(), topics).prop_map(
        |(kind, advance_ms, rsvp_id, response, guests, place, topics)| Step {
            kind,
            advance_ms,
            rsvp_id,
            response,
            guests,
            place,
            topics,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let response =
        |behind: std::ops::Range<i64>| behind.prop_map(|behind_ms| Kind::Response { behind_ms });
    let malformed = ["", "{", "{'rsvp_id': 1}", "[1]", "{\"rsvp_id\": 7}", "not json"];
    prop_oneof![
        14 => response(0..1_i64),
        2 => response(1..2_000),
        1 => response(2_000..86_400_000),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(of, rounded)| Kind::Echo { of, rounded }),
        1 => proptest::sample::select(malformed.to_vec())
            .prop_map(|text| Kind::Malformed { text }),
    ]
}

fn render(steps: &[Step]) -> Vec<Bytes> {
    let mut now = EPOCH;
    let mut sent: Vec<(i64, MessageBuilder)> = Vec::new();
    let mut messages = Vec::new();
    for step in steps {
        now += step.advance_ms;
        let (mtime, message) = match &step.kind {
            Kind::Malformed { text } => {
                messages.push(Bytes::from_static(text.as_bytes()));
                continue;
            }
            Kind::Echo { of, rounded } if !sent.is_empty() => {
                let (mtime, message) = of.get(&sent).clone();
                let second = EventTime(mtime).nearest_second() * 1000;
                let mtime = if *rounded { second } else { mtime };
                (mtime, message.set("/mtime", mtime.into()))
            }
            Kind::Echo { .. } => response(step, now),
            Kind::Response { behind_ms } => response(step, now - behind_ms),
        };
        messages.push(message.bytes());
        sent.push((mtime, message));
    }
    messages
}

fn response(step: &Step, mtime: i64) -> (i64, MessageBuilder) {
    let (country, latitude, longitude) = PLACES[step.place];
    let group = i64::try_from(step.place).expect("places are few");
    let message = message(step.rsvp_id, mtime)
        .response(step.response)
        .guests(if step.response == "yes" { step.guests } else { 0 })
        .group(group)
        .event(&format!("e{}", step.rsvp_id % 7))
        .country(country)
        .coordinates(latitude, longitude)
        .topics(&step.topics);
    (mtime, message)
}
