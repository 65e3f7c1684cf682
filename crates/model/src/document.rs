//! The documents of the views as the speed layer writes them.
//!
//! The batch layer makes the same documents from SQL columns named as in [`View::fields`]; a
//! contract test holds the two together.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::time::IsoTime;
use crate::view::KeyPart;
use crate::{EventTime, Location, Reason, Response, ResponseKind, Topic, View, WallTime};

/// The usual length of a response's document; a guess too low costs a copy.
const RESPONSE_BYTES: usize = 1280;

/// The usual length of any other document.
const OTHER_BYTES: usize = 256;

/// A document ready for a store: JSON, and what a store needs to file it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDocument {
    pub view: View,
    pub id: String,
    /// The document's `@timestamp`.
    pub time: EventTime,
    /// Order among documents of equal time: the rank in trends, else 0.
    pub position: u32,
    /// The value of [`View::country_field`].
    pub country: Option<String>,
    /// One JSON object; empty when the document under this id is to be removed.
    pub body: String,
}

impl ViewDocument {
    fn new(view: View, time: EventTime, key: &[KeyPart<'_>], body: &impl Serialize) -> Self {
        let mut json = Vec::with_capacity(match view {
            View::Responses => RESPONSE_BYTES,
            _ => OTHER_BYTES,
        });
        sonic_rs::to_writer(&mut json, body).expect("documents have text keys, finite numbers");
        let body = String::from_utf8(json).expect("documents are made of text");
        Self { view, id: view.id(key), time, position: 0, country: None, body }
    }

    /// Whether this removes the document under its id: a late firing of a window may list fewer
    /// topics than the one before.
    pub fn removes(&self) -> bool {
        self.body.is_empty()
    }

    /// The values of [`View::key`], for sorting as exports are sorted: integers by value, times by
    /// time, text by bytes.
    pub fn sort_key(&self) -> Vec<KeyValue> {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        self.view
            .key()
            .iter()
            .map(|key| {
                let value = key.name().split('.').fold(&body, |value, name| &value[name]);
                match value.as_i64() {
                    Some(number) => KeyValue::Integer(number),
                    None => KeyValue::Text(value.as_str().unwrap_or_default().to_owned()),
                }
            })
            .collect()
    }
}

/// The value of one key field. Times and days are text whose byte order is their order in time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    Integer(i64),
    Text(String),
}

#[derive(Debug, Serialize)]
pub struct ResponseDocument<'a> {
    #[serde(rename = "@timestamp", serialize_with = "iso_8601")]
    time: EventTime,
    rsvp_id: i64,
    response: ResponseKind,
    guests: u32,
    attendees: u32,
    country: &'a str,
    #[serde(serialize_with = "topic_keys")]
    topics: &'a [Topic<'a>],
    #[serde(serialize_with = "topic_names")]
    topic_names: &'a [Topic<'a>],
    member: MemberObject<'a>,
    event: EventObject<'a>,
    group: GroupObject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    venue: Option<VenueObject<'a>>,
}

#[derive(Debug, Serialize)]
struct MemberObject<'a> {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct EventObject<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "iso_8601_or_none")]
    time: Option<EventTime>,
}

#[derive(Debug, Serialize)]
struct GroupObject<'a> {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    urlname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    country: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
}

#[derive(Debug, Serialize)]
struct VenueObject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Location>,
}

impl<'a> ResponseDocument<'a> {
    /// The document of one response in the view [`View::Responses`].
    pub fn render(response: &'a Response<'a>) -> ViewDocument {
        let Response { rsvp_id, event_time, kind, guests, member, event, group, venue, topics } =
            response;
        let document = Self {
            time: *event_time,
            rsvp_id: *rsvp_id,
            response: *kind,
            guests: *guests,
            attendees: response.attendees(),
            country: &group.country,
            topics,
            topic_names: topics,
            member: MemberObject { id: member.id, name: member.name.as_deref() },
            event: EventObject {
                id: &event.id,
                name: event.name.as_deref(),
                url: event.url.as_deref(),
                time: event.time,
            },
            group: GroupObject {
                id: group.id,
                name: group.name.as_deref(),
                urlname: group.urlname.as_deref(),
                city: group.city.as_deref(),
                state: group.state.as_deref(),
                country: &group.country,
                location: group.coordinate.map(|coordinate| coordinate.location()),
            },
            venue: venue.as_ref().map(|venue| VenueObject {
                id: venue.id,
                name: venue.name.as_deref(),
                location: venue.coordinate.map(|coordinate| coordinate.location()),
            }),
        };
        let key = [
            KeyPart::Integer(*rsvp_id),
            KeyPart::Time(*event_time),
            KeyPart::Text(kind.name()),
            KeyPart::Integer(i64::from(*guests)),
        ];
        let rendered = ViewDocument::new(View::Responses, *event_time, &key, &document);
        ViewDocument { country: Some(group.country.clone().into_owned()), ..rendered }
    }
}

/// What happened in one pane in one country, by kind of response.
#[derive(Debug, Serialize)]
pub struct ActivityDocument<'a> {
    #[serde(rename = "@timestamp", serialize_with = "iso_8601")]
    pub pane_start: EventTime,
    pub country: &'a str,
    pub response: ResponseKind,
    pub responses: u64,
    pub guests: u64,
    pub attendees: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl ActivityDocument<'_> {
    pub fn render(&self) -> ViewDocument {
        let key = [
            KeyPart::Time(self.pane_start),
            KeyPart::Text(self.country),
            KeyPart::Text(self.response.name()),
        ];
        let rendered = ViewDocument::new(View::CountryActivity, self.pane_start, &key, self);
        ViewDocument { country: Some(self.country.to_owned()), ..rendered }
    }
}

/// One listed topic of one window, worldwide or in one country.
#[derive(Debug, Serialize)]
pub struct TrendDocument<'a> {
    #[serde(rename = "@timestamp", serialize_with = "iso_8601")]
    pub window_end: EventTime,
    #[serde(serialize_with = "iso_8601")]
    pub window_start: EventTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'a str>,
    pub topic: &'a str,
    pub name: &'a str,
    pub count: u64,
    /// From 1.
    pub rank: u32,
    pub score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl TrendDocument<'_> {
    pub fn render(&self) -> ViewDocument {
        let end = KeyPart::Time(self.window_end);
        let topic = KeyPart::Text(self.topic);
        let rendered = match self.country {
            None => ViewDocument::new(View::TrendingTopics, self.window_end, &[end, topic], self),
            Some(country) => {
                let key = [end, KeyPart::Text(country), topic];
                ViewDocument::new(View::TrendingTopicsByCountry, self.window_end, &key, self)
            }
        };
        let country = self.country.map(str::to_owned);
        ViewDocument { position: self.rank, country, ..rendered }
    }
}

/// A message that is not a response.
#[derive(Debug, Serialize)]
pub struct DeadLetterDocument<'a> {
    #[serde(rename = "@timestamp", serialize_with = "iso_8601")]
    log_time: EventTime,
    partition: u32,
    offset: u64,
    source: &'a str,
    reason: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    /// Two hexadecimal digits a byte, for a payload that is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<Cow<'a, str>>,
}

impl<'a> DeadLetterDocument<'a> {
    pub fn render(
        (partition, offset): (u32, u64),
        log_time: WallTime,
        source: &'a str,
        dead_letter: &'a crate::DeadLetter,
        payload: &'a [u8],
    ) -> ViewDocument {
        let text = std::str::from_utf8(payload).ok();
        let document = Self {
            log_time: EventTime(log_time.0),
            partition,
            offset,
            source,
            reason: Reason::name(dead_letter.reason),
            detail: &dead_letter.detail,
            payload: text,
            payload_hex: text.is_none().then(|| hexadecimal(payload).into()),
        };
        let key = position_key(partition, offset);
        ViewDocument::new(View::DeadLetters, document.log_time, &key, &document)
    }
}

/// A response that came after its pane had closed.
#[derive(Debug, Serialize)]
pub struct LateResponseDocument<'a> {
    #[serde(rename = "@timestamp", serialize_with = "iso_8601")]
    event_time: EventTime,
    partition: u32,
    offset: u64,
    rsvp_id: i64,
    country: &'a str,
}

impl<'a> LateResponseDocument<'a> {
    pub fn render((partition, offset): (u32, u64), response: &'a Response<'a>) -> ViewDocument {
        let document = Self {
            event_time: response.event_time,
            partition,
            offset,
            rsvp_id: response.rsvp_id,
            country: &response.group.country,
        };
        let key = position_key(partition, offset);
        let rendered = ViewDocument::new(View::LateResponses, document.event_time, &key, &document);
        ViewDocument { country: Some(document.country.to_owned()), ..rendered }
    }
}

fn position_key(partition: u32, offset: u64) -> [KeyPart<'static>; 2] {
    let offset = i64::try_from(offset).expect("logs are shorter than 2^63 messages");
    [KeyPart::Integer(i64::from(partition)), KeyPart::Integer(offset)]
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn topic_keys<S: Serializer>(topics: &[Topic<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(topics.iter().map(|topic| &*topic.key))
}

fn topic_names<S: Serializer>(topics: &[Topic<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(topics.iter().map(|topic| &*topic.name))
}

fn iso_8601<S: Serializer>(time: &EventTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(IsoTime::new(time.0).as_str())
}

fn iso_8601_or_none<S: Serializer>(
    time: &Option<EventTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => iso_8601(time, serializer),
        None => serializer.serialize_none(),
    }
}
