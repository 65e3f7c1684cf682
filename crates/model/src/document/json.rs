//! Writes a JSON object field by field.
//!
//! Responses are most of all documents, and a general serializer spends more on each of their many
//! small fields than on the text itself.

use crate::time::IsoTime;
use crate::{EventTime, Location};

/// Reading this many bytes at once suits the vector registers of any machine.
const BLOCK_BYTES: usize = 16;

/// An object being written. Fields that are `None` are left out.
pub(super) struct ObjectWriter {
    json: Vec<u8>,
}

impl ObjectWriter {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let mut json = Vec::with_capacity(bytes);
        json.push(b'{');
        Self { json }
    }

    pub(super) fn finish(mut self) -> String {
        self.json.push(b'}');
        String::from_utf8(self.json).expect("it is made of text")
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        push_text(&mut self.json, text);
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
        self.json.push(b'[');
        for (index, text) in texts.into_iter().enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            push_text(&mut self.json, text);
        }
        self.json.push(b']');
    }

    pub(super) fn integer(&mut self, name: &'static str, number: i64) {
        self.name(name);
        self.json.extend_from_slice(Decimal::new(number).as_str().as_bytes());
    }

    pub(super) fn time(&mut self, name: &'static str, time: EventTime) {
        self.name(name);
        self.json.push(b'"');
        self.json.extend_from_slice(IsoTime::new(time.0).as_str().as_bytes());
        self.json.push(b'"');
    }

    pub(super) fn location(&mut self, name: &'static str, location: Option<Location>) {
        if let Some(location) = location {
            self.name(name);
            sonic_rs::to_writer(&mut self.json, &location).expect("coordinates are finite");
        }
    }

    pub(super) fn object(&mut self, name: &'static str, fields: impl FnOnce(&mut Self)) {
        self.name(name);
        self.json.push(b'{');
        fields(self);
        self.json.push(b'}');
    }

    /// The name of a field needs no escapes.
    fn name(&mut self, name: &'static str) {
        if self.json.last() != Some(&b'{') {
            self.json.push(b',');
        }
        self.json.push(b'"');
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }
}

fn push_text(json: &mut Vec<u8>, text: &str) {
    if needs_escapes(text.as_bytes()) {
        sonic_rs::to_writer(json, text).expect("text is always JSON");
    } else {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    }
}

/// RFC 8259, section 7.
fn needs_escapes(text: &[u8]) -> bool {
    let escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
    let in_block = |block: &[u8; BLOCK_BYTES]| block.iter().fold(false, |any, &b| any | escaped(b));
    blocks.iter().any(in_block) || rest.iter().any(|&byte| escaped(byte))
}

/// The text of an integer. Made without any formatter: each response has several.
pub(crate) struct Decimal {
    text: [u8; 20],
    start: usize,
}

impl Decimal {
    pub(crate) fn new(number: i64) -> Self {
        let mut text = [b'0'; 20];
        let mut start = text.len();
        let mut rest = number.unsigned_abs();
        while rest > 0 || start == text.len() {
            start -= 1;
            text[start] = b"0123456789"[(rest % 10) as usize];
            rest /= 10;
        }
        if number < 0 {
            start -= 1;
            text[start] = b'-';
        }
        Self { text, start }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[self.start..]).expect("digits are text")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn integers_are_written_like_the_standard_library_does() {
        for number in [0, 1, -1, 9, 10, 1_600_000_000, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::new(number).as_str(), number.to_string());
        }
    }

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
            inner.integer("number", -7);
            inner.location("place", Some(Location { lat: 1.0, lon: -0.5 }));
        });
        object.texts("no_texts", []);
        object.texts("texts", ["a", "\""]);
        object.time("time", EventTime(0));
        let expected = concat!(
            r#"{"inner":{"number":-7,"place":{"lat":1.0,"lon":-0.5}},"no_texts":[],"#,
            r#""texts":["a","\""],"time":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(object.finish(), expected);
    }
}
