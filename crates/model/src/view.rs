//! The views: their names, fields, keys and scopes, in one table that every layer and store reads.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::IsoTime;

/// One kind of document that Pulso keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    Responses,
    CountryActivity,
    TrendingTopics,
    TrendingTopicsByCountry,
    Groups,
    Events,
    GroupDays,
    EventDays,
    /// Messages that are not responses, with the reason.
    DeadLetters,
    /// Responses that came after their pane had closed, by log position.
    LateResponses,
    /// What the batch layer did, when, and how it ended.
    BatchRuns,
    /// How the speed layer kept up, every few seconds.
    Health,
}

/// Who made a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Speed,
    Batch,
}

/// How a view's documents come into being, and which layer answers for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Both layers write it; each UTC day is answered by one of them.
    Day,
    /// The batch layer writes it, a UTC day at a time.
    BatchDay,
    /// The batch layer writes it as a whole, as of now.
    Now,
    /// A journal that its writer appends to; no layer ever replaces it.
    Journal,
}

/// The type of a field, for exports, API schemas and index mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// UTC, ISO 8601 with milliseconds.
    Time,
    /// A UTC day, `2017-03-19`.
    Day,
    Integer,
    Float,
    Text,
    TextList,
    /// `{"lat": degrees, "lon": degrees}`.
    Location,
}

/// One field of a document; a dot in the name means nesting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub field_type: FieldType,
}

use FieldType::{Day, Float, Integer, Location, Text, TextList, Time};

const fn field(name: &'static str, field_type: FieldType) -> Field {
    Field { name, field_type }
}

macro_rules! fields {
    ($($name:literal: $field_type:expr),* $(,)?) => { &[$(field($name, $field_type)),*] };
}

const RESPONSES: &[Field] = fields![
    "@timestamp": Time, "rsvp_id": Integer, "response": Text, "guests": Integer,
    "attendees": Integer, "country": Text, "topics": TextList, "topic_names": TextList,
    "member.id": Integer, "member.name": Text,
    "event.id": Text, "event.name": Text, "event.url": Text, "event.time": Time,
    "group.id": Integer, "group.name": Text, "group.urlname": Text, "group.city": Text,
    "group.state": Text, "group.country": Text, "group.location": Location,
    "venue.id": Integer, "venue.name": Text, "venue.location": Location,
];
const COUNTRY_ACTIVITY: &[Field] = fields![
    "@timestamp": Time, "country": Text, "response": Text, "responses": Integer,
    "guests": Integer, "attendees": Integer, "location": Location,
];
const TRENDING_TOPICS: &[Field] = fields![
    "@timestamp": Time, "window_start": Time, "topic": Text, "name": Text, "count": Integer,
    "rank": Integer, "score": Float,
];
const TRENDING_TOPICS_BY_COUNTRY: &[Field] = fields![
    "@timestamp": Time, "window_start": Time, "country": Text, "topic": Text, "name": Text,
    "count": Integer, "rank": Integer, "score": Float, "location": Location,
];
const GROUPS: &[Field] = fields![
    "@timestamp": Time, "group.id": Integer, "group.name": Text, "group.urlname": Text,
    "group.city": Text, "group.state": Text, "group.country": Text, "group.location": Location,
    "events": Integer, "members": Integer, "responses": Integer, "yes": Integer, "no": Integer,
    "guests": Integer, "attendees": Integer, "first_response": Time,
];
const EVENTS: &[Field] = fields![
    "@timestamp": Time, "event.id": Text, "event.name": Text, "event.url": Text,
    "event.time": Time, "group.id": Integer, "group.name": Text, "group.urlname": Text,
    "group.city": Text, "group.state": Text, "group.country": Text, "group.location": Location,
    "location": Location, "members": Integer, "responses": Integer, "yes": Integer,
    "no": Integer, "guests": Integer, "attendees": Integer, "first_response": Time,
];
const GROUP_DAYS: &[Field] = fields![
    "@timestamp": Time, "day": Day, "group.id": Integer, "group.name": Text,
    "group.urlname": Text, "group.city": Text, "group.state": Text, "group.country": Text,
    "group.location": Location, "responses": Integer, "yes": Integer, "no": Integer,
    "guests": Integer, "attendees": Integer, "members": Integer, "events": Integer,
];
const EVENT_DAYS: &[Field] = fields![
    "@timestamp": Time, "day": Day, "event.id": Text, "event.name": Text, "event.url": Text,
    "event.time": Time, "group.id": Integer, "group.name": Text, "group.urlname": Text,
    "group.city": Text, "group.state": Text, "group.country": Text, "group.location": Location,
    "location": Location, "responses": Integer, "yes": Integer, "no": Integer,
    "guests": Integer, "attendees": Integer, "members": Integer,
];
const DEAD_LETTERS: &[Field] = fields![
    "@timestamp": Time, "partition": Integer, "offset": Integer, "source": Text, "reason": Text,
    "detail": Text, "payload": Text, "payload_hex": Text,
];
const LATE_RESPONSES: &[Field] = fields![
    "@timestamp": Time, "partition": Integer, "offset": Integer, "rsvp_id": Integer,
    "country": Text,
];
const BATCH_RUNS: &[Field] = fields![
    "@timestamp": Time, "run": Text, "job": Text, "ended": Time, "first_day": Day,
    "last_day": Day, "rows": Integer, "outcome": Text, "error": Text,
    "lake_version": Integer, "complete_until": Time, "completed_day": Day,
];
const HEALTH: &[Field] = fields![
    "@timestamp": Time, "messages": Integer, "received": Integer, "counted": Integer,
    "echoes": Integer, "late": Integer, "dead_letters": Integer, "lag": Integer,
    "watermark_delay_seconds": Float,
];

/// One part of a document's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyField {
    /// The field as it is.
    Value(&'static str),
    /// The nearest whole second of a time, half up: what tells responses apart.
    Second(&'static str),
}

impl KeyField {
    pub fn name(self) -> &'static str {
        match self {
            Self::Value(name) | Self::Second(name) => name,
        }
    }
}

use KeyField::{Second, Value};

/// The value of one key field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPart<'a> {
    Integer(i64),
    Text(&'a str),
    Time(crate::EventTime),
}

impl View {
    pub const ALL: [Self; 12] = [
        Self::Responses,
        Self::CountryActivity,
        Self::TrendingTopics,
        Self::TrendingTopicsByCountry,
        Self::Groups,
        Self::Events,
        Self::GroupDays,
        Self::EventDays,
        Self::DeadLetters,
        Self::LateResponses,
        Self::BatchRuns,
        Self::Health,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::CountryActivity => "country-activity",
            Self::TrendingTopics => "trending-topics",
            Self::TrendingTopicsByCountry => "trending-topics-by-country",
            Self::Groups => "groups",
            Self::Events => "events",
            Self::GroupDays => "group-days",
            Self::EventDays => "event-days",
            Self::DeadLetters => "dead-letters",
            Self::LateResponses => "late-responses",
            Self::BatchRuns => "batch-runs",
            Self::Health => "health",
        }
    }

    pub fn scope(self) -> Scope {
        match self {
            Self::Responses
            | Self::CountryActivity
            | Self::TrendingTopics
            | Self::TrendingTopicsByCountry => Scope::Day,
            Self::GroupDays | Self::EventDays => Scope::BatchDay,
            Self::Groups | Self::Events => Scope::Now,
            Self::DeadLetters | Self::LateResponses | Self::BatchRuns | Self::Health => {
                Scope::Journal
            }
        }
    }

    /// All fields, in the order of exports.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Responses => RESPONSES,
            Self::CountryActivity => COUNTRY_ACTIVITY,
            Self::TrendingTopics => TRENDING_TOPICS,
            Self::TrendingTopicsByCountry => TRENDING_TOPICS_BY_COUNTRY,
            Self::Groups => GROUPS,
            Self::Events => EVENTS,
            Self::GroupDays => GROUP_DAYS,
            Self::EventDays => EVENT_DAYS,
            Self::DeadLetters => DEAD_LETTERS,
            Self::LateResponses => LATE_RESPONSES,
            Self::BatchRuns => BATCH_RUNS,
            Self::Health => HEALTH,
        }
    }

    /// The fields that make the `_id`; exports are sorted by them.
    pub fn key(self) -> &'static [KeyField] {
        match self {
            Self::Responses => {
                &[Value("rsvp_id"), Second("@timestamp"), Value("response"), Value("guests")]
            }
            Self::CountryActivity => &[Value("@timestamp"), Value("country"), Value("response")],
            Self::TrendingTopics => &[Value("@timestamp"), Value("topic")],
            Self::TrendingTopicsByCountry => {
                &[Value("@timestamp"), Value("country"), Value("topic")]
            }
            Self::Groups => &[Value("group.id")],
            Self::Events => &[Value("event.id")],
            Self::GroupDays => &[Value("day"), Value("group.id")],
            Self::EventDays => &[Value("day"), Value("event.id")],
            Self::DeadLetters | Self::LateResponses => &[Value("partition"), Value("offset")],
            Self::BatchRuns => &[Value("run")],
            Self::Health => &[Value("@timestamp"), Value("messages")],
        }
    }

    /// The field that a country filter compares, where the view has one.
    pub fn country_field(self) -> Option<&'static str> {
        ["country", "group.country"]
            .into_iter()
            .find(|name| self.fields().iter().any(|field| field.name == *name))
    }

    /// The field that orders documents of equal `@timestamp`, where the view has one.
    pub fn position_field(self) -> Option<&'static str> {
        matches!(self, Self::TrendingTopics | Self::TrendingTopicsByCountry).then_some("rank")
    }

    /// Whether the first document written under an `_id` stays, as the first message in log order
    /// is the response and later ones are its echoes. Elsewhere the last one written stays.
    pub fn first_write_wins(self) -> bool {
        self == Self::Responses
    }

    /// The `_id` for the values of [`View::key`], in their order: the same in every layer.
    pub fn id(self, parts: &[KeyPart<'_>]) -> String {
        let key = self.key();
        debug_assert_eq!(key.len(), parts.len(), "one value for each field of the key");
        let mut id = String::with_capacity(40);
        for (index, (part, key)) in parts.iter().zip(key).enumerate() {
            if index > 0 {
                id.push('/');
            }
            push_part(&mut id, *part, *key);
        }
        shorten(id)
    }
}

impl View {
    /// Says that the document with this key is no longer there, in the place of a document.
    pub fn removal(self, time: crate::EventTime, key: &[KeyPart<'_>]) -> crate::ViewDocument {
        let id = self.id(key);
        let body = String::new();
        crate::ViewDocument { view: self, id, time, position: 0, country: None, body }
    }
}

impl From<crate::EventTime> for KeyPart<'_> {
    fn from(time: crate::EventTime) -> Self {
        Self::Time(time)
    }
}

impl<'a> From<&'a str> for KeyPart<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

fn push_part(id: &mut String, part: KeyPart<'_>, key: KeyField) {
    match (part, key) {
        (KeyPart::Time(time), Second(_)) => {
            id.push_str(itoa::Buffer::new().format(time.nearest_second()))
        }
        (KeyPart::Time(time), Value(_)) => id.push_str(IsoTime::new(time.0).as_str()),
        (KeyPart::Integer(number), _) => id.push_str(itoa::Buffer::new().format(number)),
        // The separator inside a text would make two keys look alike.
        (KeyPart::Text(text), _) if text.contains(['/', '%']) => {
            id.push_str(&text.replace('%', "%25").replace('/', "%2F"));
        }
        (KeyPart::Text(text), _) => id.push_str(text),
    }
}

/// The longest `_id` in bytes; Elasticsearch takes no more than 512.
const MAX_ID_BYTES: usize = 512;

/// Keeps the beginning of an oversized id and puts a hash in place of the rest.
fn shorten(mut id: String) -> String {
    if id.len() > MAX_ID_BYTES {
        let hash = fnv_1a(id.as_bytes());
        id.truncate(id.floor_char_boundary(MAX_ID_BYTES - 33));
        id.push_str(&format!("#{hash:032x}"));
    }
    id
}

/// FNV-1a, 128 bits (<https://www.rfc-editor.org/rfc/rfc9923>): stable across versions and machines.
fn fnv_1a(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0x6c62272e07bb014262b821756295c58d, |hash, &byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000000001000000000000000000013b)
    })
}

impl fmt::Display for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no view `{0}`")]
pub struct UnknownView(String);

impl FromStr for View {
    type Err = UnknownView;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|view| view.name() == name);
        found.ok_or_else(|| UnknownView(name.to_owned()))
    }
}

impl Layer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Batch => "batch",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
