//! The documents of the journals.

use std::time::Duration;

use super::json::ObjectWriter;
use super::{USUAL_BYTES, ViewDocument, signed};
use crate::view::KeyPart;
use crate::{DeadLetter, EventTime, Fact, Position, View, WallTime};

/// The document of a message that could not be read.
#[derive(Debug)]
pub struct DeadLetterDocument;

impl DeadLetterDocument {
    /// A payload that is not text is shown as two hexadecimal digits a byte.
    pub fn render(
        stream: &str,
        position: Position,
        log_time: WallTime,
        source: &str,
        dead_letter: &DeadLetter,
        payload: &[u8],
    ) -> ViewDocument {
        let time = EventTime(log_time.0);
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES + payload.len());
        json.time("@timestamp", time);
        json.text("stream", stream);
        write_position(&mut json, position);
        json.text("source", source);
        json.text("reason", dead_letter.reason.name());
        json.text("detail", &dead_letter.detail);
        match std::str::from_utf8(payload) {
            Ok(text) => json.text("payload", text),
            Err(_) => json.text("payload_hex", &hexadecimal(payload)),
        }
        ViewDocument::new(View::DEAD_LETTERS, time, &position_key(stream, position), json)
    }
}

/// The record of a fact that came after its pane had closed.
#[derive(Debug)]
pub struct LateFactDocument;

impl LateFactDocument {
    pub fn render(stream: &str, position: Position, fact: &Fact<'_>) -> ViewDocument {
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES);
        json.time("@timestamp", fact.time);
        json.text("stream", stream);
        write_position(&mut json, position);
        json.text("scope", &fact.scope);
        let key = position_key(stream, position);
        ViewDocument::new(View::LATE_FACTS, fact.time, &key, json).of_scope(&fact.scope)
    }
}

/// What the speed layer did since the document before, and where it then was.
#[derive(Debug)]
pub struct HealthDocument<'a> {
    pub stream: &'a str,
    /// When it was measured; later than in the document before, if nothing was read since.
    pub time: WallTime,
    /// Read since the log began, each message once.
    pub messages: u64,
    /// Read since the document before: the sum of the next five.
    pub received: u64,
    pub counted: u64,
    pub echoes: u64,
    pub late: u64,
    pub skipped: u64,
    pub dead_letters: u64,
    /// Messages in the log that have not been read; `None` at a stop before it was looked at.
    pub lag: Option<u64>,
    /// How far the watermark is behind the clock; `None` before the first watermark.
    pub watermark_delay_ms: Option<u64>,
}

impl HealthDocument<'_> {
    pub fn render(&self) -> ViewDocument {
        let time = EventTime(self.time.0);
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES);
        json.time("@timestamp", time);
        json.text("stream", self.stream);
        json.integer("messages", signed(self.messages));
        json.integer("received", signed(self.received));
        json.integer("counted", signed(self.counted));
        json.integer("echoes", signed(self.echoes));
        json.integer("late", signed(self.late));
        json.integer("skipped", signed(self.skipped));
        json.integer("dead_letters", signed(self.dead_letters));
        if let Some(lag) = self.lag {
            json.integer("lag", signed(lag));
        }
        if let Some(millis) = self.watermark_delay_ms {
            json.float("watermark_delay_seconds", Duration::from_millis(millis).as_secs_f64());
        }
        let messages = KeyPart::Integer(signed(self.messages));
        let key = [self.stream.into(), time.into(), messages];
        ViewDocument::new(View::HEALTH, time, &key, json)
    }
}

/// The record of a person who was told of an event.
#[derive(Debug)]
pub struct ContactDocument<'a> {
    pub stream: &'a str,
    pub time: WallTime,
    pub event: &'a str,
    pub event_name: Option<&'a str>,
    /// Who was contacted, as the stream identifies actors.
    pub actor: &'a str,
    pub name: Option<&'a str>,
    /// What made the event the organiser's own.
    pub choice: &'a str,
    /// Who contacted them.
    pub by: &'a str,
    pub note: &'a str,
    /// What spoke for it.
    pub reasons: &'a [String],
    pub km: Option<f64>,
    /// When they said yes to one of the organiser's events, and to which.
    pub converted: Option<(EventTime, &'a str)>,
}

impl ContactDocument<'_> {
    pub fn render(&self) -> ViewDocument {
        let time = EventTime(self.time.0);
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES);
        json.time("@timestamp", time);
        json.text("stream", self.stream);
        json.text("event", self.event);
        if let Some(name) = self.event_name {
            json.text("event_name", name);
        }
        json.text("actor", self.actor);
        if let Some(name) = self.name {
            json.text("name", name);
        }
        json.text("choice", self.choice);
        json.text("by", self.by);
        json.text("note", self.note);
        json.texts("reasons", self.reasons.iter().map(String::as_str));
        if let Some(km) = self.km {
            json.float("km", km);
        }
        if let Some((time, event)) = self.converted {
            json.time("converted", time);
            json.text("converted_event", event);
        }
        let key = [self.stream.into(), self.event.into(), self.actor.into()];
        ViewDocument::new(View::CONTACTS, time, &key, json)
    }
}

fn write_position(json: &mut ObjectWriter, position: Position) {
    json.integer("partition", position.partition.into());
    json.integer("offset", signed(position.offset));
}

fn position_key(stream: &str, position: Position) -> [KeyPart<'_>; 3] {
    let Position { partition, offset } = position;
    let offset = KeyPart::Integer(signed(offset));
    [stream.into(), KeyPart::Integer(i64::from(partition)), offset]
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
