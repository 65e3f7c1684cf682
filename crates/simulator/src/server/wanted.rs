//! What a client wants to be sent, as the address said that it connected to.

use tokio_tungstenite::tungstenite::Message;

use super::Shared;
use crate::payload::Payload;
use crate::posts::subscription::{Refusal, Start, Subscription};
use crate::ring::ClientId;

/// By the stream that is served.
#[derive(Debug)]
pub(super) enum Wanted {
    Rsvps { since_mtime_ms: Option<i64> },
    Posts(Subscription),
}

impl Wanted {
    /// What a client of the posts wants, when it can be had.
    pub(super) fn posts(path: &str, query: Option<&str>, shared: &Shared) -> Result<Self, Refusal> {
        let subscription = Subscription::parse(path, query)?;
        let oldest = shared.first_seq + shared.hub.oldest();
        match subscription.start {
            Start::Seq(seq) if seq < oldest => Err(Refusal::CursorTooOld { oldest }),
            _ => Ok(Self::Posts(subscription)),
        }
    }

    /// Lets the client read, and says what it is to be told first.
    pub(super) fn attach(&self, shared: &Shared) -> (ClientId, Option<Message>) {
        match self {
            Self::Rsvps { since_mtime_ms } => (shared.hub.attach(*since_mtime_ms), None),
            Self::Posts(subscription) => {
                let (client, outdated) = shared.hub.attach_at(subscription.start, shared.first_seq);
                let note = outdated.then(|| subscription.outdated_cursor()).flatten();
                (client, note.map(Message::text))
            }
        }
    }

    /// The frame for a message, when the client wants it.
    pub(super) fn frame(&self, payload: Payload) -> Option<Message> {
        match (self, payload) {
            (_, Payload::Text(text)) => Some(Message::Text(text)),
            (Self::Posts(subscription), Payload::Event(event)) => {
                subscription.frame(&event).map(Message::text)
            }
            (Self::Rsvps { .. }, Payload::Event(_)) => None,
        }
    }

    /// What a client is told that does not keep up.
    pub(super) fn too_slow(&self) -> Option<Message> {
        match self {
            Self::Rsvps { .. } => None,
            Self::Posts(subscription) => subscription.too_slow().map(Message::text),
        }
    }

    /// Whether a client may send anything but pings.
    pub(super) fn allows(&self, message: &Message) -> bool {
        match self {
            Self::Rsvps { .. } => true,
            Self::Posts(_) => !message.is_text() && !message.is_binary(),
        }
    }
}
