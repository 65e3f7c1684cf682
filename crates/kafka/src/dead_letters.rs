//! Copies each message that could not be read to a topic, for whoever wants to examine them.

use pulso_model::{View, ViewDocument};
use pulso_pipeline::Sink;
use rdkafka::message::{Header, OwnedHeaders};
use serde::Deserialize;

use crate::connection::Connection;
use crate::error::Error;
use crate::log::LogOptions;
use crate::producer::{Outgoing, Producer};

/// Writes the documents of [`View::DEAD_LETTERS`] to a topic, and ignores those of other views.
///
/// The payload is as received. Headers tell the position in the log, the source and the reason. The
/// key is `partition/offset`, which identifies a dead letter that is written again.
#[derive(Clone, Debug)]
pub struct KafkaDeadLetters {
    topic: String,
    producer: Producer,
}

/// The fields of a document, as [`pulso_model::DeadLetterDocument`] writes them.
#[derive(Deserialize)]
struct DeadLetter {
    partition: u32,
    offset: u64,
    source: String,
    reason: String,
    detail: String,
    payload: Option<String>,
    /// The payload in hexadecimal, if it is not text.
    payload_hex: Option<String>,
}

impl KafkaDeadLetters {
    /// `options` names the topic of dead letters; its number of partitions does not matter.
    pub fn new(connection: &Connection, options: LogOptions) -> Result<Self, Error> {
        let LogOptions { topic, delivery_timeout, message_bytes_max, .. } = options;
        let producer = Producer::new(connection, delivery_timeout, message_bytes_max)?;
        Ok(Self { topic, producer })
    }
}

impl Sink<ViewDocument> for KafkaDeadLetters {
    type Error = Error;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Error> {
        let mut letters = Vec::new();
        for document in documents.iter().filter(|document| document.view == View::DEAD_LETTERS) {
            let letter: DeadLetter = serde_json::from_str(&document.body)
                .map_err(|source| Error::Document { id: document.id.clone(), source })?;
            letters.push(Outgoing {
                partition: None,
                key: Some(letter.key()),
                headers: letter.headers(),
                payload: letter.payload().into(),
            });
        }
        if letters.is_empty() {
            return Ok(());
        }
        let count = letters.len();
        let written = self.producer.write(&self.topic, letters).await;
        written.map_err(|source| Error::Write { topic: self.topic.clone(), count, source })
    }
}

impl DeadLetter {
    fn key(&self) -> String {
        format!("{}/{}", self.partition, self.offset)
    }

    fn payload(&self) -> Vec<u8> {
        match (&self.payload, &self.payload_hex) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(digits)) => bytes(digits),
            (None, None) => Vec::new(),
        }
    }

    fn headers(&self) -> OwnedHeaders {
        let (partition, offset) = (self.partition.to_string(), self.offset.to_string());
        [
            ("partition", &partition),
            ("offset", &offset),
            ("source", &self.source),
            ("reason", &self.reason),
            ("detail", &self.detail),
        ]
        .into_iter()
        .fold(OwnedHeaders::new_with_capacity(5), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value.as_str()) })
        })
    }
}

/// Decodes pairs of hexadecimal digits.
fn bytes(digits: &str) -> Vec<u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().filter_map(byte).collect()
}

#[cfg(test)]
mod tests {
    use pulso_model::{DeadLetterDocument, Position, Reason, WallTime};
    use rdkafka::message::Headers;

    use super::*;

    fn letter(payload: &[u8]) -> DeadLetter {
        let position = Position { partition: 3, offset: 9 };
        let dead = pulso_model::DeadLetter { reason: Reason::InvalidJson, detail: "x".into() };
        let document =
            DeadLetterDocument::render("visits", position, WallTime(0), "s", &dead, payload);
        serde_json::from_str(&document.body).unwrap()
    }

    #[test]
    fn a_payload_comes_back_as_it_was_received() {
        for payload in
            [&b"not \"json\" \n\x01"[..], b"", &[0xff, 0x00, 0x9f], "é\u{2028}".as_bytes()]
        {
            assert_eq!(letter(payload).payload(), payload);
        }
    }

    #[test]
    fn a_letter_says_where_it_is_from() {
        let letter = letter(b"x");
        assert_eq!(letter.key(), "3/9");
        let headers = letter.headers();
        let all: Vec<_> = headers.iter().map(|h| (h.key, h.value.unwrap())).collect();
        let expected: [(&str, &[u8]); 5] = [
            ("partition", b"3"),
            ("offset", b"9"),
            ("source", b"s"),
            ("reason", b"invalid_json"),
            ("detail", b"x"),
        ];
        assert_eq!(all, expected);
    }
}
