//! Bursts: for some minutes, a topic that is otherwise rare gets a large part of the messages.
//!
//! The plan is a function of seed and event time, so it needs no state and is the same at every
//! speed.

use crate::random::{Random, below, index, salted, unit};
use crate::world::World;

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
/// Only topics of at least this many groups burst: a common topic would hardly stand out, and all
/// topics of a single group would rise together.
const GROUPS_MIN: usize = 8;
const GROUPS_MAX: usize = 60;

#[derive(Debug)]
pub(super) struct Bursts {
    seed: u64,
    candidates: Vec<usize>,
}

/// The burst of one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burst {
    pub(super) topic: usize,
    pub(super) begin_ms: i64,
    pub(super) end_ms: i64,
    pub(super) share: f64,
}

impl Bursts {
    pub(super) fn new(seed: u64, world: &World) -> Self {
        let candidates = (0..world.topics.len())
            .filter(|&topic| (GROUPS_MIN..=GROUPS_MAX).contains(&world.groups_of(topic).len()))
            .collect();
        Self { seed: salted(seed, 2), candidates }
    }

    /// The burst of the slot that contains `now_ms`. `None` in a world too small to have
    /// candidates.
    pub(super) fn of_slot(&self, now_ms: i64) -> Option<Burst> {
        let slot = now_ms.div_euclid(SLOT_MS);
        let key = salted(self.seed, slot.cast_unsigned());
        let topic = *self.candidates.get(index(key, self.candidates.len()))?;
        let begin_ms =
            (slot * SLOT_MS).saturating_add_unsigned(below(salted(key, 1), BEGIN_MS_MAX));
        let length_ms =
            LENGTH_MS_MIN.saturating_add_unsigned(below(salted(key, 2), LENGTH_MS_MORE));
        let share = SHARE_MIN + SHARE_MORE * unit(salted(key, 3));
        Some(Burst { topic, begin_ms, end_ms: begin_ms + length_ms, share })
    }

    /// Returns a group with the topic of the current burst, in the burst's share of all calls.
    pub(super) fn draw_group(
        &self,
        random: &mut Random,
        world: &World,
        now_ms: i64,
    ) -> Option<usize> {
        let burst = self.of_slot(now_ms)?;
        if !(burst.begin_ms..burst.end_ms).contains(&now_ms) || !random.chance(burst.share) {
            return None;
        }
        let groups = world.groups_of(burst.topic);
        groups.get(random.index(groups.len())).copied()
    }
}
