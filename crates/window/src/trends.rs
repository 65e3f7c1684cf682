//! What is trending: counts over the window, and how unusual they are.
//!
//! Works in steps of one slide. Each step adds the newest pane to running sums and takes away the
//! one that leaves, so its cost depends on the terms alive, not on the window's length. All sums are
//! integers: exact, free of drift, and equal to a recount by SQL.
//!
//! The score is the count's distance from the mean of the term's counts in the windows of the last
//! `baseline`, in standard deviations (plus one fact, which keeps rare terms calm):
//! `(count - mean) / sqrt(variance + 1)`, rounded to three decimals; 0 in the first window ever.

mod actors;
mod table;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use pulso_model::{EventTime, Location};
use serde::{Deserialize, Serialize};

use crate::settings::millis;
use crate::{PaneAggregate, Settings};
use table::{Counted, PaneCounts, Tables};

/// One listed term of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    pub term: Arc<str>,
    /// The smallest of the term's names in the window, worldwide.
    pub name: Arc<str>,
    /// Facts that carry it.
    pub count: u32,
    /// Who made them; 0 where the facet counts facts.
    pub actors: u32,
    /// From 1.
    pub rank: u32,
    pub score: f64,
    /// In a scope: the mean of the usable places of the counted facts.
    pub location: Option<Location>,
}

/// The lists of one facet in one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists {
    pub worldwide: Vec<Trend>,
    pub by_scope: BTreeMap<Arc<str>, Vec<Trend>>,
}

impl Lists {
    pub fn is_empty(&self) -> bool {
        self.worldwide.is_empty() && self.by_scope.is_empty()
    }
}

/// Running counts at one window end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trends {
    /// The end of the current window.
    end: EventTime,
    /// The start of the first pane of the stream.
    first: EventTime,
    /// By facet.
    tables: Vec<Tables>,
    /// What each pane added, by facet, for as long as something has to be taken away again.
    panes: BTreeMap<EventTime, Vec<PaneCounts>>,
}

impl Trends {
    /// Before the first pane, which begins at `first`.
    pub(crate) fn new(first: EventTime, settings: &Settings) -> Self {
        let tables = settings.shape.facets.iter().map(|facet| Tables::new(*facet)).collect();
        Self { end: first, first, tables, panes: BTreeMap::new() }
    }

    /// The end of the current window.
    pub(crate) fn end(&self) -> EventTime {
        self.end
    }

    /// Whether nothing is left in any window, of now or of the baseline.
    pub(crate) fn is_empty(&self) -> bool {
        self.panes.is_empty()
    }

    /// Passes over time in which nothing happened.
    pub(crate) fn skip_to(&mut self, end: EventTime) {
        debug_assert!(self.is_empty(), "only empty windows may be skipped");
        self.end = self.end.max(end);
    }

    /// The end of the last window that has facts in it, if that lies ahead.
    pub(crate) fn last_window_end(&self, settings: &Settings) -> Option<EventTime> {
        let (&last, _) = self.panes.last_key_value()?;
        Some(settings.window.last_window_end(last)).filter(|&end| end > self.end)
    }

    /// Moves to the next window, which ends where `pane` ends.
    pub(crate) fn step(&mut self, pane: Option<&PaneAggregate>, settings: &Settings) {
        let slide = settings.window.slide();
        let size = settings.window.size();
        let baseline = millis(settings.trends.baseline);
        let at = |before: i64| EventTime(self.end.0 - before);
        let forgotten = self.panes.remove(&at(baseline + size));
        let mut counts = Vec::new();
        for (facet, table) in self.tables.iter_mut().enumerate() {
            table.slide_baseline();
            counts.extend(pane.map(|pane| table.enter(pane, facet)));
            if let Some(leaving) = self.panes.get_mut(&at(size)) {
                table.leave(&mut leaving[facet]);
            }
            if let Some(entering) = self.panes.get(&at(baseline)) {
                table.enter_old(&entering[facet]);
            }
            if let Some(forgotten) = &forgotten {
                table.leave_old(&forgotten[facet]);
                let kept = self.panes.values_mut().map(|facets| &mut facets[facet]);
                table.compact(kept.chain(counts.get_mut(facet)));
            }
        }
        if pane.is_some() {
            self.panes.insert(self.end, counts);
        }
        self.end = EventTime(self.end.0 + slide);
    }

    /// The lists of the current window, by facet.
    pub(crate) fn lists(&self, settings: &Settings) -> Vec<Lists> {
        let first_end = self.first.0 + settings.window.slide();
        let windows = (self.end.0 - first_end) / settings.window.slide();
        let baseline = millis(settings.trends.baseline) / settings.window.slide();
        let windows = windows.clamp(0, baseline);
        self.tables.iter().map(|table| lists(table, windows, settings)).collect()
    }
}

fn lists(table: &Tables, windows: i64, settings: &Settings) -> Lists {
    let trends = &settings.trends;
    let by_scope = table.scope_terms(trends.count_above);
    let list = |(scope, terms)| (Arc::clone(scope), rank(terms, windows, trends.scope_terms_max));
    Lists {
        worldwide: rank(table.terms(trends.count_above).collect(), windows, trends.terms_max),
        by_scope: by_scope.into_iter().map(list).collect(),
    }
}

/// Orders by what the facet counts, then score, then term; keeps the first `most` and numbers them.
fn rank(mut terms: Vec<Counted<'_>>, windows: i64, most: usize) -> Vec<Trend> {
    if (1..terms.len()).contains(&most) {
        // Most have less than the last one listed, and need neither score nor order.
        let by_count = |term: &Counted<'_>| Reverse(term.ranked);
        let least = terms.select_nth_unstable_by_key(most - 1, by_count).1.ranked;
        terms.retain(|term| term.ranked >= least);
    }
    let scored = |term| (score(&term, windows), term);
    let mut scored: Vec<(f64, Counted<'_>)> = terms.into_iter().map(scored).collect();
    scored.sort_unstable_by(|(a_score, a), (b_score, b)| {
        let counts = Reverse(a.ranked).cmp(&Reverse(b.ranked));
        counts.then(b_score.total_cmp(a_score)).then_with(|| a.key.cmp(b.key))
    });
    scored.truncate(most);
    (1..).zip(scored).map(|(rank, (score, term))| listed(&term, rank, score)).collect()
}

fn listed(term: &Counted<'_>, rank: u32, score: f64) -> Trend {
    Trend {
        term: Arc::clone(term.key),
        name: Arc::clone(term.name),
        count: term.facts,
        actors: term.actors,
        rank,
        score,
        location: term.location.mean(),
    }
}

/// The order of operations is part of the definition: SQL must arrive at the same float.
fn score(term: &Counted<'_>, windows: i64) -> f64 {
    if windows == 0 {
        return 0.0;
    }
    let windows = windows as f64;
    let mean = term.sum as f64 / windows;
    let variance = (term.sum_of_squares as f64 / windows - mean * mean).max(0.0);
    let score = (f64::from(term.ranked) - mean) / (variance + 1.0).sqrt();
    (score * 1000.0).round() / 1000.0
}
