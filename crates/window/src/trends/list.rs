//! Which terms of a window are listed: the largest, and the most unusual of all.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use pulso_model::Comparison;

use super::Trend;
use super::busy::Busyness;
use super::score::{Observation, score};
use super::table::Counted;
use crate::ListMax;

/// How the terms of one list are chosen.
pub(super) struct Listing {
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
}

impl Listing {
    /// The list, in the order of counts.
    pub(super) fn list(&self, terms: Vec<Counted<'_>>, busyness: Busyness) -> Vec<Trend> {
        let mut terms: Vec<_> = terms.into_iter().map(|term| self.scored(term, busyness)).collect();
        terms.sort_unstable_by(Scored::by_count);
        self.rank_unusual(&mut terms);
        let listed = |(rank, scored): &(u32, Scored<'_>)| {
            *rank as usize <= self.most.terms || scored.unusual_rank.is_some()
        };
        (1..).zip(terms).filter(listed).map(|(rank, scored)| scored.listed(rank)).collect()
    }

    fn scored<'a>(&self, term: Counted<'a>, busyness: Busyness) -> Scored<'a> {
        let seen =
            Observation { count: term.ranked, earlier: term.earlier, sum: term.sum, busyness };
        let score = score(seen, self.windows, self.comparison);
        Scored { term, score, unusual_rank: None }
    }

    /// Numbers the most unusual ones, as many as are listed.
    fn rank_unusual(&self, terms: &mut [Scored<'_>]) {
        let is_unusual = |scored: &&mut Scored<'_>| scored.score >= Some(self.unusual_from);
        let mut unusual: Vec<_> = terms.iter_mut().filter(is_unusual).collect();
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

    fn listed(self, rank: u32) -> Trend {
        let Self { term, score, unusual_rank } = self;
        Trend {
            term: Arc::clone(term.key),
            name: Arc::clone(term.name),
            count: term.facts,
            actors: term.actors,
            rank,
            unusual_rank,
            score,
            location: term.location.mean(),
        }
    }
}

/// Of one window all terms have a score, or none has.
fn compare(a: Option<f64>, b: Option<f64>) -> Ordering {
    a.unwrap_or_default().total_cmp(&b.unwrap_or_default())
}
