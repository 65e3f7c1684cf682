//! How a source goes on after its last stored message, and whether anything may be missing then.
//!
//! The position of a source is the largest `mtime` stored, and the source gives what has a *greater*
//! one. But messages do not come in the order of `mtime`: one that came while there was no connection
//! may be older than one that is stored. So the source is asked from a margin before its position.
//! What comes again is an echo.
//!
//! A source keeps only so much. One that still has everything after the newest stored message nearly
//! always has that message, too, and sends it again before anything newer. If it does not, those
//! between the two may be missing.
//!
//! | asked from | when | what may be missing |
//! | --- | --- | --- |
//! | the margin before the position | as a rule | what the source no longer has |
//! | the position | the last connection only repeated messages | what came out of order meanwhile |
//! | now | something there cannot be received, or nothing is stored | all that came meanwhile |

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::Uri;
use pulso_model::{Decoder, EventTime};
use pulso_pipeline::SourceCursor;
use pulso_runtime::config::Source;
use tokio::time::Instant;

use super::session::Lost;

/// Messages that came a little before the newest stored one may be newer: milliseconds are not quite
/// in order, echoes are rounded up by half a second, and of a batch only the last few are asked.
const NEARLY_ORDERED: Duration = Duration::from_secs(1);

/// How far back the source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Margin,
    Position,
    Now,
}

/// Whether what comes follows on what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    /// The newest stored message has not come again; the oldest of the newer ones has.
    Open { newer: Option<EventTime> },
    /// It has, or it was not asked for, or its absence has been reported.
    Settled,
}

/// A stretch of the source in which messages may be missing; nobody knows whether there were any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// At most.
    pub(super) length: Duration,
    pub(super) reason: &'static str,
}

/// Decides; does nothing itself.
#[derive(Debug)]
pub(super) struct Resume<'a> {
    source: &'a Source,
    decoder: &'a Decoder,
    /// What the source is, or was last, asked to go on from.
    position: Option<EventTime>,
    reach: Reach,
    joint: Joint,
    /// When a message last came that was no repetition.
    followed_until: Option<Instant>,
}

impl<'a> Resume<'a> {
    pub(super) fn new(source: &'a Source, decoder: &'a Decoder) -> Self {
        let (position, followed_until) = (None, None);
        Self {
            source,
            decoder,
            position,
            reach: Reach::Margin,
            joint: Joint::Settled,
            followed_until,
        }
    }

    /// Whether [`url`](Self::url) needs the position at all.
    pub(super) fn needs_position(&self) -> bool {
        self.source.resume_parameter.is_some()
    }

    /// The source's url, which asks it to go on after the newest stored message.
    pub(super) fn url(&mut self, last: Option<&SourceCursor>) -> Uri {
        let position = last.and_then(|last| last.cursor.parse().ok()).map(EventTime);
        if position != self.position {
            (self.position, self.reach) = (position, Reach::Margin);
        }
        self.joint = Joint::Settled;
        let Source { url, resume_parameter, .. } = self.source;
        let (Some(parameter), Some(position)) = (resume_parameter, position) else {
            return url.clone();
        };
        match self.reach {
            Reach::Margin => {
                self.joint = Joint::Open { newer: None };
                with_parameter(url, parameter, before(position, self.source.resume_margin))
            }
            Reach::Position => with_parameter(url, parameter, position),
            Reach::Now => url.clone(),
        }
    }

    /// Takes note of a connection, and tells what it was not asked for.
    pub(super) fn connected(&self, now: Instant) -> Option<Gap> {
        let length = now - self.followed_until?;
        let reason = match (self.position, self.reach) {
            (Some(_), Reach::Margin) => return None,
            (Some(_), Reach::Position) => "it was not asked for messages that came out of order",
            _ => "it was not asked for what came while it was not connected",
        };
        Some(Gap { length, reason })
    }

    /// Takes note of a message, and tells when it does not follow on what is stored.
    pub(super) fn received(&mut self, payload: &[u8], now: Instant) -> Option<Gap> {
        let mut gap = None;
        if let (Joint::Open { newer }, Some(position)) = (self.joint, self.position)
            && let Some(mtime) = self.decoder.head(payload).time
        {
            self.joint = if mtime == position {
                Joint::Settled
            } else if mtime > position {
                Joint::Open { newer: Some(newer.map_or(mtime, |newer| newer.min(mtime))) }
            } else {
                self.joint
            };
            if since(position, mtime) > NEARLY_ORDERED {
                gap = self.settle();
            }
        }
        if self.joint == Joint::Settled {
            self.followed_until = Some(now);
        }
        gap
    }

    /// Decides how far back to ask after a connection that gave so many messages; it, too, may have
    /// shown that they did not follow.
    ///
    /// To ask for the same again, with something there that cannot be received, or with more to
    /// repeat than a connection lasts for, would go on for ever.
    pub(super) fn disconnected(&mut self, lost: &Lost, messages: u64) -> Option<Gap> {
        let unreceivable = matches!(lost, Lost::Unreceivable { .. });
        let repeated_only = messages > 0 && self.joint == Joint::Open { newer: None };
        self.reach = match self.reach {
            Reach::Margin if unreceivable || repeated_only => Reach::Position,
            Reach::Position if unreceivable => Reach::Now,
            _ => Reach::Margin,
        };
        self.settle()
    }

    /// The gap between the newest stored message, when that has not come again, and what has.
    fn settle(&mut self) -> Option<Gap> {
        let Joint::Open { newer } = std::mem::replace(&mut self.joint, Joint::Settled) else {
            return None;
        };
        let length = since(self.position?, newer?);
        Some(Gap { length, reason: "it did not go back to the last stored one" })
    }
}

fn before(position: EventTime, margin: Duration) -> EventTime {
    let margin_ms = i64::try_from(margin.as_millis()).unwrap_or(i64::MAX);
    // No source needs to know of negative times, unless its own are.
    EventTime(position.0.saturating_sub(margin_ms).max(position.0.min(0)))
}

/// From one time to a later one.
fn since(earlier: EventTime, later: EventTime) -> Duration {
    Duration::from_millis(u64::try_from(later.0.saturating_sub(earlier.0)).unwrap_or(0))
}

/// Adds the parameter to the query.
fn with_parameter(url: &Uri, parameter: &str, position: EventTime) -> Uri {
    let mut parts = url.clone().into_parts();
    let separator = if url.query().is_some() { '&' } else { '?' };
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let path = format!("{path}{separator}{parameter}={}", position.0);
    parts.path_and_query = Some(path.parse().expect("the configuration checks the parameter"));
    Uri::from_parts(parts).expect("only the query was changed")
}
