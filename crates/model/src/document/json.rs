//! Writes a JSON object field by field.
//!
//! Facts are most of all documents, and a general serializer spends more on each of their many
//! small fields than on the text itself.

use crate::scan::any_byte;
use crate::time::IsoTime;
use crate::{EventTime, Histogram, Location};

/// An object being written.
pub(super) struct ObjectWriter {
    json: String,
}

impl ObjectWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push('{');
        Self { json }
    }

    /// Goes on after the fields of an [`unfinished`](Self::unfinished) object.
    pub(super) fn continuing(fields: &str, bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push_str(fields);
        Self { json }
    }

    /// The fields so far, for objects that begin with the same ones.
    pub(super) fn unfinished(self) -> String {
        self.json
    }

    pub(super) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        push_json_text(&mut self.json, text);
    }

    pub(super) fn integer(&mut self, name: &str, number: i64) {
        self.name(name);
        push_integer(&mut self.json, number);
    }

    pub(super) fn float(&mut self, name: &str, number: f64) {
        self.name(name);
        push_float(&mut self.json, number);
    }

    /// A whole number of units of 1 / `scale`.
    pub(super) fn number(&mut self, name: &str, units: i64, scale: u32) {
        match scale {
            1 => self.integer(name, units),
            _ => self.float(name, units as f64 / f64::from(scale)),
        }
    }

    pub(super) fn histogram(&mut self, name: &str, histogram: &Histogram) {
        self.name(name);
        push_histogram(&mut self.json, &histogram.values, &histogram.counts);
    }

    pub(super) fn time(&mut self, name: &str, time: EventTime) {
        self.name(name);
        push_time(&mut self.json, time);
    }

    pub(super) fn location(&mut self, name: &str, location: Option<Location>) {
        if let Some(location) = location {
            self.name(name);
            push_location(&mut self.json, location);
        }
    }

    pub(super) fn texts<'a>(&mut self, name: &str, texts: impl IntoIterator<Item = &'a str>) {
        self.name(name);
        push_texts(&mut self.json, texts);
    }

    pub(super) fn boolean(&mut self, name: &str, boolean: bool) {
        self.name(name);
        self.json.push_str(if boolean { "true" } else { "false" });
    }

    /// An object of integers.
    pub(super) fn integers<'a>(
        &mut self,
        name: &str,
        integers: impl IntoIterator<Item = (&'a str, i64)>,
    ) {
        self.name(name);
        self.json.push('{');
        for (name, number) in integers {
            self.integer(name, number);
        }
        self.json.push('}');
    }

    /// The name of a field needs no escapes.
    fn name(&mut self, name: &str) {
        if !self.json.ends_with('{') {
            self.json.push(',');
        }
        self.json.push('"');
        self.json.push_str(name);
        self.json.push_str("\":");
    }
}

pub(super) fn push_integer(json: &mut String, number: i64) {
    json.push_str(itoa::Buffer::new().format(number));
}

/// A number that is not finite is no JSON: decoders refuse it.
pub fn push_float(json: &mut String, number: f64) {
    json.push_str(zmij::Buffer::new().format_finite(number));
}

pub(super) fn push_time(json: &mut String, time: EventTime) {
    json.push('"');
    json.push_str(IsoTime::new(time.0).as_str());
    json.push('"');
}

pub(super) fn push_texts<'a>(json: &mut String, texts: impl IntoIterator<Item = &'a str>) {
    json.push('[');
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_json_text(json, text);
    }
    json.push(']');
}

pub(super) fn push_location(json: &mut String, Location { lat, lon }: Location) {
    json.push_str("{\"lat\":");
    push_float(json, lat);
    json.push_str(",\"lon\":");
    push_float(json, lon);
    json.push('}');
}

/// Appends the middles of buckets and the counts of them, as Elasticsearch wants histograms.
pub fn push_histogram<C: itoa::Integer + Copy>(json: &mut String, values: &[f64], counts: &[C]) {
    json.push_str("{\"values\":[");
    for (index, value) in values.iter().enumerate() {
        json.push_str(if index > 0 { "," } else { "" });
        push_float(json, *value);
    }
    json.push_str("],\"counts\":[");
    for (index, count) in counts.iter().enumerate() {
        json.push_str(if index > 0 { "," } else { "" });
        json.push_str(itoa::Buffer::new().format(*count));
    }
    json.push_str("]}");
}

/// Appends a text as JSON (RFC 8259, section 7), with its quotes.
pub fn push_json_text(json: &mut String, text: &str) {
    if any_byte(text, |byte| (byte < b' ') | (byte == b'"') | (byte == b'\\')) {
        json.push_str(&sonic_rs::to_string(text).expect("text is always JSON"));
    } else {
        json.push('"');
        json.push_str(text);
        json.push('"');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn text_reads_back_whatever_is_in_it_and_wherever() {
        for odd in ["\"", "\\", "\n", "\u{0}", "\u{1f}", "\u{7f}", "é", "🎉", "\u{2028}", ""] {
            for length in 0..40 {
                let text = format!("{}{odd}{}", "x".repeat(length), "y".repeat(length % 7));
                let mut object = ObjectWriter::with_capacity(0);
                object.text("text", &text);
                let read: Value = serde_json::from_str(&object.finish()).unwrap();
                assert_eq!(read, json!({ "text": text }));
            }
        }
    }

    #[test]
    fn fields_without_a_value_are_left_out() {
        let mut object = ObjectWriter::with_capacity(0);
        object.location("none", None);
        object.integer("number", i64::MIN);
        object.float("small", 1e-7);
        object.location("place", Some(Location { lat: 1.0, lon: -0.5 }));
        object.time("time", EventTime(0));
        let expected = concat!(
            r#"{"number":-9223372036854775808,"small":1e-7,"place":{"lat":1.0,"lon":-0.5},"#,
            r#""time":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(object.finish(), expected);
    }

    #[test]
    fn texts_are_a_list() {
        let list = |texts: &[&str]| {
            let mut json = String::new();
            push_texts(&mut json, texts.iter().copied());
            json
        };
        assert_eq!(list(&[]), "[]");
        assert_eq!(list(&["a", "\""]), r#"["a","\""]"#);
    }
}
