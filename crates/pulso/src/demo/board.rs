//! What the terminal shows of the demo: gathered from the speed layer's status and the views, drawn
//! as lines of text.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use console::{Alignment, pad_str, style, truncate_str};
use pulso_model::{Counts, EventTime, Stream, WallTime};
use pulso_pipeline::{LayerChoice, Query, Views};
use pulso_speed::Status;
use serde::Deserialize;
use serde_json::Value;

/// Terms and scopes shown.
const LINES: usize = 10;

/// Unusual terms shown.
const UNUSUAL_LINES: usize = 5;

/// The most terms of one window looked at.
const TERMS_MAX: usize = 1000;

/// The most pane documents looked at for the scopes of one window.
const ACTIVITY_MAX: usize = 20_000;

/// Characters of a bar at most.
const BAR: usize = 40;

/// Characters before the bar in the lines of terms and scopes.
const BEFORE_BAR: usize = 56;

/// Lines of log messages at most.
const NOTICE_LINES: usize = 4;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Board {
    stream: &'static Stream,
    pub(super) messages: u64,
    pub(super) per_second: f64,
    pub(super) lag: u64,
    pub(super) watermark: Option<EventTime>,
    pub(super) discarded: Discarded,
    pub(super) window_end: Option<EventTime>,
    pub(super) terms: Vec<Term>,
    /// By how unusual they are.
    pub(super) unusual: Vec<Term>,
    pub(super) scopes: Vec<Scope>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Discarded {
    pub(super) echoes: u64,
    pub(super) late: u64,
    pub(super) skipped: u64,
    pub(super) dead_letters: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Term {
    name: String,
    count: u64,
    /// Where the facet counts them.
    actors: Option<u64>,
    rank: u32,
    unusual_rank: Option<u32>,
    /// Where it is unusual: UTC, ISO 8601.
    since: Option<String>,
    /// `None` while there is too little past to compare with.
    score: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    scope: String,
    facts: u64,
    /// Of the last of the stream's sums.
    sum: u64,
}

impl Term {
    /// One line of a list in which it has a place.
    fn line(&self, place: u32) -> String {
        let name = truncate_str(&self.name, 32, "…");
        let name = pad_str(&name, 32, Alignment::Left, None);
        let score = self.score.map_or("-".to_owned(), |score| format!("{score:.2}"));
        format!("{place:>4}  {name} {:>6} {score:>8}", self.ranked())
    }

    /// The same, and since when it is unusual.
    fn unusual_line(&self, place: u32) -> String {
        let clock = self.since.as_deref().and_then(|since| since.get(11..19));
        self.line(place) + &clock.map(|clock| format!("  since {clock}")).unwrap_or_default()
    }

    /// What the facet counts.
    fn ranked(&self) -> u64 {
        self.actors.unwrap_or(self.count)
    }
}

impl Board {
    pub(super) fn new(stream: &'static Stream) -> Self {
        Self {
            stream,
            messages: 0,
            per_second: 0.0,
            lag: 0,
            watermark: None,
            discarded: Discarded::default(),
            window_end: None,
            terms: Vec::new(),
            unusual: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// The counters of the speed layer; `per_second` since the board before.
    pub(super) fn count(&mut self, status: &Status, elapsed: Duration) {
        let total = |of: fn(&pulso_pipeline::Progress) -> u64| status.progress.iter().map(of).sum();
        let messages = status.next_offsets().messages_before();
        // What was there before the first look did not come just now.
        if !elapsed.is_zero() && self.messages > 0 {
            let new = messages.saturating_sub(self.messages);
            self.per_second = new as f64 / elapsed.as_secs_f64();
        }
        self.messages = messages;
        self.lag = status.lag;
        self.watermark = status.watermark;
        self.discarded = Discarded {
            echoes: total(|progress| progress.echoes),
            late: total(|progress| progress.late),
            skipped: total(|progress| progress.skipped),
            dead_letters: total(|progress| progress.dead_letters),
        };
    }

    /// The terms of the newest window, and the scopes of the same span.
    pub(super) async fn look<V: Views>(
        &mut self,
        views: &V,
        window: Duration,
    ) -> Result<(), V::Error> {
        let Some(facet) = self.stream.facets.first() else { return Ok(()) };
        let newest = views.query(Query::newest(facet.view, TERMS_MAX)).await?;
        let Some(end) = newest.documents.first().map(|stored| stored.document.time) else {
            return Ok(());
        };
        let of_window = newest.documents.iter().filter(|stored| stored.document.time == end);
        self.terms = of_window
            .filter_map(|stored| serde_json::from_str(&stored.document.body).ok())
            .collect();
        self.unusual =
            self.terms.iter().filter(|term| term.unusual_rank.is_some()).cloned().collect();
        self.unusual.sort_by_key(|term| term.unusual_rank);
        self.terms.truncate(LINES);
        self.window_end = Some(end);

        let from = end.0 - i64::try_from(window.as_millis()).unwrap_or(0);
        let activity = Query {
            layer: LayerChoice::Current,
            from: Some(EventTime(from)),
            to: Some(end),
            ..Query::newest(self.stream.activity_view, ACTIVITY_MAX)
        };
        let mut scopes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let (facts_name, sum_name) = (self.stream.fact.many, self.sum_name());
        for stored in views.query(activity).await?.documents {
            let Ok(pane) = serde_json::from_str::<Value>(&stored.document.body) else { continue };
            let number = |name: Option<&str>| name.and_then(|name| pane[name].as_u64());
            let scope = stored.document.scope.unwrap_or_default();
            let sums = scopes.entry(scope).or_default();
            sums.0 += number(Some(facts_name)).unwrap_or_default();
            sums.1 += number(sum_name).unwrap_or_default();
        }
        let scopes = scopes.into_iter().map(|(scope, (facts, sum))| Scope { scope, facts, sum });
        self.scopes = scopes.collect();
        self.scopes.sort_by_key(|scope| Reverse(scope.facts));
        self.scopes.truncate(LINES);
        Ok(())
    }

    /// One line, for output that is no terminal.
    pub(super) fn line(&self, now: WallTime) -> String {
        let top = self.terms.first().map_or("-", |term| &term.name);
        let what = self.stream.facets.first().map_or("term", |facet| facet.term.one);
        format!(
            "messages={} per_second={:.0} lag={} watermark_delay={} top_{what}={top:?}",
            self.messages,
            self.per_second,
            self.lag,
            self.delay(now)
        )
    }

    /// The whole board, for a terminal. Terms come before scopes when there is little room.
    pub(super) fn lines(&self, now: WallTime, frame: &Frame) -> Vec<String> {
        let Discarded { echoes, late, skipped, dead_letters } = self.discarded;
        let mut lines = vec![
            style(&frame.heading).bold().to_string(),
            format!(
                "messages {:>9}  {:>6.0}/s  lag {:>5}  watermark {} ago",
                self.messages,
                self.per_second,
                self.lag,
                self.delay(now)
            ),
            format!(
                "echoes {echoes:>11}  late {late:>6}  skipped {skipped:>8}  dead letters {dead_letters}"
            ),
            String::new(),
        ];
        let notices = frame.notices();
        let rows = frame.rows.saturating_sub(lines.len() + notices.len());
        lines.extend(self.trends(rows, frame.columns));
        lines.extend(notices);
        lines
    }

    /// At most `rows` lines.
    fn trends(&self, rows: usize, columns: usize) -> Vec<String> {
        let Some(end) = self.window_end else {
            let text = "no window has closed yet: the first does some seconds after messages come";
            return vec![text.to_owned()];
        };
        let Some(facet) = self.stream.facets.first() else { return Vec::new() };
        // Two titles, two empty lines, and one more title.
        let room = rows.saturating_sub(5);
        let unusual = self.unusual(room / 4);
        let room = room.saturating_sub(unusual.len());
        let terms = self.terms.len().min((room * 3 / 4).max(room.saturating_sub(LINES)));
        let scopes = room - terms;
        let bar_max = columns.saturating_sub(BEFORE_BAR).min(BAR);
        let counts = if facet.counts == Counts::Actors { "actors" } else { "count" };
        let of = facet.term.many.replace('_', " ");
        let header = format!("{:>4}  {:<32} {counts:>6} {:>8}", "rank", facet.term.one, "score");
        let mut lines = vec![
            format!("trending {of} in the window that ended at {end}"),
            style(header).bold().to_string(),
        ];
        let most = self.terms.first().map_or(1, |term| term.ranked().max(1));
        for term in self.terms.iter().take(terms) {
            lines.push(format!("{}  {}", term.line(term.rank), bar(term.ranked(), most, bar_max)));
        }
        lines.push(String::new());
        lines.extend(unusual);
        let Some(field) = self.stream.scope else { return lines };
        let sum = self.sum_name().unwrap_or_default();
        let header = format!("      {:<32} {:>6} {sum:>9}", field.name, "count");
        lines.extend([String::new(), style(header).bold().to_string()]);
        let most = self.scopes.first().map_or(1, |scope| scope.facts.max(1));
        for Scope { scope, facts, sum } in self.scopes.iter().take(scopes) {
            let scope = pad_str(scope, 32, Alignment::Left, Some("…"));
            let sum = self.sum_name().map_or(String::new(), |_| sum.to_string());
            let bar = bar(*facts, most, bar_max);
            lines.push(format!("      {scope} {facts:>6} {sum:>9}  {bar}"));
        }
        lines.truncate(rows);
        lines
    }

    /// What is unusual, in at most `rows` lines beside the title.
    fn unusual(&self, rows: usize) -> Vec<String> {
        if self.terms.iter().all(|term| term.score.is_none()) {
            return vec![
                "unusual: warming up, there is too little past to compare with".to_owned(),
            ];
        }
        if self.unusual.is_empty() {
            return vec!["nothing is unusual now".to_owned()];
        }
        let lines = (1..).zip(&self.unusual).take(rows.clamp(1, UNUSUAL_LINES));
        let lines = lines.map(|(place, term)| term.unusual_line(place));
        [style("unusual now").bold().to_string()].into_iter().chain(lines).collect()
    }

    /// The last of the stream's sums, which says most.
    fn sum_name(&self) -> Option<&'static str> {
        self.stream.sums.last().copied()
    }

    fn delay(&self, now: WallTime) -> String {
        match self.watermark {
            Some(EventTime(watermark)) => format!("{:.1}s", (now.0 - watermark) as f64 / 1000.0),
            None => "-".to_owned(),
        }
    }
}

/// What happened, for after the end.
pub(super) fn summary(stream: &'static Stream, status: &Status) -> String {
    let mut board = Board::new(stream);
    board.count(status, Duration::ZERO);
    let Board { messages, discarded, .. } = board;
    let Discarded { echoes, late, skipped, dead_letters } = discarded;
    format!(
        "{messages} messages in the log; of them {echoes} echoes, {late} late, {skipped} skipped, \
         {dead_letters} dead letters"
    )
}

/// The room for a board, and what is around it.
pub(super) struct Frame {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) heading: String,
    /// Log lines, the newest last.
    pub(super) notices: Vec<String>,
}

impl Frame {
    /// The newest log lines, broken where the terminal ends.
    fn notices(&self) -> Vec<String> {
        let columns = self.columns.max(1);
        let mut lines = Vec::new();
        for notice in self.notices.iter().rev() {
            let characters: Vec<char> = notice.chars().collect();
            let broken = characters.chunks(columns).map(String::from_iter);
            let broken: Vec<String> = broken.take(NOTICE_LINES).collect();
            if lines.len() + broken.len() > NOTICE_LINES {
                break;
            }
            lines.splice(0..0, broken);
        }
        lines.into_iter().map(|line| style(line).yellow().to_string()).collect()
    }
}

fn bar(value: u64, most: u64, length_max: usize) -> String {
    let length = value.saturating_mul(length_max as u64).div_ceil(most);
    "▇".repeat(usize::try_from(length).unwrap_or(length_max).min(length_max))
}
