//! From a message to a fact: what every stream has in common.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{DeadLetter, EventTime, Fact, Key, Reason, Stream, WallTime};

/// The longest message that can be a fact: 1 MiB.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// What a message is, when it is not a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded<'a> {
    Fact(Fact<'a>),
    /// Well-formed, but not of this stream, for this reason.
    Skipped(Cow<'static, str>),
}

/// The part of decoding that differs from stream to stream: pure functions of the message.
pub trait Decode: fmt::Debug + Send + Sync {
    /// What a message of at most [`MAX_MESSAGE_BYTES`] says.
    ///
    /// # Errors
    /// A [`DeadLetter`] with the reason and the place.
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter>;

    /// What is to be known of a message before anybody decodes it, read in one pass. A message that is
    /// no fact may have a head, too.
    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a>;

    /// What the log keeps instead of a message that comes in; `None`: the message as it is. To do the same
    /// with what is kept changes nothing.
    fn stored(&self, _payload: &[u8], _options: &StoreOptions) -> Option<Vec<u8>> {
        None
    }
}

/// What is asked of streams that do not keep messages as they come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Addresses of clients lose their last part.
    pub anonymize_addresses: bool,
    /// The host that was asked, for messages that do not say it.
    pub host: Option<String>,
}

/// As much of a message as whoever stores it needs; `None` is what cannot be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// Decides the partition. Equal for messages that decode to the same fact.
    pub key: Option<Key<'a>>,
    /// When it happened: a recording is paced by it, and some sources go on from it.
    pub time: Option<EventTime>,
}

/// How far event times may lie from the time at which the log stored the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    pub ahead_max: Duration,
    /// `None`: as far as they like.
    pub behind_max: Option<Duration>,
}

impl TimeLimits {
    /// Every time will do.
    pub const NONE: Self = Self { ahead_max: Duration::MAX, behind_max: None };
}

/// Decodes the messages of one stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Decoder {
    stream: &'static Stream,
    program: Arc<dyn Decode>,
    limits: TimeLimits,
}

impl Decoder {
    pub fn new(stream: &'static Stream, program: Arc<dyn Decode>, limits: TimeLimits) -> Self {
        Self { stream, program, limits }
    }

    /// The same with other limits.
    pub fn with_limits(self, limits: TimeLimits) -> Self {
        Self { limits, ..self }
    }

    pub fn stream(&self) -> &'static Stream {
        self.stream
    }

    /// Decodes one message that the log stored at `log_time`.
    ///
    /// # Errors
    /// A [`DeadLetter`] with the reason and the place.
    pub fn decode<'a>(
        &self,
        payload: &'a [u8],
        log_time: WallTime,
    ) -> Result<Decoded<'a>, DeadLetter> {
        if payload.len() > MAX_MESSAGE_BYTES {
            let detail = format!("{} bytes, the limit is {MAX_MESSAGE_BYTES}", payload.len());
            return Err(DeadLetter::new(Reason::TooLarge, detail));
        }
        let decoded = self.program.decode(payload)?;
        if let Decoded::Fact(fact) = &decoded {
            self.limits.check(fact.time, log_time)?;
            self.stream.check_identity(fact)?;
        }
        Ok(decoded)
    }

    /// The head of a message of any length; see [`Decode::head`].
    pub fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        if payload.len() > MAX_MESSAGE_BYTES {
            return Head::default();
        }
        self.program.head(payload)
    }

    /// What the log keeps instead of a message; see [`Decode::stored`]. One that is too long to be a fact
    /// stays as it is.
    pub fn stored(&self, payload: &[u8], options: &StoreOptions) -> Option<Vec<u8>> {
        if payload.len() > MAX_MESSAGE_BYTES {
            return None;
        }
        self.program.stored(payload, options)
    }

    /// Whether a time is as near to `received_time` as that of a fact must be.
    pub fn is_plausible(&self, time: EventTime, received_time: WallTime) -> bool {
        self.limits.check(time, received_time).is_ok()
    }
}

impl TimeLimits {
    /// A time far ahead would drag the watermark along; one far behind would open views of its own.
    fn check(&self, time: EventTime, log_time: WallTime) -> Result<(), DeadLetter> {
        let millis = |limit: Duration| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let ahead_max = millis(self.ahead_max);
        if time.0 > log_time.0.saturating_add(ahead_max) {
            let detail = format!("{time} is over {:?} after {log_time}", self.ahead_max);
            return Err(DeadLetter::new(Reason::FutureTime, detail));
        }
        if let Some(behind_max) = self.behind_max
            && time.0 < log_time.0.saturating_sub(millis(behind_max))
        {
            let detail = format!("{time} is over {behind_max:?} before {log_time}");
            return Err(DeadLetter::new(Reason::PastTime, detail));
        }
        Ok(())
    }
}
