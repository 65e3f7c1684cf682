//! Reads server-sent events as the HTML standard defines them
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>).
//!
//! Pure, from pieces of any size. Two things differ: data stay the bytes that came, and an event longer than
//! the limit loses its rest. An event's type (`event`) has no meaning here: a message tells itself what it is.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// An event with data.
    Message {
        data: Bytes,
        /// What the source calls the place behind it; `None` where it does not say.
        id: Option<Arc<str>>,
        /// Whether it was longer than the limit, and lost its rest.
        cut: bool,
    },
    /// How long to wait before the next connection.
    Retry(Duration),
}

#[derive(Debug)]
pub(super) struct Events {
    bytes_max: usize,
    /// The current line, as far as it came.
    line: Vec<u8>,
    /// Whether a byte order mark may still come.
    at_begin: bool,
    /// Whether a `\n` belongs to the line end before it.
    after_return: bool,
    /// The data of the current event, each line with an end.
    data: Vec<u8>,
    /// The last one that was named.
    id: Option<Arc<str>>,
    /// Whether the current event lost something.
    cut: bool,
}

impl Events {
    /// An event with more data than `bytes_max` is cut off there.
    pub(super) fn new(bytes_max: usize) -> Self {
        let (line, data, id) = (Vec::new(), Vec::new(), None);
        Self { bytes_max, line, at_begin: true, after_return: false, data, id, cut: false }
    }

    /// Takes a piece, and adds the events that it completes.
    pub(super) fn push(&mut self, piece: &[u8], events: &mut VecDeque<Event>) {
        let mut rest = piece;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', rest) else { break };
            self.extend_line(&rest[..end]);
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line(events);
        }
        self.extend_line(rest);
    }

    fn extend_line(&mut self, part: &[u8]) {
        // The longest line that is of use: a field with as much data as an event may have.
        let room = (self.bytes_max + "data: ".len() + BYTE_ORDER_MARK.len())
            .saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self, events: &mut VecDeque<Event>) {
        let line = std::mem::take(&mut self.line);
        let mut text = &line[..];
        if std::mem::take(&mut self.at_begin) {
            text = text.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(text);
        }
        if text.is_empty() {
            self.dispatch(events);
        } else {
            let colon = memchr::memchr(b':', text).unwrap_or(text.len());
            let value = text.get(colon + 1..).unwrap_or_default();
            self.field(&text[..colon], value.strip_prefix(b" ").unwrap_or(value), events);
        }
        // The room serves the next line.
        self.line = line;
        self.line.clear();
    }

    /// A comment is a field without a name.
    fn field(&mut self, name: &[u8], value: &[u8], events: &mut VecDeque<Event>) {
        match name {
            b"data" => {
                let Some(room) = self.bytes_max.checked_sub(self.data.len()) else {
                    self.cut = true;
                    return;
                };
                self.cut |= value.len() > room;
                self.data.extend_from_slice(&value[..value.len().min(room)]);
                self.data.push(b'\n');
            }
            b"id" if !value.contains(&0) => {
                let id = String::from_utf8_lossy(value);
                self.id = Some(id).filter(|id| !id.is_empty()).map(Into::into);
            }
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                let digits = std::str::from_utf8(value).unwrap_or_default();
                let millis = digits.parse().ok();
                events.extend(millis.map(|millis| Event::Retry(Duration::from_millis(millis))));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut VecDeque<Event>) {
        let (mut data, cut) = (std::mem::take(&mut self.data), std::mem::take(&mut self.cut));
        if data.pop().is_none() {
            return;
        }
        events.push_back(Event::Message { data: data.into(), id: self.id.clone(), cut });
    }
}
