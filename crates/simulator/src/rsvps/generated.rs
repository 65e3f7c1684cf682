//! One message as it is generated or replayed, before it reaches a socket or a file.

/// One message of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Event time in milliseconds since the epoch. A line without one has that of the newest
    /// message before it.
    pub mtime_ms: i64,
    /// The JSON text, without a line end.
    pub payload: String,
    /// What the message is.
    pub kind: Kind,
}

/// What a message is, as its maker knows. A consumer has to find out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The first message of an RSVP.
    Fresh,
    /// A new state of an RSVP sent before: another response or number of guests, and a later `mtime`.
    Change,
    /// A message sent before, with its `mtime` rounded to the nearest second (half up).
    Echo,
    /// A message sent before, byte for byte.
    Repeat,
    /// The first message of an RSVP whose `mtime` lies minutes to months back.
    Late,
    /// Not a valid message.
    Malformed,
    /// Played from a recording: any of the above.
    Recorded,
}

/// Rounds an event time in milliseconds to the nearest second, half up, and returns seconds since the epoch.
///
/// Two messages of one `rsvp_id` with equal `response` and `guests` are the same response when this is equal too.
#[must_use]
pub fn rounded_second(mtime_ms: i64) -> i64 {
    mtime_ms.saturating_add(500).div_euclid(1000)
}
