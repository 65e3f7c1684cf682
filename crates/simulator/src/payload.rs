//! A message on its way to clients.

use std::sync::Arc;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::posts::Event;

/// What is kept for clients: a text that all of them are sent, or an event that is written for each
/// in the version of the protocol that it speaks. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Text(Utf8Bytes),
    Event(Arc<Event>),
}

impl Payload {
    /// The time that cursors compare, in microseconds; texts have none.
    pub(crate) fn time_us(&self) -> i64 {
        match self {
            Self::Text(_) => i64::MAX,
            Self::Event(event) => event.time_us,
        }
    }
}
