//! Writes a JSON object field by field.
//!
//! Responses are most of all documents, and a general serializer spends more on each of their many
//! small fields than on the text itself.

use crate::scan::any_byte;
use crate::time::IsoTime;
use crate::{EventTime, Location};

/// An object being written. Fields that are `None` are left out.
pub(super) struct ObjectWriter {
    json: String,
}

impl ObjectWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push('{');
        Self { json }
    }

    pub(super) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        push_json_text(&mut self.json, text);
    }

    pub(super) fn optional_text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    pub(super) fn texts<'a>(
        &mut self,
        name: &'static str,
        texts: impl IntoIterator<Item = &'a str>,
    ) {
        self.name(name);
        self.json.push('[');
        for (index, text) in texts.into_iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            push_json_text(&mut self.json, text);
        }
        self.json.push(']');
    }

    pub(super) fn integer(&mut self, name: &'static str, number: i64) {
        self.name(name);
        self.json.push_str(itoa::Buffer::new().format(number));
    }

    pub(super) fn float(&mut self, name: &'static str, number: f64) {
        self.name(name);
        // A number that is not finite does not come up, and would not be JSON.
        self.json.push_str(zmij::Buffer::new().format_finite(number));
    }

    pub(super) fn time(&mut self, name: &'static str, time: EventTime) {
        self.name(name);
        self.json.push('"');
        self.json.push_str(IsoTime::new(time.0).as_str());
        self.json.push('"');
    }

    pub(super) fn location(&mut self, name: &'static str, location: Option<Location>) {
        if let Some(Location { lat, lon }) = location {
            self.object(name, |json| {
                json.float("lat", lat);
                json.float("lon", lon);
            });
        }
    }

    pub(super) fn object(&mut self, name: &'static str, fields: impl FnOnce(&mut Self)) {
        self.name(name);
        self.json.push('{');
        fields(self);
        self.json.push('}');
    }

    /// The name of a field needs no escapes.
    fn name(&mut self, name: &'static str) {
        if !self.json.ends_with('{') {
            self.json.push(',');
        }
        self.json.push('"');
        self.json.push_str(name);
        self.json.push_str("\":");
    }
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
    fn objects_nest_and_leave_out_what_is_not_there() {
        let mut object = ObjectWriter::with_capacity(0);
        object.optional_text("none", None);
        object.object("inner", |inner| {
            inner.location("none", None);
            inner.integer("number", i64::MIN);
            inner.float("small", 1e-7);
            inner.location("place", Some(Location { lat: 1.0, lon: -0.5 }));
        });
        object.texts("no_texts", []);
        object.texts("texts", ["a", "\""]);
        object.time("time", EventTime(0));
        let expected = concat!(
            r#"{"inner":{"number":-9223372036854775808,"small":1e-7,"place":{"lat":1.0,"lon":-0.5}},"no_texts":[],"#,
            r#""texts":["a","\""],"time":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(object.finish(), expected);
    }
}
