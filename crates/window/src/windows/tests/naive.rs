//! The definitions, read off one by one.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{CoordinateSum, Counts};

use super::{FACETS, OUT_OF_ORDERNESS, SIZE, SLIDE, Sent};
use crate::settings::millis;
use crate::{Activity, Settings, Trend, Verdict};

/// By end of window, facet, scope and term.
pub(super) type Trends = BTreeMap<(i64, usize, Option<String>, String), Trend>;

/// What SPEC says of each message, read off its definition for one partition at a time.
pub(super) fn naive_verdicts(sent: &[Sent], lateness: i64) -> Vec<Verdict> {
    let verdict = |(index, this): (usize, &Sent)| {
        let before = || sent[..index].iter().filter(|other| other.partition == this.partition);
        let identity = this.identity();
        let echo = identity.is_some() && before().any(|other| other.identity() == identity);
        let watermark = before().map(|other| other.time - OUT_OF_ORDERNESS).max();
        let late = watermark.is_some_and(|watermark| this.pane_end() + lateness <= watermark);
        // Far behind, a forgotten echo and a late fact look the same: both may be said.
        match (echo, late) {
            (true, _) => Verdict::Echo,
            (false, true) => Verdict::Late,
            (false, false) => Verdict::Counted,
        }
    };
    sent.iter().enumerate().map(verdict).collect()
}

/// What happened in each pane, by scope and kind.
pub(super) fn naive_activity(counted: &[&Sent]) -> BTreeMap<(i64, String, usize), Activity> {
    let mut panes: BTreeMap<_, Activity> = BTreeMap::new();
    for sent in counted {
        let key = (sent.pane(), sent.scope.to_owned(), usize::from(sent.kind));
        let activity = panes.entry(key).or_default();
        activity.facts += 1;
        activity.sums[0] += u64::from(sent.sum);
        activity.sums[1] += 1;
        activity.location.add(sent.place());
    }
    panes
}

/// Every list of every window by brute force over the counted facts.
pub(super) fn naive_trends(counted: &[&Sent], settings: &Settings) -> Trends {
    let mut trends = Trends::new();
    let Some(first) = counted.iter().map(|sent| sent.pane_end()).min() else { return trends };
    let last = counted.iter().map(|sent| sent.pane_end()).max().unwrap() + SIZE;
    for (facet, shape) in FACETS.iter().enumerate() {
        let scopes = if shape.by_scope { vec![None, Some("DE"), Some("US")] } else { vec![None] };
        for scope in scopes {
            let recount = Recount { counted, settings, first, facet, scope };
            for end in windows(first, last + SLIDE) {
                for trend in recount.list(end) {
                    let key = (end, facet, scope.map(str::to_owned), trend.term.to_string());
                    trends.insert(key, trend);
                }
            }
        }
    }
    trends
}

/// The ends of the windows from one until another.
fn windows(from: i64, until: i64) -> impl Iterator<Item = i64> {
    (from..until).step_by(usize::try_from(SLIDE).unwrap())
}

/// One facet, worldwide or in one scope.
struct Recount<'a> {
    counted: &'a [&'a Sent],
    settings: &'a Settings,
    /// The end of the first window.
    first: i64,
    facet: usize,
    scope: Option<&'static str>,
}

impl Recount<'_> {
    /// All facts of a window that carry a term, in any scope.
    fn everywhere(&self, end: i64, term: &str) -> impl Iterator<Item = &Sent> {
        let within = self.counted.iter().filter(move |sent| (end - SIZE..end).contains(&sent.time));
        within.copied().filter(move |sent| sent.terms_of(self.facet).contains_key(term))
    }

    fn facts(&self, end: i64, term: &str) -> impl Iterator<Item = &Sent> {
        let scope = self.scope;
        self.everywhere(end, term).filter(move |sent| scope.is_none_or(|scope| sent.scope == scope))
    }

    fn actors(&self, end: i64, term: &str) -> usize {
        self.facts(end, term).filter_map(|sent| sent.actor).collect::<BTreeSet<_>>().len()
    }

    /// What the facet counts.
    fn ranked(&self, end: i64, term: &str) -> u64 {
        match FACETS[self.facet].counts {
            Counts::Facts => self.facts(end, term).count() as u64,
            Counts::Actors => self.actors(end, term) as u64,
        }
    }

    fn list(&self, end: i64) -> Vec<Trend> {
        let trends = &self.settings.trends;
        let most = if self.scope.is_none() { trends.terms_max } else { trends.scope_terms_max };
        let mut list = Vec::new();
        for term in ["a", "b", "c"] {
            let now = self.ranked(end, term);
            if now > u64::from(trends.count_above) {
                list.push((now, self.trend(end, term, now)));
            }
        }
        list.sort_by(|(a_count, a), (b_count, b)| {
            (b_count.cmp(a_count)).then(b.score.total_cmp(&a.score)).then(a.term.cmp(&b.term))
        });
        list.truncate(most);
        (1..).zip(list).map(|(rank, (_, trend))| Trend { rank, ..trend }).collect()
    }

    fn trend(&self, end: i64, term: &str, now: u64) -> Trend {
        let baseline = windows(end - millis(self.settings.trends.baseline), end);
        let history: Vec<u64> =
            baseline.filter(|&end| end >= self.first).map(|end| self.ranked(end, term)).collect();
        let mut location = CoordinateSum::default();
        self.facts(end, term).for_each(|sent| location.add(sent.place()));
        let names = self.everywhere(end, term).map(|sent| sent.terms_of(self.facet)[term]);
        let count = self.facts(end, term).count();
        let actors = match FACETS[self.facet].counts {
            Counts::Facts => 0,
            Counts::Actors => self.actors(end, term),
        };
        Trend {
            term: term.into(),
            name: names.min().unwrap().into(),
            count: u32::try_from(count).unwrap(),
            actors: u32::try_from(actors).unwrap(),
            rank: 0,
            score: score(now, &history),
            location: self.scope.and_then(|_| location.mean()),
        }
    }
}

fn score(count: u64, history: &[u64]) -> f64 {
    if history.is_empty() {
        return 0.0;
    }
    let n = history.len() as f64;
    let mean = history.iter().sum::<u64>() as f64 / n;
    let squares = history.iter().map(|count| count * count).sum::<u64>() as f64 / n;
    let score = (count as f64 - mean) / ((squares - mean * mean).max(0.0) + 1.0).sqrt();
    (score * 1000.0).round() / 1000.0
}
