//! Why a connection ends, or was never made.

use std::io;
use std::time::Duration;

use http::StatusCode;

use super::protocol::Farewell;
use super::protocol::jetstream::{CONSUMER_TOO_SLOW, REFUSALS};
use crate::network;

/// How much of a refusal is shown.
const ANSWER_CHARACTERS_MAX: usize = 500;

/// Why there is no connection (any more).
///
/// The library's errors are kept as text: they print their causes themselves.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("no connection within {limit:?}")]
    ConnectTimeout { limit: Duration },
    #[error("failed to connect: {reason}")]
    Connect { reason: String },
    /// Before there was a connection.
    #[error("the server refused the connection with {status}: {answer}")]
    Refused { status: StatusCode, answer: String },
    /// An answer that the configuration does not fit.
    #[error("the server does not answer as expected: {reason}")]
    Unexpected { reason: String },
    #[error("nothing of its own came for {limit:?}")]
    Idle { limit: Duration },
    #[error("no answer to a ping within {limit:?}")]
    Dead { limit: Duration },
    /// In the source's own words.
    #[error("the source ended the connection: {}: {}", .0.error, .0.message)]
    Ended(Farewell),
    #[error("the source closed the connection: {reason}")]
    Closed { reason: String },
    /// Larger than the limit, or text that is not UTF-8: the protocol has no way to go on after it.
    #[error("a message came that cannot be received: {reason}")]
    Unreceivable { reason: String },
    #[error("the connection broke: {reason}")]
    Broken { reason: String },
}

impl Lost {
    /// For metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Connect { .. } => "connect",
            Self::Refused { .. } => "refused",
            Self::Unexpected { .. } => "unexpected",
            Self::Ended(_) => "ended",
            Self::Idle { .. } => "idle",
            Self::Dead { .. } => "dead",
            Self::Closed { .. } => "closed",
            Self::Unreceivable { .. } => "unreceivable",
            Self::Broken { .. } => "broken",
        }
    }

    /// Whether asking again will hardly help: the source does not take what it is asked.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                let passing = [
                    StatusCode::REQUEST_TIMEOUT,
                    StatusCode::TOO_EARLY,
                    StatusCode::TOO_MANY_REQUESTS,
                ];
                let stays = status.is_client_error() || status.is_redirection();
                // With no content a server asks not to be asked again.
                *status == StatusCode::NO_CONTENT || stays && !passing.contains(status)
            }
            Self::Unexpected { .. } => true,
            Self::Ended(farewell) => REFUSALS.contains(&&*farewell.error),
            _ => false,
        }
    }

    pub(crate) fn is_bad_request(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::BAD_REQUEST, .. })
    }

    /// Whether connections end so now and then: a source that gave messages before is asked again soon.
    pub(crate) fn is_usual(&self) -> bool {
        !matches!(self, Self::Ended(farewell) if farewell.error != CONSUMER_TOO_SLOW)
    }

    pub(crate) fn connect(error: &io::Error) -> Self {
        Self::Connect { reason: network::reason(error) }
    }

    /// An answer to the first request that is none to go on with.
    pub(crate) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let printable = body.chars().map(|c| if c.is_control() { ' ' } else { c });
        let answer: String = printable.take(ANSWER_CHARACTERS_MAX).collect();
        let answer = answer.trim();
        let answer = if answer.is_empty() { "nothing more" } else { answer };
        Self::Refused { status, answer: answer.to_owned() }
    }
}
