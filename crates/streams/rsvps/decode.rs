//! Meetup's RSVP messages: from bytes to a [`Fact`], or to the reason why there is none.
//!
//! The fast path reads straight into borrowed structs. Only a message that fails there is read a
//! second time, slowly, to say which field is wrong ([`diagnose`]).

mod diagnose;
#[cfg(test)]
mod tests;
mod wire;

use std::borrow::Cow;

use pulso_model::{
    Coordinate, DeadLetter, Decode, Decoded, EventTime, Fact, Head, Key, Reason, Term, Value,
    any_byte,
};
use sonic_rs::JsonValueTrait;

use crate::json::check_depth;

/// More guests than any number a person would enter; keeps sums far from overflow.
const MAX_GUESTS: u64 = 1_000_000;

/// The kinds in the order of the descriptor.
const KINDS: [&str; 3] = ["no", "waitlist", "yes"];

const YES: u8 = 2;

/// The columns in the order of [`convert`]; that of the descriptor, as a test shows.
#[cfg(test)]
const COLUMNS: [&str; 16] = [
    "rsvp_id",
    "member_id",
    "member_name",
    "event_id",
    "event_name",
    "event_url",
    "event_time",
    "group_id",
    "group_name",
    "group_urlname",
    "group_city",
    "group_state",
    "venue_id",
    "venue_name",
    "venue_latitude",
    "venue_longitude",
];

/// Decodes RSVP messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rsvps;

impl Decode for Rsvps {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        check_depth(payload)?;
        let message: wire::Message<'a> =
            sonic_rs::from_slice(payload).map_err(|error| diagnose::diagnose(payload, &error))?;
        convert(message).map(Decoded::Fact)
    }

    /// The `rsvp_id` and the `mtime`, which are near the beginning: the rest is not looked at.
    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        let mut head = Head::default();
        if check_depth(payload).is_err() {
            return head;
        }
        for (name, value) in sonic_rs::to_object_iter(payload).map_while(Result::ok) {
            match &*name {
                "rsvp_id" => head.key = value.as_i64().map(Key::Integer),
                "mtime" => {
                    let usable = |millis: &i64| EventTime::RANGE.contains(millis);
                    head.time = value.as_i64().filter(usable).map(EventTime);
                }
                _ => {}
            }
            if head.key.is_some() && head.time.is_some() {
                break;
            }
        }
        head
    }
}

fn convert(message: wire::Message<'_>) -> Result<Fact<'_>, DeadLetter> {
    let wire::Message { rsvp_id, mtime, response, guests, member, event, group, venue } = message;
    let kind = (0..).zip(KINDS).find(|(_, name)| *name == response.0);
    let (kind, _) = kind.ok_or_else(|| invalid(format!("`response` is `{}`", response.0)))?;
    let guests = u64::try_from(guests)
        .ok()
        .filter(|&guests| guests <= MAX_GUESTS)
        .ok_or_else(|| invalid(format!("`guests` is {guests}")))?;
    let time = checked("mtime", mtime)?;
    let event_time = event.time.map(|millis| checked("event.time", millis)).transpose()?;
    let place = coordinate(group.group_lat, group.group_lon);
    let (venue_id, venue_name, venue_place) = venue.map_or_else(Default::default, |venue| {
        (venue.venue_id, venue.venue_name, coordinate(venue.lat, venue.lon))
    });
    let columns = vec![
        Value::Integer(rsvp_id),
        Value::Integer(member.member_id),
        text(member.member_name),
        Value::Text(event.event_id.0),
        text(event.event_name),
        text(event.event_url),
        event_time.into(),
        Value::Integer(group.group_id),
        text(group.group_name),
        text(group.group_urlname),
        text(group.group_city),
        text(group.group_state),
        venue_id.into(),
        text(venue_name),
        venue_place.map(Coordinate::latitude).into(),
        venue_place.map(Coordinate::longitude).into(),
    ];
    Ok(Fact {
        time,
        scope: upper_case(group.group_country.0),
        kind,
        sums: [guests, if kind == YES { 1 + guests } else { 0 }, 0, 0],
        place,
        terms: [topics(group.group_topics), Vec::new(), Vec::new(), Vec::new()],
        columns,
    })
}

fn invalid(detail: String) -> DeadLetter {
    DeadLetter::new(Reason::InvalidValue, detail)
}

fn checked(field: &str, millis: i64) -> Result<EventTime, DeadLetter> {
    if EventTime::RANGE.contains(&millis) {
        return Ok(EventTime(millis));
    }
    Err(invalid(format!("`{field}` {millis} ms is not in the years 1 to 9999")))
}

fn text(text: Option<wire::Text<'_>>) -> Value<'_> {
    text.map_or(Value::Null, |text| Value::Text(text.0))
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
fn topics(sent: Vec<wire::Topic<'_>>) -> Vec<Term<'_>> {
    let mut topics: Vec<_> = sent.into_iter().map(term).collect();
    Term::distinct(&mut topics);
    topics
}

fn term(topic: wire::Topic<'_>) -> Term<'_> {
    let key = topic_key(topic.urlkey.0);
    let name = topic.topic_name.map_or_else(|| key.clone(), |name| name.0);
    Term { key, name }
}

fn topic_key(urlkey: Cow<'_, str>) -> Cow<'_, str> {
    let changes =
        |byte: u8| byte.is_ascii_uppercase() | byte.is_ascii_whitespace() | !byte.is_ascii();
    if any_byte(&urlkey, changes) {
        return Cow::Owned(urlkey.trim().to_lowercase());
    }
    urlkey
}
