//! What is trending: counts over the window, and how unusual they are.
//!
//! Works in steps of one slide. Each step adds the newest pane to running sums and takes away the
//! one that leaves, so its cost depends on the terms alive, not on the window's length. All sums are
//! integers: exact, free of drift, and equal to a recount by SQL.
//!
//! How unusual a count is says [`score`].

mod actors;
mod busy;
mod life;
mod list;
mod past;
mod score;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use pulso_model::{Comparison, EventTime, Location};
use serde::{Deserialize, Serialize};

use crate::{PaneAggregate, Settings, TrendSettings};
use busy::Busy;
pub use life::EndedTrend;
use life::Lives;
use list::Listing;
use past::Past;
use table::{PaneCounts, Tables};

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
    /// By what the facet counts, from 1.
    pub rank: u32,
    /// By score, from 1; only of those that are unusual.
    pub unusual_rank: Option<u32>,
    /// The end of the window in which it became so.
    pub since: Option<EventTime>,
    /// `None` where there is no past to compare with.
    pub score: Option<f64>,
    /// In a scope: the mean of the usable places of the counted facts.
    pub location: Option<Location>,
}

/// The lists of one facet in one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lists {
    pub worldwide: Vec<Trend>,
    pub by_scope: BTreeMap<Arc<str>, Vec<Trend>>,
    /// Worldwide and by scope.
    pub ended: Vec<EndedTrend>,
}

impl Lists {
    pub fn is_empty(&self) -> bool {
        self.worldwide.is_empty() && self.by_scope.is_empty() && self.ended.is_empty()
    }
}

/// Running counts at one window end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trends {
    /// The end of the current window.
    end: EventTime,
    past: Past,
    /// By facet.
    busy: Vec<Busy>,
    /// By facet.
    tables: Vec<Tables>,
    /// By facet.
    lives: Vec<Lives>,
    /// What each pane added, by facet, for as long as something has to be taken away again.
    panes: BTreeMap<EventTime, Vec<PaneCounts>>,
}

impl Trends {
    /// Before the first pane, which begins at `first`.
    pub(crate) fn new(first: EventTime, settings: &Settings) -> Self {
        let facets = &settings.shape.facets;
        let busy = facets.iter().enumerate().map(|(at, facet)| Busy::new(at, facet.by_scope));
        let (busy, tables) = (busy.collect(), facets.iter().copied().map(Tables::new).collect());
        let lives = facets.iter().map(|_| Lives::default()).collect();
        Self { end: first, past: Past::default(), busy, tables, lives, panes: BTreeMap::new() }
    }

    /// The end of the current window.
    pub(crate) fn end(&self) -> EventTime {
        self.end
    }

    /// Whether nothing is left: no pane of a window of now or of the past, and no trend that has to end.
    pub(crate) fn is_empty(&self) -> bool {
        self.panes.is_empty() && self.lives.iter().all(Lives::is_empty)
    }

    /// Gives an actor another name.
    pub(crate) fn rename(&mut self, actor: (&str, &str)) {
        self.tables.iter_mut().for_each(|tables| tables.rename(actor));
    }

    /// Passes over time in which nothing happened.
    pub(crate) fn skip_to(&mut self, end: EventTime) {
        debug_assert!(self.is_empty(), "only empty windows may be skipped");
        if end > self.end {
            self.past = Past::default();
            self.end = end;
        }
    }

    /// The end of the last window that has facts in it, if that lies ahead.
    pub(crate) fn last_window_end(&self, settings: &Settings) -> Option<EventTime> {
        let (&last, _) = self.panes.last_key_value()?;
        Some(settings.window.last_window_end(last)).filter(|&end| end > self.end)
    }

    /// Moves to the next window, which ends where `pane` ends; its lists, by facet.
    pub(crate) fn step(&mut self, pane: Option<&PaneAggregate>, settings: &Settings) -> Vec<Lists> {
        self.slide(pane, settings);
        self.lists(settings)
    }

    fn slide(&mut self, pane: Option<&PaneAggregate>, settings: &Settings) {
        let slide = settings.window.slide();
        let comparison = settings.comparison();
        self.past.step(pane.map_or(0, PaneAggregate::len), comparison);
        for busy in &mut self.busy {
            busy.step(self.end, pane, slide, comparison);
        }
        let Comparison { size, growth, newest, oldest, .. } = comparison;
        let at = |slides: i64| EventTime(self.end.0 - slides * slide);
        let mut counts = Vec::new();
        for (facet, (table, lives)) in self.tables.iter_mut().zip(&mut self.lives).enumerate() {
            counts.extend(pane.map(|pane| table.enter(pane, facet)));
            if let Some(pane) = pane {
                lives.add(|scope, term| pane.facts(facet, scope, term));
            }
            if let Some(leaving) = self.panes.get_mut(&at(size)) {
                table.leave(&mut leaving[facet]);
            }
            let pane = |slides| self.panes.get(&at(slides)).map(|facets| &facets[facet]);
            pane(growth).into_iter().for_each(|pane| table.enter_earlier(pane));
            pane(growth + size).into_iter().for_each(|pane| table.leave_earlier(pane));
            pane(newest).into_iter().for_each(|pane| table.enter_newest(pane));
            pane(newest + size).into_iter().for_each(|pane| table.leave_newest(pane));
            table.slide_past();
            pane(oldest).into_iter().for_each(|pane| table.enter_oldest(pane));
            pane(oldest + size).into_iter().for_each(|pane| table.leave_oldest(pane));
        }
        if pane.is_some() {
            self.panes.insert(self.end, counts);
        }
        if self.panes.remove(&at(oldest + size)).is_some() {
            for (facet, table) in self.tables.iter_mut().enumerate() {
                table.compact(self.panes.values_mut().map(|facets| &mut facets[facet]));
            }
        }
        self.end = EventTime(self.end.0 + slide);
    }

    /// The lists of the current window, by facet.
    fn lists(&mut self, settings: &Settings) -> Vec<Lists> {
        let TrendSettings { ref mute, count_above, unusual_from, worldwide, by_scope, .. } =
            settings.trends;
        let (end, comparison) = (self.end, settings.comparison());
        let windows = self.past.windows(comparison);
        let slide = settings.window.slide();
        let listing = |most| Listing { end, slide, windows, comparison, unusual_from, most };
        let (worldwide, by_scope) = (listing(worldwide), listing(by_scope));
        let mut all = Vec::new();
        for ((table, busy), lives) in self.tables.iter().zip(&self.busy).zip(&mut self.lives) {
            let terms = table.terms(count_above, mute).collect();
            let mut lists = Lists {
                worldwide: worldwide.list(None, terms, busy.worldwide(), lives),
                ..Lists::default()
            };
            for (scope, terms) in table.scope_terms(count_above, mute) {
                let list = by_scope.list(Some(scope), terms, busy.in_scope(scope), lives);
                lists.by_scope.insert(Arc::clone(scope), list);
            }
            lists.ended = lives.end(end, settings.window.size());
            // It may have been muted since it began.
            lists.ended.retain(|trend| !mute.contains(&*trend.term));
            all.push(lists);
        }
        all
    }
}
