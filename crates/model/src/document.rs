//! The documents of the views as the speed layer writes them.
//!
//! The batch layer makes the same documents from SQL columns named as in [`View::fields`]; a
//! contract test holds the two together.

mod json;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;

use json::ObjectWriter;
pub use json::push_json_text;

use crate::view::KeyPart;
use crate::{EventTime, Location, Response, ResponseKind, View, WallTime};

/// Room for a response's document, which has about 1.1 kB; a guess too low costs a copy.
const RESPONSE_BYTES: usize = 1536;

/// The same for all others, but for dead letters, which hold a payload.
const OTHER_BYTES: usize = 320;

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
    fn new(view: View, time: EventTime, key: &[KeyPart<'_>], json: ObjectWriter) -> Self {
        let body = json.finish();
        Self { view, id: view.id(key), time, position: 0, country: None, body }
    }

    fn of_country(self, country: &str) -> Self {
        Self { country: Some(country.to_owned()), ..self }
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
        ViewDocument::new(View::Responses, *event_time, &key, json).of_country(&group.country)
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
#[derive(Debug)]
pub struct ActivityDocument<'a> {
    pub pane_start: EventTime,
    pub country: &'a str,
    pub response: ResponseKind,
    pub responses: u64,
    pub guests: u64,
    pub attendees: u64,
    pub location: Option<Location>,
}

impl ActivityDocument<'_> {
    pub fn render(&self) -> ViewDocument {
        let mut json = ObjectWriter::with_capacity(OTHER_BYTES);
        json.time("@timestamp", self.pane_start);
        json.text("country", self.country);
        json.text("response", self.response.name());
        json.integer("responses", signed(self.responses));
        json.integer("guests", signed(self.guests));
        json.integer("attendees", signed(self.attendees));
        json.location("location", self.location);
        let key = [self.pane_start.into(), self.country.into(), self.response.name().into()];
        let document = ViewDocument::new(View::CountryActivity, self.pane_start, &key, json);
        document.of_country(self.country)
    }
}

/// One listed topic of one window, worldwide or in one country.
#[derive(Debug)]
pub struct TrendDocument<'a> {
    pub window_end: EventTime,
    pub window_start: EventTime,
    pub country: Option<&'a str>,
    pub topic: &'a str,
    pub name: &'a str,
    pub count: u64,
    /// From 1.
    pub rank: u32,
    pub score: f64,
    pub location: Option<Location>,
}

impl TrendDocument<'_> {
    pub fn render(&self) -> ViewDocument {
        let mut json = ObjectWriter::with_capacity(OTHER_BYTES);
        json.time("@timestamp", self.window_end);
        json.time("window_start", self.window_start);
        json.optional_text("country", self.country);
        json.text("topic", self.topic);
        json.text("name", self.name);
        json.integer("count", signed(self.count));
        json.integer("rank", self.rank.into());
        json.float("score", self.score);
        json.location("location", self.location);
        let (end, topic) = (self.window_end.into(), self.topic.into());
        let document = match self.country {
            None => ViewDocument::new(View::TrendingTopics, self.window_end, &[end, topic], json),
            Some(country) => {
                let key = [end, country.into(), topic];
                let view = View::TrendingTopicsByCountry;
                ViewDocument::new(view, self.window_end, &key, json).of_country(country)
            }
        };
        ViewDocument { position: self.rank, ..document }
    }
}

/// The document of a message that is not a response.
#[derive(Debug)]
pub struct DeadLetterDocument;

impl DeadLetterDocument {
    /// A payload that is not text is shown as two hexadecimal digits a byte.
    pub fn render(
        (partition, offset): (u32, u64),
        log_time: WallTime,
        source: &str,
        dead_letter: &crate::DeadLetter,
        payload: &[u8],
    ) -> ViewDocument {
        let time = EventTime(log_time.0);
        let mut json = ObjectWriter::with_capacity(OTHER_BYTES + payload.len());
        json.time("@timestamp", time);
        json.integer("partition", partition.into());
        json.integer("offset", signed(offset));
        json.text("source", source);
        json.text("reason", dead_letter.reason.name());
        json.text("detail", &dead_letter.detail);
        match std::str::from_utf8(payload) {
            Ok(text) => json.text("payload", text),
            Err(_) => json.text("payload_hex", &hexadecimal(payload)),
        }
        ViewDocument::new(View::DeadLetters, time, &position_key(partition, offset), json)
    }
}

/// The record of a response that came after its pane had closed.
#[derive(Debug)]
pub struct LateResponseDocument;

impl LateResponseDocument {
    pub fn render((partition, offset): (u32, u64), response: &Response<'_>) -> ViewDocument {
        let (time, country) = (response.event_time, &*response.group.country);
        let mut json = ObjectWriter::with_capacity(OTHER_BYTES);
        json.time("@timestamp", time);
        json.integer("partition", partition.into());
        json.integer("offset", signed(offset));
        json.integer("rsvp_id", response.rsvp_id);
        json.text("country", country);
        let key = position_key(partition, offset);
        ViewDocument::new(View::LateResponses, time, &key, json).of_country(country)
    }
}

/// What the speed layer did since the document before, and where it then was.
#[derive(Debug)]
pub struct HealthDocument {
    /// When it was measured; later than in the document before.
    pub time: WallTime,
    /// Read since the log began, each message once.
    pub messages: u64,
    /// Read since the document before: the sum of the next four.
    pub received: u64,
    pub counted: u64,
    pub echoes: u64,
    pub late: u64,
    pub dead_letters: u64,
    /// Messages in the log that have not been read; `None` at a stop before it was looked at.
    pub lag: Option<u64>,
    /// How far the watermark is behind the clock; `None` before the first watermark.
    pub watermark_delay_ms: Option<u64>,
}

impl HealthDocument {
    pub fn render(&self) -> ViewDocument {
        let time = EventTime(self.time.0);
        let mut json = ObjectWriter::with_capacity(OTHER_BYTES);
        json.time("@timestamp", time);
        json.integer("messages", signed(self.messages));
        json.integer("received", signed(self.received));
        json.integer("counted", signed(self.counted));
        json.integer("echoes", signed(self.echoes));
        json.integer("late", signed(self.late));
        json.integer("dead_letters", signed(self.dead_letters));
        if let Some(lag) = self.lag {
            json.integer("lag", signed(lag));
        }
        if let Some(millis) = self.watermark_delay_ms {
            json.float("watermark_delay_seconds", Duration::from_millis(millis).as_secs_f64());
        }
        let key = [time.into(), KeyPart::Integer(signed(self.messages))];
        ViewDocument::new(View::Health, time, &key, json)
    }
}

fn position_key(partition: u32, offset: u64) -> [KeyPart<'static>; 2] {
    [KeyPart::Integer(i64::from(partition)), KeyPart::Integer(signed(offset))]
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("logs are shorter than 2^63 messages, sums smaller than 2^63")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
