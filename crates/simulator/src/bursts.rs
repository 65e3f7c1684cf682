//! Bursts: for some minutes, something that is otherwise rare gets a large part of the messages.
//!
//! The plan is a function of seed and event time, so it needs no state and is the same at every
//! speed.

use crate::random::{below, salted, unit};

/// Each slot of event time has one burst.
const SLOT_MS: i64 = 360_000;
/// A burst begins within this time after the start of its slot.
const BEGIN_MS_MAX: u64 = 60_000;
/// The shortest length of a burst, and how much longer it may be. It ends inside its slot.
const LENGTH_MS_MIN: i64 = 150_000;
const LENGTH_MS_MORE: u64 = 140_000;
/// The burst's share of the messages.
const SHARE_MIN: f64 = 0.05;
const SHARE_MORE: f64 = 0.10;

/// All bursts of a stream.
#[derive(Debug)]
pub(crate) struct Plan {
    seed: u64,
}

/// The burst of one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Burst {
    /// Decides what bursts.
    pub(crate) key: u64,
    pub(crate) begin_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) share: f64,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: salted(seed, 2) }
    }

    /// The burst of the slot that contains `now_ms`.
    pub(crate) fn of_slot(&self, now_ms: i64) -> Burst {
        let slot = now_ms.div_euclid(SLOT_MS);
        let key = salted(self.seed, slot.cast_unsigned());
        let begin_ms =
            (slot * SLOT_MS).saturating_add_unsigned(below(salted(key, 1), BEGIN_MS_MAX));
        let length_ms =
            LENGTH_MS_MIN.saturating_add_unsigned(below(salted(key, 2), LENGTH_MS_MORE));
        let share = SHARE_MIN + SHARE_MORE * unit(salted(key, 3));
        Burst { key, begin_ms, end_ms: begin_ms + length_ms, share }
    }
}

impl Burst {
    pub(crate) fn is_on(&self, now_ms: i64) -> bool {
        (self.begin_ms..self.end_ms).contains(&now_ms)
    }
}
