//! The numbers of one pane.

use pulso_model::{By, Fact, Statistics};
use serde::{Deserialize, Serialize};

use crate::StatisticShape;

/// Statistics by scope, by kind, or of all facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Numbers {
    pub(super) shape: StatisticShape,
    /// By index of the scope, or by kind; of all facts the first alone.
    pub(super) groups: Vec<Statistics>,
}

impl Numbers {
    pub(super) fn new(shape: StatisticShape) -> Self {
        Self { shape, groups: Vec::new() }
    }

    /// Adds the number of a fact, whose scope has this index.
    pub(super) fn add(&mut self, fact: &Fact<'_>, scope: usize) {
        let Some(number) = self.shape.number.of(fact) else { return };
        let at = match self.shape.by {
            By::Nothing => 0,
            By::Scope => scope,
            By::Kind => fact.kind.into(),
        };
        self.group(at).add(number);
    }

    /// Adds what another part of the pane has, whose scopes have these indices here.
    pub(super) fn merge(&mut self, other: &Self, scopes: &[usize]) {
        for (at, theirs) in other.groups.iter().enumerate() {
            let at = if self.shape.by == By::Scope { scopes[at] } else { at };
            self.group(at).merge(theirs);
        }
    }

    fn group(&mut self, at: usize) -> &mut Statistics {
        if self.groups.len() <= at {
            self.groups.resize_with(at + 1, Statistics::default);
        }
        &mut self.groups[at]
    }
}
