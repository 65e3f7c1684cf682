//! Facts of one key that are close together, as a stream declares them.

use std::time::Duration;

use crate::View;

/// The most declarations of sessions of a stream.
pub const SESSIONS_MAX: usize = 2;

/// Which facts make sessions, and what is told of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The columns of texts that are the key.
    pub by: Vec<usize>,
    /// Facts of a key that are less far apart belong together.
    pub gap: Duration,
    /// No session is longer; at least two gaps, and an even number of milliseconds.
    pub max: Duration,
    pub facets: Vec<SessionFacet>,
    /// Columns of texts whose values of the first fact are told.
    pub columns: Vec<usize>,
    pub view: View,
    /// Whether they are computed where the configuration says nothing.
    pub shown: bool,
}

/// A facet whose first and last term are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionFacet {
    pub facet: usize,
    /// The field of the smallest key of the first fact.
    pub first: &'static str,
    /// The same of the last fact.
    pub last: &'static str,
}

impl Session {
    /// In milliseconds.
    pub fn gap_ms(&self) -> i64 {
        millis(self.gap)
    }

    /// How far apart long chains of facts are cut, in milliseconds.
    pub fn half_ms(&self) -> i64 {
        (millis(self.max) / 2).max(1)
    }

    /// How long before the end of a session the facts are that play a part in it, in milliseconds. A chain
    /// that began earlier is cut, at the same times as if all of it were known, from one gap and `max` after
    /// the first fact that is read; the piece after that cut is at most half of `max` long.
    pub fn lookback_ms(&self) -> i64 {
        self.changes_within_ms() + self.half_ms()
    }

    /// How long after a fact the sessions end in which it plays a part, in milliseconds: it may begin a
    /// chain that began a gap later before.
    pub fn changes_within_ms(&self) -> i64 {
        self.gap_ms() + 2 * self.half_ms()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 8)
}
