//! From the bytes of a message to a [`Response`], or to the reason why it is none.
//!
//! The fast path reads straight into borrowed structs. Only a message that fails there is read a
//! second time, slowly, to say which field is wrong ([`diagnose`]).

mod diagnose;
#[cfg(test)]
mod tests;
mod wire;

use std::borrow::Cow;

use sonic_rs::JsonValueTrait;

use crate::response::{Event, Group, Member, Response, Topic, Venue};
use crate::scan::any_byte;
use crate::{Coordinate, DeadLetter, EventTime, Reason, ResponseKind, WallTime};

/// The longest message that can be a response: 1 MiB.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// How deep objects and lists may nest. The parser recurses, and a message must not end the process
/// by exhausting its stack.
const MAX_DEPTH: usize = 1024;

/// How far `mtime` may lie after the log's time: one hour, in milliseconds.
const MAX_FUTURE_MS: i64 = 60 * 60 * 1000;

/// More guests than any number a person would enter; keeps sums far from overflow.
const MAX_GUESTS: i64 = 1_000_000;

/// Decodes one message that the log stored at `log_time`.
///
/// # Errors
/// A [`DeadLetter`] with the reason and the place.
pub fn decode(payload: &[u8], log_time: WallTime) -> Result<Response<'_>, DeadLetter> {
    if payload.len() > MAX_MESSAGE_BYTES {
        let detail = format!("{} bytes, the limit is {MAX_MESSAGE_BYTES}", payload.len());
        return Err(dead(Reason::TooLarge, detail));
    }
    if too_deep(payload) {
        return Err(dead(Reason::InvalidJson, format!("nested deeper than {MAX_DEPTH} levels")));
    }
    let message: wire::Message<'_> =
        sonic_rs::from_slice(payload).map_err(|error| diagnose::diagnose(payload, &error))?;
    let response = convert(message)?;
    if response.event_time.0 > log_time.0.saturating_add(MAX_FUTURE_MS) {
        let detail = format!("`mtime` {} is over 1h after {log_time}", response.event_time);
        return Err(dead(Reason::FutureTime, detail));
    }
    Ok(response)
}

/// The `rsvp_id` alone, by which the log is partitioned; `None` when there is none to be found.
///
/// Never differs from what [`decode`] finds in a valid message.
pub fn rsvp_id(payload: &[u8]) -> Option<i64> {
    if payload.len() > MAX_MESSAGE_BYTES || too_deep(payload) {
        return None;
    }
    let found = sonic_rs::get(payload, ["rsvp_id"]).ok().and_then(|value| value.as_i64());
    // The quick look does not know every spelling of a key (escapes), the decoder does.
    found.or_else(|| decode(payload, WallTime(i64::MAX)).ok().map(|response| response.rsvp_id))
}

/// The `mtime` alone, by which a recording is paced; `None` when there is none to be found.
///
/// Like [`rsvp_id`], but a message that is no response may have one too.
pub fn mtime(payload: &[u8]) -> Option<EventTime> {
    if payload.len() > MAX_MESSAGE_BYTES || too_deep(payload) {
        return None;
    }
    let found = sonic_rs::get(payload, ["mtime"]).ok().and_then(|value| value.as_i64());
    let found = found.filter(|millis| EventTime::RANGE.contains(millis)).map(EventTime);
    found.or_else(|| decode(payload, WallTime(i64::MAX)).ok().map(|response| response.event_time))
}

/// Looks only at messages long enough to close what they open that deep: nearly none are.
fn too_deep(payload: &[u8]) -> bool {
    if payload.len() <= 2 * MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for &byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn convert(message: wire::Message<'_>) -> Result<Response<'_>, DeadLetter> {
    let wire::Message { rsvp_id, mtime, response, guests, member, event, group, venue } = message;
    let kind = ResponseKind::from_name(&response.0)
        .ok_or_else(|| dead(Reason::InvalidValue, format!("`response` is `{}`", response.0)))?;
    let guests = u32::try_from(guests)
        .ok()
        .filter(|&guests| i64::from(guests) <= MAX_GUESTS)
        .ok_or_else(|| dead(Reason::InvalidValue, format!("`guests` is {guests}")))?;
    Ok(Response {
        rsvp_id,
        event_time: time("mtime", mtime)?,
        kind,
        guests,
        member: Member { id: member.member_id, name: text(member.member_name) },
        event: Event {
            id: event.event_id.0,
            name: text(event.event_name),
            url: text(event.event_url),
            time: event.time.map(|millis| time("event.time", millis)).transpose()?,
        },
        topics: topics(group.group_topics),
        group: Group {
            id: group.group_id,
            name: text(group.group_name),
            urlname: text(group.group_urlname),
            city: text(group.group_city),
            state: text(group.group_state),
            country: upper_case(group.group_country.0),
            coordinate: coordinate(group.group_lat, group.group_lon),
        },
        venue: venue
            .map(|venue| Venue {
                id: venue.venue_id,
                name: text(venue.venue_name),
                coordinate: coordinate(venue.lat, venue.lon),
            })
            .filter(|venue| *venue != Venue { id: None, name: None, coordinate: None }),
    })
}

fn dead(reason: Reason, detail: String) -> DeadLetter {
    DeadLetter { reason, detail: Cow::Owned(detail) }
}

fn time(field: &str, millis: i64) -> Result<EventTime, DeadLetter> {
    if EventTime::RANGE.contains(&millis) {
        return Ok(EventTime(millis));
    }
    Err(dead(Reason::InvalidValue, format!("`{field}` {millis} ms is not in the years 1 to 9999")))
}

fn text(text: Option<wire::Text<'_>>) -> Option<Cow<'_, str>> {
    text.map(|text| text.0)
}

fn coordinate(latitude: wire::Degrees, longitude: wire::Degrees) -> Option<Coordinate> {
    Coordinate::new(latitude.0?, longitude.0?)
}

fn upper_case(country: Cow<'_, str>) -> Cow<'_, str> {
    if any_byte(&country, |byte| !byte.is_ascii_uppercase()) {
        return Cow::Owned(country.to_uppercase());
    }
    country
}

/// Distinct keys in order; of several names for one key the smallest.
fn topics(sent: Vec<wire::Topic<'_>>) -> Vec<Topic<'_>> {
    let mut topics: Vec<_> = sent
        .into_iter()
        .map(|topic| {
            let key = topic_key(topic.urlkey.0);
            let name = text(topic.topic_name).unwrap_or_else(|| key.clone());
            Topic { key, name }
        })
        .filter(|topic| !topic.key.is_empty())
        .collect();
    topics.sort_unstable();
    topics.dedup_by(|next, kept| next.key == kept.key);
    topics
}

fn topic_key(urlkey: Cow<'_, str>) -> Cow<'_, str> {
    let changes =
        |byte: u8| byte.is_ascii_uppercase() | byte.is_ascii_whitespace() | !byte.is_ascii();
    if any_byte(&urlkey, changes) {
        return Cow::Owned(urlkey.trim().to_lowercase());
    }
    urlkey
}
