//! Bursts of topics: for some minutes, one that is otherwise rare gets a large part of the messages.

use crate::bursts::{Burst, Plan};
use crate::random::{Random, index};
use crate::rsvps::world::World;

/// Only topics of at least this many groups burst: a common topic would hardly stand out, and all
/// topics of a single group would rise together.
const GROUPS_MIN: usize = 8;
const GROUPS_MAX: usize = 60;

#[derive(Debug)]
pub(super) struct Bursts {
    plan: Plan,
    candidates: Vec<usize>,
}

impl Bursts {
    pub(super) fn new(seed: u64, world: &World) -> Self {
        let candidates = (0..world.topics.len())
            .filter(|&topic| (GROUPS_MIN..=GROUPS_MAX).contains(&world.groups_of(topic).len()))
            .collect();
        Self { plan: Plan::new(seed), candidates }
    }

    /// The topic that bursts in the slot that contains `now_ms`, and how. `None` in a world too
    /// small to have candidates.
    pub(super) fn of_slot(&self, now_ms: i64) -> Option<(usize, Burst)> {
        let burst = self.plan.of_slot(now_ms);
        let topic = *self.candidates.get(index(burst.key, self.candidates.len()))?;
        Some((topic, burst))
    }

    /// Returns a group with the topic of the current burst, in the burst's share of all calls.
    pub(super) fn draw_group(
        &self,
        random: &mut Random,
        world: &World,
        now_ms: i64,
    ) -> Option<usize> {
        let (topic, burst) = self.of_slot(now_ms)?;
        if !burst.is_on(now_ms) || !random.chance(burst.share) {
            return None;
        }
        let groups = world.groups_of(topic);
        groups.get(random.index(groups.len())).copied()
    }
}
