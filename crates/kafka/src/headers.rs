//! Encodes what acquisition knows about a message as Kafka headers.

use std::sync::Arc;

use pulso_model::WallTime;
use pulso_pipeline::Headers;
use rdkafka::message::{Header, Headers as _, OwnedHeaders};

const SOURCE: &str = "source";

/// The time of receipt in milliseconds since the epoch, as decimal text, so that any tool can read
/// it.
const RECEIVED_TIME: &str = "received_time";

/// Where the source goes on after the message, in its own words.
const CURSOR: &str = "cursor";

pub(crate) fn encode(headers: &Headers) -> OwnedHeaders {
    let received_time = headers.received_time.0.to_string();
    let encoded = OwnedHeaders::new_with_capacity(3)
        .insert(Header { key: SOURCE, value: Some(&*headers.source) })
        .insert(Header { key: RECEIVED_TIME, value: Some(&received_time) });
    match &headers.cursor {
        Some(cursor) => encoded.insert(Header { key: CURSOR, value: Some(&**cursor) }),
        None => encoded,
    }
}

/// Reads the headers of consecutive messages, which nearly always come from few sources.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    last_source: Option<Arc<str>>,
}

impl Decoder {
    /// Decodes the headers. A message that another program wrote has none of them: it then has no
    /// source, and its time is when the log stored it.
    pub(crate) fn decode(
        &mut self,
        headers: Option<&rdkafka::message::BorrowedHeaders>,
        log_time: WallTime,
    ) -> Headers {
        let (mut source, mut received_time, mut cursor) = (&b""[..], None, None);
        for header in headers.into_iter().flat_map(|headers| headers.iter()) {
            match (header.key, header.value) {
                (SOURCE, Some(value)) => source = value,
                (RECEIVED_TIME, Some(value)) => received_time = millis(value),
                (CURSOR, Some(value)) => cursor = Some(String::from_utf8_lossy(value).into()),
                _ => {}
            }
        }
        let received_time = received_time.unwrap_or(log_time);
        Headers { source: self.source(source), received_time, cursor }
    }

    fn source(&mut self, name: &[u8]) -> Arc<str> {
        match &self.last_source {
            Some(last) if last.as_bytes() == name => Arc::clone(last),
            _ => Arc::clone(self.last_source.insert(String::from_utf8_lossy(name).into())),
        }
    }
}

fn millis(text: &[u8]) -> Option<WallTime> {
    std::str::from_utf8(text).ok()?.parse().ok().map(WallTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_and_foreign_ones_do_not_matter() {
        let headers = Headers {
            source: "meetup é".into(),
            received_time: WallTime(-7),
            cursor: Some("1489925470960".into()),
        };
        let encoded = encode(&headers).insert(Header { key: "x", value: Some("y") });
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(Some(encoded.as_borrowed()), WallTime(1)), headers);
        let none = Headers { source: "".into(), received_time: WallTime(1), cursor: None };
        assert_eq!(decoder.decode(None, WallTime(1)), none);
        let foreign = OwnedHeaders::new()
            .insert(Header { key: RECEIVED_TIME, value: Some("soon") })
            .insert(Header::<&str> { key: SOURCE, value: None });
        assert_eq!(decoder.decode(Some(foreign.as_borrowed()), WallTime(1)), none);
    }
}
