//! Which windows of the past say what is usual.

use std::collections::VecDeque;

use pulso_model::Comparison;
use serde::{Deserialize, Serialize};

/// How many facts there are in the current window and in those before, back to the oldest of the past.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Past {
    /// In the panes of the current window, from its newest.
    panes: VecDeque<u64>,
    /// In the windows, from the current one.
    windows: VecDeque<u64>,
}

impl Past {
    /// Moves to the next window, whose last pane has so many facts.
    pub(super) fn step(&mut self, facts: u64, comparison: Comparison) {
        let kept = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        self.panes.push_front(facts);
        self.panes.truncate(kept(comparison.size));
        self.windows.push_front(self.panes.iter().sum());
        self.windows.truncate(kept(comparison.oldest + 1));
    }

    /// How many windows of the past have at least one fact for so many of the current one.
    pub(super) fn windows(&self, comparison: Comparison) -> i64 {
        let now = self.windows.front().copied().unwrap_or_default();
        let past =
            self.windows.iter().skip(usize::try_from(comparison.newest).unwrap_or(usize::MAX));
        let counts = |facts: &&u64| **facts * Comparison::SPARSE.unsigned_abs() >= now;
        i64::try_from(past.filter(counts).count()).expect("few windows are kept")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_with_less_than_a_fiftieth_of_the_facts_does_not_count() {
        let comparison = Comparison { size: 2, growth: 1, newest: 2, oldest: 4, life: 8 };
        let mut past = Past::default();
        let mut counted = Vec::new();
        for facts in [1, 1, 0, 0, 0, 30, 21, 80, 0, 50] {
            past.step(facts, comparison);
            counted.push(past.windows(comparison));
        }
        // The windows have 1, 2, 1, 0, 0, 30, 51, 101, 80 and 50 facts.
        assert_eq!(counted, [0, 0, 1, 2, 3, 2, 0, 1, 2, 3]);
    }
}
