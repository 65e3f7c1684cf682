//! The definitions, read off one by one.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{CoordinateSum, Counts, EventTime, Statistics};

use super::{FACETS, OUT_OF_ORDERNESS, SIZE, SLIDE, Sent};
use crate::settings::millis;
use crate::{Activity, EndedTrend, Group, Settings, Trend, Verdict};

/// By end of window, facet, scope and term.
pub(super) type Trends = BTreeMap<Key, Trend>;

/// The same of what ended, by the end of the window that told it.
pub(super) type Ended = BTreeMap<Key, EndedTrend>;

type Key = (i64, usize, Option<String>, String);

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

/// The numbers of each pane in each group, one by one.
pub(super) fn naive_statistics(counted: &[&Sent]) -> BTreeMap<(i64, usize, String), Statistics> {
    let mut panes: BTreeMap<_, Statistics> = BTreeMap::new();
    for sent in counted {
        let kind = usize::from(sent.kind);
        let groups = [Group::All, Group::Scope(sent.scope), Group::Kind(kind)];
        for (at, group) in groups.into_iter().enumerate() {
            let numbers = panes.entry((sent.pane(), at, format!("{group:?}"))).or_default();
            numbers.add(sent.sum.into());
        }
    }
    panes
}

/// Every list of every window by brute force over the counted facts, and the trends that ended.
pub(super) fn naive_trends(counted: &[&Sent], settings: &Settings) -> (Trends, Ended) {
    let (mut trends, mut ended) = (Trends::new(), Ended::new());
    let Some(first) = counted.iter().map(|sent| sent.pane_end()).min() else {
        return (trends, ended);
    };
    let last = counted.iter().map(|sent| sent.pane_end()).max().unwrap() + SIZE;
    for (facet, shape) in FACETS.iter().enumerate() {
        let scopes = if shape.by_scope { vec![None, Some("DE"), Some("US")] } else { vec![None] };
        for scope in scopes {
            let mut recount = Recount { counted, settings, facet, scope, unusual: BTreeSet::new() };
            let key = |end, term: &str| (end, facet, scope.map(str::to_owned), term.to_owned());
            for (end, term) in windows(first, last).flat_map(|end| TERMS.map(|term| (end, term))) {
                if recount.is_unusual(end, term) {
                    recount.unusual.insert((end, term));
                }
            }
            for end in windows(first, last + SLIDE) {
                for trend in recount.list(end) {
                    trends.insert(key(end, &trend.term), trend);
                }
            }
            for end in windows(first, last + SIZE + SLIDE) {
                for term in TERMS {
                    ended.extend(recount.ended(end, term).map(|trend| (key(end, term), trend)));
                }
            }
        }
    }
    (trends, ended)
}

/// The ends of the windows from one until another.
fn windows(from: i64, until: i64) -> impl Iterator<Item = i64> {
    (from..until).step_by(usize::try_from(SLIDE).unwrap())
}

const TERMS: [&str; 3] = ["a", "b", "c"];

/// One facet, worldwide or in one scope.
struct Recount<'a> {
    counted: &'a [&'a Sent],
    settings: &'a Settings,
    facet: usize,
    scope: Option<&'static str>,
    /// The ends of windows in which a term is unusual.
    unusual: BTreeSet<(i64, &'static str)>,
}

impl Recount<'_> {
    fn is_unusual(&self, end: i64, term: &str) -> bool {
        let trends = &self.settings.trends;
        !trends.mute.contains(term)
            && self.ranked(end, term) > u64::from(trends.count_above)
            && self.score(end, term).is_some_and(|score| score >= trends.unusual_from)
    }

    /// The windows of the trend that goes on in a window, from its first; none more than `SIZE` after the
    /// one before.
    fn life(&self, end: i64, term: &str) -> Vec<i64> {
        let mut life = vec![end];
        let earlier = self.unusual.iter().rev().filter(|(at, of)| *at < end && *of == term);
        for &(at, _) in earlier {
            if life.last().unwrap() - at > SIZE {
                break;
            }
            life.push(at);
        }
        let baseline = millis(self.settings.trends.baseline);
        life.retain(|at| *at > end - 2 * baseline);
        life.reverse();
        life
    }

    /// The trend that is told to have ended in a window.
    fn ended(&self, end: i64, term: &'static str) -> Option<EndedTrend> {
        let last = end - SIZE;
        let again = windows(last + SLIDE, end + SLIDE).any(|at| self.unusual.contains(&(at, term)));
        if again || !self.unusual.contains(&(last, term)) {
            return None;
        }
        let life = self.life(last, term);
        let highest = life.iter().map(|&at| self.score(at, term).unwrap()).fold(f64::MIN, f64::max);
        let peak = *life.iter().find(|&&at| self.score(at, term) == Some(highest)).unwrap();
        let within = life[0] - SIZE..last;
        let count = self.counted.iter().filter(|sent| within.contains(&sent.time));
        let count = count.filter(|sent| self.scope.is_none_or(|scope| sent.scope == scope));
        let count = count.filter(|sent| sent.terms_of(self.facet).contains_key(term)).count();
        Some(EndedTrend {
            scope: self.scope.map(Into::into),
            term: term.into(),
            name: self.trend(last, term).name,
            began: EventTime(life[0]),
            peak: EventTime(peak),
            peak_score: highest,
            ended: EventTime(last),
            count: count as u64,
            actors: self.trend(peak, term).actors,
        })
    }

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

    /// The largest, and the most unusual of all.
    fn list(&self, end: i64) -> Vec<Trend> {
        let trends = &self.settings.trends;
        let most = if self.scope.is_none() { trends.worldwide } else { trends.by_scope };
        let mut list = Vec::new();
        for term in TERMS {
            let now = self.ranked(end, term);
            if now > u64::from(trends.count_above) && !trends.mute.contains(term) {
                list.push((now, self.trend(end, term)));
            }
        }
        list.sort_by(|(a_count, a), (b_count, b)| {
            let by_score = b.score.partial_cmp(&a.score).unwrap();
            (b_count.cmp(a_count)).then(by_score).then(a.term.cmp(&b.term))
        });
        let mut list: Vec<Trend> = list.into_iter().map(|(_, trend)| trend).collect();
        let scores: Vec<_> = list.iter().map(|trend| trend.score).collect();
        for (at, trend) in list.iter_mut().enumerate() {
            trend.rank = u32::try_from(at + 1).unwrap();
            let before = scores.iter().enumerate().filter(|&(other, score)| {
                *score > trend.score || (*score == trend.score && other < at)
            });
            let rank = before.count() + 1;
            let unusual = trend.score.is_some_and(|score| score >= trends.unusual_from);
            trend.unusual_rank =
                (unusual && rank <= most.unusual).then(|| u32::try_from(rank).unwrap());
            trend.since = trend.unusual_rank.map(|_| EventTime(self.life(end, &trend.term)[0]));
        }
        list.retain(|trend| trend.rank as usize <= most.terms || trend.unusual_rank.is_some());
        list
    }

    fn trend(&self, end: i64, term: &str) -> Trend {
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
            unusual_rank: None,
            since: None,
            score: self.score(end, term),
            location: self.scope.and_then(|_| location.mean()),
        }
    }

    /// Of a pane: its facts, or the actors who mention any term.
    fn busyness(&self, start: i64) -> u64 {
        let within = |sent: &&&Sent| (start..start + SLIDE).contains(&sent.time);
        let here = |sent: &&&Sent| self.scope.is_none_or(|scope| sent.scope == scope);
        let facts = self.counted.iter().filter(within).filter(here);
        match FACETS[self.facet].counts {
            Counts::Facts => facts.count() as u64,
            Counts::Actors => {
                let mentioning = facts.filter(|sent| !sent.terms_of(self.facet).is_empty());
                mentioning.filter_map(|sent| sent.actor).collect::<BTreeSet<_>>().len() as u64
            }
        }
    }

    fn score(&self, end: i64, term: &str) -> Option<f64> {
        let baseline = millis(self.settings.trends.baseline);
        let newest = SIZE.max(baseline / SLIDE / 4 * SLIDE).min(baseline);
        let past: Vec<i64> = windows(end - baseline, end - newest + 1).collect();
        let enough = past.len().div_ceil(3);
        let facts = |end: i64| {
            let in_window = |sent: &&&Sent| (end - SIZE..end).contains(&sent.time);
            self.counted.iter().filter(in_window).count()
        };
        let now = facts(end);
        let windows = past.iter().filter(|past| facts(**past) * 50 >= now).count();
        if windows < enough.max(1) {
            return None;
        }
        let busyness = |end: i64| {
            (end - SIZE..end).step_by(10_000).map(|pane| self.busyness(pane)).sum::<u64>()
        };
        let sum: u64 = past.iter().map(|&end| self.ranked(end, term)).sum();
        let busyness_sum: u64 = past.iter().map(|&end| busyness(end)).sum();
        let now = self.ranked(end, term);
        let others = (busyness(end) - now + 100) as f64;
        let others_sum = (busyness_sum - sum + 100 * windows as u64) as f64;
        let usual = sum as f64 * others / others_sum;
        let (size, growth) = (SIZE / SLIDE, (SIZE / SLIDE / 5).max(1));
        let earlier = self.ranked(end - growth * SLIDE, term);
        let signed = |count: u64| i64::try_from(count).unwrap();
        let grown = (size * signed(now) - (size - growth) * signed(earlier)) as f64 / growth as f64;
        let spread = (2 * size - growth) as f64 / growth as f64;
        let habit = 0.04 * (usual * usual);
        let scores = [
            (now as f64 - usual) / (usual + habit + 1.0).sqrt(),
            (grown - usual) / (spread * usual + habit + spread).sqrt(),
        ];
        Some((scores[0].max(scores[1]) * 1000.0).round() / 1000.0)
    }
}

/// Leaving one out can make another late that was its echo, so until none is left.
pub(super) fn without_late(mut sent: Vec<Sent>) -> Vec<Sent> {
    loop {
        let verdicts = naive_verdicts(&sent, 0);
        if !verdicts.contains(&Verdict::Late) {
            return sent;
        }
        let mut verdicts = verdicts.into_iter();
        sent.retain(|_| verdicts.next() != Some(Verdict::Late));
    }
}
