//! Jetstream, in both versions of its protocol; the path of the url tells which.
//!
//! | | version 1 | version 2 |
//! | --- | --- | --- |
//! | goes on from | a time | a number of the same host, or a time |
//! | a message's place | `time_us` | `payload.seq` and `payload.time` |
//! | says of itself | nothing | `#info` frames; before it hangs up, an `error` frame |
//!
//! A cursor is inclusive in both: the last stored message comes again, and shows that nothing is missing.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use http::Uri;
use pulso_model::EventTime;
use pulso_runtime::config::Protocol;
use serde::Deserialize;

use super::{Farewell, Frame, Mark, Number, Place, Request, Start, before, host, with_parameter};

/// What a client of version 2 speaks.
const SUBPROTOCOL: &str = "xrpc.v1.json";

/// From here on a cursor of version 2 is a time in microseconds, below it a number.
const FIRST_TIME_CURSOR: i64 = 1_000_000_000_000_000;

/// The farewell to a client that does not read fast enough.
pub(in super::super) const CONSUMER_TOO_SLOW: &str = "ConsumerTooSlow";

/// Farewells to a client that asks for what it does not get.
pub(in super::super) const REFUSALS: [&str; 4] =
    ["InvalidRequest", "MethodNotImplemented", "AuthenticationRequired", "Forbidden"];

pub(super) fn request(url: &Uri, start: Start<'_>) -> Request {
    let two = url.path() == Protocol::JETSTREAM_2;
    let number = match start {
        Start::Before(place, _) | Start::After(place) if two => seq_on(place, url),
        _ => None,
    };
    let cursor = match (start, number) {
        (Start::Live, _) => None,
        (Start::Before(..), Some(seq)) => Some(seq.to_string()),
        (Start::After(_), Some(seq)) => Some(seq.saturating_add(1).to_string()),
        (Start::Before(place, margin), None) => Some(time_cursor(before(place.time, margin), two)),
        (Start::After(place), None) => Some(time_cursor(place.time, two)),
    };
    Request {
        url: cursor.map_or_else(|| url.clone(), |cursor| with_parameter(url, "cursor", cursor)),
        subprotocol: two.then_some(SUBPROTOCOL),
        last_event_id: None,
        by_number: number.is_some(),
    }
}

/// The number of the message at a place, if this server gave it.
fn seq_on(place: &Place, url: &Uri) -> Option<u64> {
    let number = place.number.as_ref()?;
    (*number.host == *host(url)).then_some(number.seq)
}

fn time_cursor(time: EventTime, two: bool) -> String {
    let time_us = time.0.saturating_mul(1000);
    if two { time_us.max(FIRST_TIME_CURSOR) } else { time_us }.to_string()
}

/// `TIME`, in milliseconds, or `TIME SEQ HOST`.
pub(super) fn cursor(place: &Place) -> Arc<str> {
    let time = place.time.0;
    match &place.number {
        None => time.to_string().into(),
        Some(Number { seq, host }) => format!("{time} {seq} {host}").into(),
    }
}

pub(super) fn place(cursor: &str) -> Option<Place> {
    let mut parts = cursor.split(' ');
    let time = EventTime(parts.next()?.parse().ok()?);
    let number = match (parts.next(), parts.next()) {
        (Some(seq), Some(host)) => Some(Number { seq: seq.parse().ok()?, host: host.into() }),
        _ => None,
    };
    Some(Place { time, number, id: None })
}

/// As much of a frame as says what it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, rename = "$type")]
    frame_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    payload: Option<Payload<'a>>,
    #[serde(default)]
    time_us: Option<i64>,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow, default, rename = "$type")]
    event_type: Option<Cow<'a, str>>,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
}

/// What cannot be read is a message without a place: it is stored as it came, and becomes a dead letter.
pub(super) fn read(frame: &[u8]) -> Frame {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(frame) else {
        return Frame::Message(None);
    };
    let Envelope { frame_type, payload, time_us, error, message } = envelope;
    let text = |text: Option<Cow<'_, str>>| text.unwrap_or_default().into_owned();
    match (frame_type.as_deref(), payload) {
        (Some("error"), _) => Frame::Error(Farewell { error: text(error), message: text(message) }),
        (Some("message"), Some(payload)) => {
            if payload.event_type.as_deref().is_some_and(|name| name.ends_with("#info")) {
                let (name, message) = (text(payload.name), text(payload.message));
                return Frame::Info(format!("{name}: {message}"));
            }
            let time = payload.time.and_then(|time| time.parse().ok());
            Frame::Message(time.map(|time| Mark { time, seq: payload.seq }))
        }
        _ => {
            let time = time_us.map(|time_us| EventTime(time_us.div_euclid(1000)));
            Frame::Message(time.map(|time| Mark { time, seq: None }))
        }
    }
}
