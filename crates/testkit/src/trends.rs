//! The score of trends and their lists by a plain reading of the definitions, as an oracle.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::Counts;

/// Windows and what they are compared with, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    pub size: i64,
    pub slide: i64,
    pub baseline: i64,
}

impl Windows {
    /// How busy the stream is in windows, by their ends: the number of facts or, where a facet counts
    /// actors, of those of each pane who mention any of its terms.
    pub fn busyness<'a>(
        &self,
        counts: Counts,
        facts: impl IntoIterator<Item = Mention<'a>>,
    ) -> BTreeMap<i64, u64> {
        let mut panes: BTreeMap<i64, (u64, BTreeSet<&str>)> = BTreeMap::new();
        for Mention { time, actor } in facts {
            let pane = panes.entry(time.div_euclid(self.slide) * self.slide).or_default();
            pane.0 += 1;
            pane.1.extend(actor);
        }
        let mut windows = BTreeMap::new();
        for (pane, (facts, actors)) in panes {
            for end in every(self.slide, pane + self.slide, pane + self.size) {
                *windows.entry(end).or_default() += match counts {
                    Counts::Facts => facts,
                    Counts::Actors => actors.len() as u64,
                };
            }
        }
        windows
    }

    /// How many facts there are in windows, by their ends.
    pub fn facts(&self, times: impl IntoIterator<Item = i64>) -> BTreeMap<i64, u64> {
        let facts = times.into_iter().map(|time| Mention { time, actor: None });
        self.busyness(Counts::Facts, facts)
    }

    /// The score in the window that ends at `end`: `count` tells the term's number in the window with an
    /// end, and `facts` are those of the stream, worldwide.
    ///
    /// # Panics
    /// When a term has more than there is in the stream.
    pub fn score(
        &self,
        end: i64,
        count: impl Fn(i64) -> u64,
        busyness: &BTreeMap<i64, u64>,
        facts: &BTreeMap<i64, u64>,
    ) -> Option<f64> {
        let Self { size, slide, baseline } = *self;
        let newest = size.max(baseline / slide / 4 * slide);
        let past = every(slide, end - baseline, end - newest);
        let enough = past.len().div_ceil(3);
        let in_window = |end: i64| facts.get(&end).copied().unwrap_or_default();
        let counts = |past: &&i64| in_window(**past) * 50 >= in_window(end);
        let windows = past.iter().filter(counts).count();
        if windows < enough {
            return None;
        }
        let busy = |end: i64| busyness.get(&end).copied().unwrap_or_default();
        let (now, all) = (count(end), busy(end));
        let past_now: u64 = past.iter().map(|&end| count(end)).sum();
        let past_all: u64 = past.iter().map(|&end| busy(end)).sum();
        let others = (all - now + 100) as f64;
        let past_others = (past_all - past_now + 100 * windows as u64) as f64;
        let usual = past_now as f64 * others / past_others;
        let (panes, growth) = (size / slide, (size / slide / 5).max(1));
        let earlier = signed(count(end - growth * slide));
        let grown = panes * signed(now) - (panes - growth) * earlier;
        let grown = grown as f64 / growth as f64;
        let spread = (2 * panes - growth) as f64 / growth as f64;
        let habit = 0.04 * (usual * usual);
        let by_count = (now as f64 - usual) / (usual + habit + 1.0).sqrt();
        let by_growth = (grown - usual) / (spread * usual + habit + spread).sqrt();
        Some((by_count.max(by_growth) * 1000.0).round() / 1000.0)
    }
}

/// One term's windows in which it is unusual: their ends, and its scores there.
pub type Unusual = BTreeMap<i64, f64>;

/// A trend that ended. All times are ends of windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    pub began: i64,
    pub peak: i64,
    pub peak_score: f64,
    pub ended: i64,
}

impl Windows {
    /// Since when a term is unusual that is so in the window that ends at `end`: windows that overlap or
    /// touch belong together, and two baselines are looked back.
    pub fn since(&self, unusual: &Unusual, end: i64) -> i64 {
        let mut since = end;
        for &earlier in unusual.range(..end).rev().map(|(earlier, _)| earlier) {
            if since - earlier > self.size || earlier <= end - 2 * self.baseline {
                break;
            }
            since = earlier;
        }
        since
    }

    /// The trends of one term that have ended.
    pub fn lives(&self, unusual: &Unusual) -> Vec<Life> {
        let after = |end: i64| unusual.range(end + 1..).next().map(|(&after, _)| after);
        let is_last = |end: &i64| after(*end).is_none_or(|after| after - end > self.size);
        let life = |ended: i64| {
            let began = self.since(unusual, ended);
            let peak_score = unusual.range(began..=ended).map(|(_, &score)| score);
            let peak_score = peak_score.fold(f64::MIN, f64::max);
            let mut windows = unusual.range(began..=ended);
            let peak = windows.find(|(_, score)| **score == peak_score).map(|(&end, _)| end);
            Life { began, peak: peak.unwrap_or(ended), peak_score, ended }
        };
        unusual.keys().copied().filter(is_last).map(life).collect()
    }
}

/// A fact, and who did it if he mentions any term.
#[derive(Clone, Copy, Debug)]
pub struct Mention<'a> {
    pub time: i64,
    pub actor: Option<&'a str>,
}

/// How many terms a list has at most, and what is unusual.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub terms: usize,
    pub unusual: usize,
    pub unusual_from: f64,
}

/// The place of a listed term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Among the terms that were given.
    pub index: usize,
    pub rank: u32,
    pub unusual_rank: Option<u32>,
}

/// Which of the terms, given by count, score and key, are listed, in the order of their ranks.
///
/// # Panics
/// When a score is no number.
pub fn list(terms: &[(u64, Option<f64>, &str)], limits: Limits) -> Vec<Place> {
    let mut by_count: Vec<usize> = (0..terms.len()).collect();
    by_count.sort_by(|&a, &b| {
        let ((a_count, a_score, a_term), (b_count, b_score, b_term)) = (terms[a], terms[b]);
        let by_score = b_score.partial_cmp(&a_score).expect("scores are numbers");
        b_count.cmp(&a_count).then(by_score).then(a_term.cmp(b_term))
    });
    let mut by_score = by_count.clone();
    by_score.retain(|&at| terms[at].1.is_some_and(|score| score >= limits.unusual_from));
    by_score.sort_by(|&a, &b| terms[b].1.partial_cmp(&terms[a].1).expect("scores are numbers"));
    by_score.truncate(limits.unusual);
    let number = |at: usize| u32::try_from(at + 1).expect("lists are short");
    let place = |(at, index): (usize, usize)| Place {
        index,
        rank: number(at),
        unusual_rank: by_score.iter().position(|&other| other == index).map(number),
    };
    let listed =
        |place: &Place| place.rank as usize <= limits.terms || place.unusual_rank.is_some();
    by_count.into_iter().enumerate().map(place).filter(listed).collect()
}

/// From one time to another, both included.
fn every(slide: i64, from: i64, to: i64) -> Vec<i64> {
    (0..).map(|number| from + number * slide).take_while(|time| *time <= to).collect()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("counts of tests are small")
}
