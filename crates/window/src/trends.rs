//! What is trending: counts over the window, and how unusual they are.
//!
//! Works in steps of one slide. Each step adds the newest pane to running sums and takes away the
//! one that leaves, so its cost depends on the topics alive, not on the window's length. All sums are
//! integers: exact, free of drift, and equal to a recount by SQL.
//!
//! The score is the count's distance from the mean of the topic's counts in the windows of the last
//! `baseline`, in standard deviations (plus one response, which keeps rare topics calm):
//! `(count - mean) / sqrt(variance + 1)`, rounded to three decimals; 0 in the first window ever.

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

/// One listed topic of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    pub topic: Arc<str>,
    /// The smallest of the topic's names in the window, worldwide.
    pub name: Arc<str>,
    pub count: u32,
    /// From 1.
    pub rank: u32,
    pub score: f64,
    /// Mean of the usable group coordinates of the counted responses.
    pub location: Option<Location>,
}

/// The lists of one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lists {
    pub(crate) worldwide: Vec<Trend>,
    pub(crate) by_country: BTreeMap<Arc<str>, Vec<Trend>>,
}

/// Running counts at one window end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trends {
    /// The end of the current window.
    end: EventTime,
    /// The start of the first pane of the stream.
    first: EventTime,
    tables: Tables,
    /// What each pane added, for as long as something has to be taken away again.
    panes: BTreeMap<EventTime, PaneCounts>,
}

impl Trends {
    /// Before the first pane, which begins at `first`.
    pub(crate) fn new(first: EventTime) -> Self {
        Self { end: first, first, tables: Tables::default(), panes: BTreeMap::new() }
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

    /// The end of the last window that has responses in it, if that lies ahead.
    pub(crate) fn last_window_end(&self, settings: &Settings) -> Option<EventTime> {
        let (&last, _) = self.panes.last_key_value()?;
        Some(settings.window.last_window_end(last)).filter(|&end| end > self.end)
    }

    /// Moves to the next window, which ends where `pane` ends.
    pub(crate) fn step(&mut self, pane: Option<&PaneAggregate>, settings: &Settings) {
        let slide = settings.window.slide();
        let size = settings.window.size();
        let baseline = millis(settings.trends.baseline);
        self.tables.slide_baseline();
        if let Some(pane) = pane {
            let counts = self.tables.enter(pane);
            self.panes.insert(self.end, counts);
        }
        let at = |before: i64| EventTime(self.end.0 - before);
        if let Some(leaving) = self.panes.get_mut(&at(size)) {
            self.tables.leave(leaving);
        }
        if let Some(entering) = self.panes.get(&at(baseline)) {
            self.tables.enter_old(entering);
        }
        if let Some(forgotten) = self.panes.remove(&at(baseline + size)) {
            self.tables.leave_old(&forgotten);
            self.tables.compact(self.panes.values_mut());
        }
        self.end = EventTime(self.end.0 + slide);
    }

    /// The lists of the current window.
    pub(crate) fn lists(&self, settings: &Settings) -> Lists {
        let trends = &settings.trends;
        let first_end = self.first.0 + settings.window.slide();
        let windows = (self.end.0 - first_end) / settings.window.slide();
        let windows = windows.clamp(0, millis(trends.baseline) / settings.window.slide());
        let above = trends.count_above;

        let mut by_country: BTreeMap<&Arc<str>, Vec<Counted<'_>>> = BTreeMap::new();
        for (country, topic) in self.tables.country_topics(above) {
            by_country.entry(country).or_default().push(topic);
        }
        let list = |(country, topics)| {
            (Arc::clone(country), rank(topics, windows, trends.country_topics_max))
        };
        Lists {
            worldwide: rank(self.tables.topics(above).collect(), windows, trends.topics_max),
            by_country: by_country.into_iter().map(list).collect(),
        }
    }
}

/// Orders by count, then score, then topic; keeps the first `most` and numbers them.
fn rank(mut topics: Vec<Counted<'_>>, windows: i64, most: usize) -> Vec<Trend> {
    if (1..topics.len()).contains(&most) {
        // Most have fewer responses than the last one listed, and need neither score nor order.
        let by_count = |topic: &Counted<'_>| Reverse(topic.count);
        let least = topics.select_nth_unstable_by_key(most - 1, by_count).1.count;
        topics.retain(|topic| topic.count >= least);
    }
    let mut list: Vec<_> = topics.into_iter().map(|topic| listed(topic, windows)).collect();
    list.sort_unstable_by(|a, b| {
        let counts = Reverse(a.count).cmp(&Reverse(b.count));
        counts.then(b.score.total_cmp(&a.score)).then_with(|| a.topic.cmp(&b.topic))
    });
    list.truncate(most);
    for (trend, rank) in list.iter_mut().zip(1..) {
        trend.rank = rank;
    }
    list
}

fn listed(topic: Counted<'_>, windows: i64) -> Trend {
    Trend {
        topic: Arc::clone(topic.key),
        name: Arc::clone(topic.name),
        count: topic.count,
        rank: 0,
        score: score(topic.count, topic.sum, topic.sum_of_squares, windows),
        location: topic.location.mean(),
    }
}

/// The order of operations is part of the definition: SQL must arrive at the same float.
fn score(count: u32, sum: u64, sum_of_squares: u64, windows: i64) -> f64 {
    if windows == 0 {
        return 0.0;
    }
    let windows = windows as f64;
    let mean = sum as f64 / windows;
    let variance = (sum_of_squares as f64 / windows - mean * mean).max(0.0);
    let score = (f64::from(count) - mean) / (variance + 1.0).sqrt();
    (score * 1000.0).round() / 1000.0
}
