//! The documents of the views as the speed layer writes them.
//!
//! The batch layer makes the same documents from SQL columns named as in [`View::fields`]; a
//! contract test holds the two together.

mod json;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub(crate) use json::Decimal;
use json::ObjectWriter;

use crate::time::IsoTime;
use crate::view::KeyPart;
use crate::{EventTime, Location, Reason, Response, ResponseKind, View, WallTime};

/// Room for a response's document, which has about 1.1 kB, and for what the serializer reserves while
/// it writes a text: six times its length. A guess too low costs a copy.
const RESPONSE_BYTES: usize = 2048;

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
        let body = sonic_rs::to_string(body).expect("documents have text keys and finite numbers");
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

/// The document of one response.
#[derive(Debug)]
pub struct ResponseDocument;

impl ResponseDocument {
    /// The document of one response in the view [`View::Responses`].
    pub fn render(response: &Response<'_>) -> ViewDocument {
        let Response { rsvp_id, event_time, kind, guests, group, topics, .. } = response;
        let mut json = ObjectWriter::with_capacity(RESPONSE_BYTES);
        json.time("@timestamp", *event_time);
        json.integer("rsvp_id", *rsvp_id);
        json.text("response", kind.name());
        json.integer("guests", (*guests).into());
        json.integer("attendees", response.attendees().into());
        json.text("country", &group.country);
        json.texts("topics", topics.iter().map(|topic| &*topic.key));
        json.texts("topic_names", topics.iter().map(|topic| &*topic.name));
        write_objects(&mut json, response);
        let key = [
            KeyPart::Integer(*rsvp_id),
            KeyPart::Time(*event_time),
            KeyPart::Text(kind.name()),
            KeyPart::Integer(i64::from(*guests)),
        ];
        ViewDocument {
            view: View::Responses,
            id: View::Responses.id(&key),
            time: *event_time,
            position: 0,
            country: Some(group.country.clone().into_owned()),
            body: json.finish(),
        }
    }
}

fn write_objects(json: &mut ObjectWriter, response: &Response<'_>) {
    let Response { member, event, group, venue, .. } = response;
    json.object("member", |json| {
        json.integer("id", member.id);
        json.optional_text("name", member.name.as_deref());
    });
    json.object("event", |json| {
        json.text("id", &event.id);
        json.optional_text("name", event.name.as_deref());
        json.optional_text("url", event.url.as_deref());
        if let Some(time) = event.time {
            json.time("time", time);
        }
    });
    json.object("group", |json| {
        json.integer("id", group.id);
        json.optional_text("name", group.name.as_deref());
        json.optional_text("urlname", group.urlname.as_deref());
        json.optional_text("city", group.city.as_deref());
        json.optional_text("state", group.state.as_deref());
        json.text("country", &group.country);
        json.location("location", group.coordinate.map(|coordinate| coordinate.location()));
    });
    if let Some(venue) = venue {
        json.object("venue", |json| {
            if let Some(id) = venue.id {
                json.integer("id", id);
            }
            json.optional_text("name", venue.name.as_deref());
            json.location("location", venue.coordinate.map(|coordinate| coordinate.location()));
        });
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

fn iso_8601<S: Serializer>(time: &EventTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(IsoTime::new(time.0).as_str())
}
