//! The lives of trends: since when a term is unusual, and what it was when that is over.

use std::collections::VecDeque;
use std::sync::Arc;

use pulso_model::EventTime;
use serde::{Deserialize, Serialize};

/// A term that was unusual, and is no longer.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedTrend {
    /// `None`: worldwide.
    pub scope: Option<Arc<str>>,
    pub term: Arc<str>,
    /// In the last window in which it was unusual.
    pub name: Arc<str>,
    /// The end of the first window in which it was unusual.
    pub began: EventTime,
    /// The end of the window with the highest score.
    pub peak: EventTime,
    pub peak_score: f64,
    /// The end of the last window in which it was unusual.
    pub ended: EventTime,
    /// Facts that carry it in the windows from the first to the last, each once.
    pub count: u64,
    /// Who made them in the window of the peak; 0 where the facet counts facts.
    pub actors: u32,
}

/// The terms of a facet that are unusual or were so a short time ago, ordered by scope and term.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Lives(Vec<Life>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Life {
    scope: Option<Arc<str>>,
    term: Arc<str>,
    name: Arc<str>,
    /// Facts since the first window began.
    facts: u64,
    /// The windows in which it was unusual.
    unusual: VecDeque<Unusual>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Unusual {
    end: EventTime,
    score: f64,
    actors: u32,
    /// Facts of the life before the window, and up to its end.
    before: u64,
    until: u64,
}

/// A term that is unusual in a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting<'a> {
    pub(super) scope: Option<&'a Arc<str>>,
    pub(super) term: &'a Arc<str>,
    pub(super) name: &'a Arc<str>,
    pub(super) facts: u32,
    pub(super) actors: u32,
    pub(super) score: f64,
}

impl Lives {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the facts of the pane that has come into the window.
    pub(super) fn add(&mut self, facts: impl Fn(Option<&str>, &str) -> u32) {
        for life in &mut self.0 {
            life.facts += u64::from(facts(life.scope.as_deref(), &life.term));
        }
    }

    /// Notes that a term is unusual in the window that ends at `end`; tells since when it is, looking back
    /// `reach_ms`.
    pub(super) fn see(
        &mut self,
        sighting: Sighting<'_>,
        end: EventTime,
        reach_ms: i64,
    ) -> EventTime {
        let Sighting { scope, term, name, facts, actors, score } = sighting;
        let facts = u64::from(facts);
        let place =
            self.0.binary_search_by(|life| (&life.scope, &life.term).cmp(&(&scope.cloned(), term)));
        let place = place.unwrap_or_else(|place| {
            let (scope, term, name) = (scope.cloned(), Arc::clone(term), Arc::clone(name));
            self.0.insert(place, Life { scope, term, name, facts, unusual: VecDeque::new() });
            place
        });
        let life = &mut self.0[place];
        life.name = Arc::clone(name);
        let (before, until) = (life.facts - facts, life.facts);
        life.unusual.push_back(Unusual { end, score, actors, before, until });
        while life.unusual.front().is_some_and(|first| first.end.0 <= end.0 - reach_ms) {
            life.unusual.pop_front();
        }
        life.unusual.front().map_or(end, |first| first.end)
    }

    /// Takes away those that no window has shown since the one that ended `quiet_ms` before `end`.
    pub(super) fn end(&mut self, end: EventTime, quiet_ms: i64) -> Vec<EndedTrend> {
        let over =
            |life: &mut Life| life.unusual.back().is_none_or(|last| last.end.0 <= end.0 - quiet_ms);
        self.0.extract_if(.., over).filter_map(Life::ended).collect()
    }
}

impl Life {
    fn ended(self) -> Option<EndedTrend> {
        let Self { scope, term, name, unusual, .. } = self;
        let (first, last) = (*unusual.front()?, *unusual.back()?);
        // Of equal scores the first.
        let peak = unusual.into_iter().reduce(|peak, next| match next.score > peak.score {
            true => next,
            false => peak,
        })?;
        Some(EndedTrend {
            scope,
            term,
            name,
            began: first.end,
            peak: peak.end,
            peak_score: peak.score,
            ended: last.end,
            count: last.until - first.before,
            actors: peak.actors,
        })
    }
}
