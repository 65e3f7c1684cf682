//! How busy the stream is in the windows that a score compares.

use std::collections::BTreeMap;
use std::sync::Arc;

use pulso_model::{Comparison, EventTime};
use serde::{Deserialize, Serialize};

use crate::PaneAggregate;

/// Sums over the panes of windows. What is added up says [`PaneAggregate::busyness`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Busyness {
    /// In the window.
    pub(super) now: u64,
    /// Over the windows of the past.
    pub(super) past: u64,
    /// In the newest window of the past, and in the oldest.
    newest: u64,
    oldest: u64,
}

/// What is running for one facet, worldwide and by scope.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Busy {
    /// By place in the stream's list.
    facet: usize,
    by_scope: bool,
    worldwide: Busyness,
    scopes: BTreeMap<Arc<str>, Busyness>,
    /// Of the history.
    panes: BTreeMap<EventTime, Pane>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pane {
    worldwide: u64,
    scopes: Vec<(Arc<str>, u64)>,
}

impl Busy {
    pub(super) fn new(facet: usize, by_scope: bool) -> Self {
        Self {
            facet,
            by_scope,
            worldwide: Busyness::default(),
            scopes: BTreeMap::new(),
            panes: BTreeMap::new(),
        }
    }

    pub(super) fn worldwide(&self) -> Busyness {
        self.worldwide
    }

    pub(super) fn in_scope(&self, scope: &str) -> Busyness {
        self.scopes.get(scope).copied().unwrap_or_default()
    }

    /// Moves to the next window, whose last pane begins at `start`.
    pub(super) fn step(
        &mut self,
        start: EventTime,
        pane: Option<&PaneAggregate>,
        slide: i64,
        comparison: Comparison,
    ) {
        let Comparison { size, newest, oldest, .. } = comparison;
        let pane = pane.map(|pane| self.pane(pane));
        self.panes.extend(pane.map(|pane| (start, pane)));
        let before = |slides: i64| EventTime(start.0 - slides * slide);
        self.change(start, |busyness, number| busyness.now += number);
        self.change(before(size), |busyness, number| busyness.now -= number);
        self.change(before(newest), |busyness, number| busyness.newest += number);
        self.change(before(newest + size), |busyness, number| busyness.newest -= number);
        for busyness in self.scopes.values_mut().chain([&mut self.worldwide]) {
            busyness.past = busyness.past + busyness.newest - busyness.oldest;
        }
        self.change(before(oldest), |busyness, number| busyness.oldest += number);
        self.change(before(oldest + size), |busyness, number| busyness.oldest -= number);
        if self.panes.remove(&before(oldest + size)).is_some() {
            // One that a pane still names comes back with it.
            self.scopes.retain(|_, busyness| *busyness != Busyness::default());
        }
    }

    fn pane(&self, pane: &PaneAggregate) -> Pane {
        let known = |scope: &str| match self.scopes.get_key_value(scope) {
            Some((scope, _)) => Arc::clone(scope),
            None => scope.into(),
        };
        let (worldwide, scopes) = pane.busyness(self.facet);
        let scopes = scopes.into_iter().filter(|_| self.by_scope);
        let scopes = scopes.map(|(scope, number)| (known(scope), number)).collect();
        Pane { worldwide, scopes }
    }

    /// Changes what a pane adds to.
    fn change(&mut self, start: EventTime, change: impl Fn(&mut Busyness, u64)) {
        let Some(pane) = self.panes.get(&start) else { return };
        change(&mut self.worldwide, pane.worldwide);
        for (scope, number) in &pane.scopes {
            change(self.scopes.entry(Arc::clone(scope)).or_default(), *number);
        }
    }
}
