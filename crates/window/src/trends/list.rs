//! Which terms of a window are listed: the largest, and the most unusual of all.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use pulso_model::{Comparison, EventTime};

use super::Trend;
use super::busy::Busyness;
use super::life::{Lives, Sighting};
use super::score::{Observation, score};
use super::table::Counted;
use crate::ListMax;

/// How the terms of one list are chosen.
pub(super) struct Listing {
    /// Of the window.
    pub(super) end: EventTime,
    pub(super) slide: i64,
    /// Of the past.
    pub(super) windows: i64,
    pub(super) comparison: Comparison,
    /// A score from here on is unusual.
    pub(super) unusual_from: f64,
    pub(super) most: ListMax,
}

struct Scored<'a> {
    term: Counted<'a>,
    score: Option<f64>,
    unusual_rank: Option<u32>,
    since: Option<EventTime>,
}

impl Listing {
    /// The list, in the order of counts. All that are unusual are noted in `lives`.
    pub(super) fn list(
        &self,
        scope: Option<&Arc<str>>,
        terms: Vec<Counted<'_>>,
        busyness: Busyness,
        lives: &mut Lives,
    ) -> Vec<Trend> {
        let mut terms: Vec<_> = terms.into_iter().map(|term| self.scored(term, busyness)).collect();
        terms.sort_unstable_by(Scored::by_count);
        self.rank_unusual(&mut terms, |sighting| {
            let reach = self.comparison.life * self.slide;
            lives.see(Sighting { scope, ..sighting }, self.end, reach)
        });
        let listed = |(rank, scored): &(u32, Scored<'_>)| {
            *rank as usize <= self.most.terms || scored.unusual_rank.is_some()
        };
        (1..).zip(terms).filter(listed).map(|(rank, scored)| scored.listed(rank)).collect()
    }

    fn scored<'a>(&self, term: Counted<'a>, busyness: Busyness) -> Scored<'a> {
        let seen =
            Observation { count: term.ranked, earlier: term.earlier, sum: term.sum, busyness };
        let score = score(seen, self.windows, self.comparison);
        Scored { term, score, unusual_rank: None, since: None }
    }

    /// Numbers the most unusual ones, as many as are listed.
    fn rank_unusual(
        &self,
        terms: &mut [Scored<'_>],
        mut see: impl FnMut(Sighting<'_>) -> EventTime,
    ) {
        let mut unusual = Vec::new();
        for scored in terms {
            let Some(score) = scored.score.filter(|score| *score >= self.unusual_from) else {
                continue;
            };
            scored.since = Some(see(scored.sighting(score)));
            unusual.push(scored);
        }
        // Where scores are equal, the order of counts stays.
        unusual.sort_by(|a, b| compare(b.score, a.score));
        for (rank, scored) in (1..).zip(unusual.into_iter().take(self.most.unusual)) {
            scored.unusual_rank = Some(rank);
        }
    }
}

impl Scored<'_> {
    /// By what the facet counts, then score, then term.
    fn by_count(&self, other: &Self) -> Ordering {
        let counts = Reverse(self.term.ranked).cmp(&Reverse(other.term.ranked));
        let scores = || compare(other.score, self.score);
        counts.then_with(scores).then_with(|| self.term.key.cmp(other.term.key))
    }

    fn sighting(&self, score: f64) -> Sighting<'_> {
        let Counted { key: term, name, facts, actors, .. } = self.term;
        Sighting { scope: None, term, name, facts, actors, score }
    }

    fn listed(self, rank: u32) -> Trend {
        let Self { term, score, unusual_rank, since } = self;
        Trend {
            term: Arc::clone(term.key),
            name: Arc::clone(term.name),
            count: term.facts,
            actors: term.actors,
            rank,
            unusual_rank,
            since: unusual_rank.and(since),
            score,
            location: term.location.mean(),
        }
    }
}

/// Of one window all terms have a score, or none has.
fn compare(a: Option<f64>, b: Option<f64>) -> Ordering {
    a.unwrap_or_default().total_cmp(&b.unwrap_or_default())
}
