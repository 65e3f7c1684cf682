//! Why a message could not be read.

use std::borrow::Cow;

/// Why a message could not be read. Its payload stays in the log and in the master dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The payload is not one JSON text in UTF-8.
    InvalidJson,
    /// The payload is not UTF-8, or not a line of the format.
    InvalidText,
    MissingField,
    WrongType,
    /// The right type, but not a possible value (negative guests, an unknown answer, year 20000).
    InvalidValue,
    /// Longer than [`MAX_MESSAGE_BYTES`](crate::MAX_MESSAGE_BYTES).
    TooLarge,
    /// The event time is further after the time at which the log stored the message than
    /// `time.ahead_max`; it would drag the watermark into the future.
    FutureTime,
    /// The event time is further before the time at which the log stored the message than
    /// `time.behind_max`.
    PastTime,
    /// The stream's program ended with an error.
    ProgramError,
}

impl Reason {
    pub const ALL: [Self; 9] = [
        Self::InvalidJson,
        Self::InvalidText,
        Self::MissingField,
        Self::WrongType,
        Self::InvalidValue,
        Self::TooLarge,
        Self::FutureTime,
        Self::PastTime,
        Self::ProgramError,
    ];

    /// The name in documents, metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidText => "invalid_text",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::InvalidValue => "invalid_value",
            Self::TooLarge => "too_large",
            Self::FutureTime => "future_time",
            Self::PastTime => "past_time",
            Self::ProgramError => "program_error",
        }
    }
}

/// A message that could not be read: the reason, and where in the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.name())]
pub struct DeadLetter {
    pub reason: Reason,
    /// For a person: the field, the place or the limit.
    pub detail: Cow<'static, str>,
}

impl DeadLetter {
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, detail: detail.into() }
    }
}
