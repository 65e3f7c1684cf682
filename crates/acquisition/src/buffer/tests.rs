//! What is kept with a message, for a stream of whatever kind.

use std::sync::Arc;
use std::time::Duration;

use pulso_model::{DeadLetter, Decode, Decoded, Reason, TimeLimits, WallTime};
use pulso_pipeline::ManualClock;
use pulso_runtime::Config;
use pulso_streams::descriptor;

use super::*;

const DESCRIPTOR: &str = r#"
name = "notes"
[fact]
one = "note"
many = "notes"
kinds = ["note"]
"#;

/// Reads `1500 door`: the time in milliseconds and the key.
#[derive(Debug)]
struct Notes;

impl Notes {
    fn parts(payload: &[u8]) -> Option<(&str, &str)> {
        std::str::from_utf8(payload).ok()?.split_once(' ')
    }
}

impl Decode for Notes {
    fn decode<'a>(&self, _: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        Err(DeadLetter::new(Reason::ProgramError, "acquisition does not decode messages"))
    }

    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        let Some((time, key)) = Self::parts(payload) else { return Head::default() };
        Head { key: Some(Key::Text(key.into())), time: time.parse().ok().map(EventTime) }
    }

    /// Notes of secrets are not for everybody.
    fn stored(&self, payload: &[u8], options: &StoreOptions) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(payload).ok().filter(|_| options.anonymize_addresses)?;
        text.contains("secret").then(|| text.replace("secret", "something").into_bytes())
    }
}

fn notes() -> Decoder {
    let described = descriptor::read(DESCRIPTOR, &|_| None).unwrap();
    let limits = TimeLimits { ahead_max: Duration::from_mins(1), behind_max: None };
    Decoder::new(Box::leak(Box::new(described.stream)), Arc::new(Notes), limits)
}

/// What the writer gets of these payloads, all received a second after the epoch.
async fn buffered(decoder: Decoder, payloads: &[&'static str]) -> Vec<Message> {
    let options = Options { acquisition: Config::default().acquisition, decoder, keeping: None };
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let clock = ManualClock::at(WallTime(1000));
    let (_, switch) = Switch::new(tokio_util::sync::CancellationToken::new());
    let buffer = Buffer::new(("test".into(), Door::default(), switch), &options, clock, sender);
    for payload in payloads {
        let cursor = |Times { time, received_time }: Times| {
            Some(format!("{} at {}", time?.0, received_time.0).into())
        };
        let payload = Bytes::from_static(payload.as_bytes());
        buffer.put(buffer.slot().await, payload, cursor).await.unwrap();
    }
    drop(buffer);
    let mut messages = Vec::new();
    while let Some(Buffered { messages: more, .. }) = receiver.recv().await {
        messages.extend(more);
    }
    messages
}

#[tokio::test]
async fn a_message_keeps_its_key_and_its_payload_whatever_it_is() {
    let text = |key: &'static str| Some(Key::Text(key.into()));
    let payloads = ["1 door", "broken", "2 the window"];
    let messages = buffered(notes(), &payloads).await;
    let keys: Vec<_> = messages.iter().map(|message| message.key.clone()).collect();
    assert_eq!(keys, [text("door"), None, text("the window")]);
    for (message, payload) in messages.iter().zip(payloads) {
        assert_eq!(message.payload, payload);
        let headers = &message.headers;
        assert_eq!((&*headers.source, headers.received_time), ("test", WallTime(1000)));
    }

    let rsvps = pulso_testkit::decoder();
    let messages = buffered(rsvps, &[r#"{"rsvp_id":-7}"#, "{}"]).await;
    assert_eq!(messages[0].key, Some(Key::Integer(-7)));
    assert_eq!(messages[1].key, None);
}

#[tokio::test]
async fn a_stream_says_what_of_a_message_is_stored() {
    let messages = buffered(notes(), &["1 secret", "2 door"]).await;
    let stored = ["1 something", "2 door"];
    for (message, stored) in messages.iter().zip(stored) {
        assert_eq!(message.payload, stored);
        let key = stored.split_once(' ').map(|(_, key)| Key::Text(key.into()));
        assert_eq!(message.key, key, "the key is that of what is stored");
    }
}

#[tokio::test]
async fn a_cursor_is_made_of_times_that_are_near_enough_to_be_true() {
    let payloads = ["broken", "900 a", "61001 a", "61000 a"];
    let messages = buffered(notes(), payloads.as_slice()).await;
    let cursors: Vec<_> =
        messages.iter().map(|message| message.headers.cursor.as_deref()).collect();
    assert_eq!(cursors, [None, Some("900 at 1000"), None, Some("61000 at 1000")]);
}
