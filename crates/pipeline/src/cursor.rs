//! Where a page of documents ended.

use std::fmt;
use std::str::FromStr;

use pulso_model::EventTime;

/// The place of a document in a query's order (newest first, then position, then id).
///
/// Its text form is opaque to clients and safe in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub time: EventTime,
    pub position: u32,
    pub id: String,
}

impl Cursor {
    /// A regular expression for the texts of cursors: numbers as long as those of documents, and the
    /// bytes of UTF-8 in hexadecimal: an `_id`, which may be sealed. Every text that it matches can be read.
    pub const PATTERN: &str = concat!(
        r"^-?[0-9]{1,15}\.[0-9]{1,9}\.",
        "([0-7][0-9a-f]",
        "|(c[2-9a-f]|d[0-9a-f])[89ab][0-9a-f]",
        "|(e0[ab]|(e[1-9a-cef])[89ab]|ed[89])[0-9a-f][89ab][0-9a-f]",
        "|(f0[9ab]|f[1-3][89ab]|f48)[0-9a-f]([89ab][0-9a-f]){2}",
        "){0,1100}$",
    );
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a cursor that a page returned")]
pub struct ParseCursorError {
    text: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.", self.time.0, self.position)?;
        self.id.bytes().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseCursorError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let mut parts = text.splitn(3, '.');
    let time = EventTime(parts.next()?.parse().ok()?);
    let position = parts.next()?.parse().ok()?;
    let digits = parts.next()?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()))
        .collect();
    let id = String::from_utf8(bytes?).ok()?;
    rest.is_empty().then_some(Cursor { time, position, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_other_text_does_not() {
        let cursor = Cursor { time: EventTime(-5), position: 3, id: "a/é".into() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "1.2", "1.2.6", "1.2.zz", "1.2.ff", "x.2.61", "1.-2.61"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
