//! Why a message is not a response.

use std::borrow::Cow;

/// Why a message could not be used. Its payload stays in the log and in the master dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The payload is not one JSON text in UTF-8.
    InvalidJson,
    MissingField,
    WrongType,
    /// The right type, but not a possible value (negative guests, an unknown answer, year 20000).
    InvalidValue,
    /// Longer than [`MAX_MESSAGE_BYTES`](crate::MAX_MESSAGE_BYTES).
    TooLarge,
    /// `mtime` is more than one hour after the time at which the log stored the message; such a
    /// message would drag the watermark into the future.
    FutureTime,
}

impl Reason {
    pub const ALL: [Self; 6] = [
        Self::InvalidJson,
        Self::MissingField,
        Self::WrongType,
        Self::InvalidValue,
        Self::TooLarge,
        Self::FutureTime,
    ];

    /// The name in documents, metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::InvalidValue => "invalid_value",
            Self::TooLarge => "too_large",
            Self::FutureTime => "future_time",
        }
    }
}

/// A message that is not a response: the reason, and where in the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.name())]
pub struct DeadLetter {
    pub reason: Reason,
    /// For a person: the field, the place or the limit.
    pub detail: Cow<'static, str>,
}
