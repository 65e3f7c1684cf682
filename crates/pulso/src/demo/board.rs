//! What the terminal shows of the demo: gathered from the speed layer's status and the views, drawn
//! as lines of text.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use console::{Alignment, pad_str, style, truncate_str};
use pulso_model::{EventTime, View, WallTime};
use pulso_pipeline::{LayerChoice, Query, Views};
use pulso_speed::Status;
use serde::Deserialize;

/// Topics and countries shown.
const LINES: usize = 10;

/// The most pane documents looked at for the countries of one window.
const ACTIVITY_MAX: usize = 20_000;

/// Characters of a bar at most.
const BAR: usize = 40;

/// Characters before the bar in the lines of topics and countries.
const BEFORE_BAR: usize = 56;

/// Lines of log messages at most.
const NOTICE_LINES: usize = 4;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Board {
    pub(super) messages: u64,
    pub(super) per_second: f64,
    pub(super) lag: u64,
    pub(super) watermark: Option<EventTime>,
    pub(super) discarded: Discarded,
    pub(super) window_end: Option<EventTime>,
    pub(super) topics: Vec<Topic>,
    pub(super) countries: Vec<Country>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Discarded {
    pub(super) echoes: u64,
    pub(super) late: u64,
    pub(super) dead_letters: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Topic {
    name: String,
    count: u64,
    rank: u32,
    score: f64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Country {
    country: String,
    responses: u64,
    attendees: u64,
}

#[derive(Deserialize)]
struct Activity {
    country: String,
    responses: u64,
    attendees: u64,
}

impl Board {
    /// The counters of the speed layer; `per_second` since the board before.
    pub(super) fn count(&mut self, status: &Status, elapsed: Duration) {
        let total = |of: fn(&pulso_pipeline::Progress) -> u64| status.progress.iter().map(of).sum();
        let messages: u64 = total(|progress| progress.next_offset);
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
            dead_letters: total(|progress| progress.dead_letters),
        };
    }

    /// The newest window's topics, and the countries of the same span.
    pub(super) async fn look<V: Views>(
        &mut self,
        views: &V,
        window: Duration,
    ) -> Result<(), V::Error> {
        let newest = views.query(Query::newest(View::TrendingTopics, LINES)).await?;
        let Some(end) = newest.documents.first().map(|stored| stored.document.time) else {
            return Ok(());
        };
        let of_window = newest.documents.iter().filter(|stored| stored.document.time == end);
        self.topics = of_window
            .filter_map(|stored| serde_json::from_str(&stored.document.body).ok())
            .collect();
        self.window_end = Some(end);

        let from = end.0 - i64::try_from(window.as_millis()).unwrap_or(0);
        let activity = Query {
            layer: LayerChoice::Current,
            from: Some(EventTime(from)),
            to: Some(end),
            ..Query::newest(View::CountryActivity, ACTIVITY_MAX)
        };
        let mut countries: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for stored in views.query(activity).await?.documents {
            if let Ok(pane) = serde_json::from_str::<Activity>(&stored.document.body) {
                let sums = countries.entry(pane.country).or_default();
                sums.0 += pane.responses;
                sums.1 += pane.attendees;
            }
        }
        self.countries = countries
            .into_iter()
            .map(|(country, (responses, attendees))| Country { country, responses, attendees })
            .collect();
        self.countries.sort_by_key(|country| Reverse(country.responses));
        self.countries.truncate(LINES);
        Ok(())
    }

    /// One line, for output that is no terminal.
    pub(super) fn line(&self, now: WallTime) -> String {
        let top = self.topics.first().map_or("-", |topic| &topic.name);
        format!(
            "messages={} per_second={:.0} lag={} watermark_delay={} top_topic={top:?}",
            self.messages,
            self.per_second,
            self.lag,
            self.delay(now)
        )
    }

    /// The whole board, for a terminal. Topics come before countries when there is little room.
    pub(super) fn lines(&self, now: WallTime, frame: &Frame) -> Vec<String> {
        let Discarded { echoes, late, dead_letters } = self.discarded;
        let mut lines = vec![
            style(&frame.heading).bold().to_string(),
            format!(
                "messages {:>9}  {:>6.0}/s  lag {:>5}  watermark {} ago",
                self.messages,
                self.per_second,
                self.lag,
                self.delay(now)
            ),
            format!("echoes {echoes:>11}  late {late:>6}  dead letters {dead_letters}"),
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
        // Two titles, an empty line, and one more title.
        let room = rows.saturating_sub(4);
        let topics = self.topics.len().min((room * 2 / 3).max(room.saturating_sub(LINES)));
        let countries = room - topics;
        let bar_max = columns.saturating_sub(BEFORE_BAR).min(BAR);
        let mut lines = vec![
            format!("trending topics in the window that ended at {end}"),
            style(format!("{:>4}  {:<32} {:>6} {:>8}", "rank", "topic", "count", "score"))
                .bold()
                .to_string(),
        ];
        let most = self.topics.first().map_or(1, |topic| topic.count.max(1));
        for Topic { name, count, rank, score } in self.topics.iter().take(topics) {
            let name = truncate_str(name, 32, "…");
            let name = pad_str(&name, 32, Alignment::Left, None);
            let bar = bar(*count, most, bar_max);
            lines.push(format!("{rank:>4}  {name} {count:>6} {score:>8.2}  {bar}"));
        }
        let header = format!("      {:<32} {:>6} {:>8}", "country", "count", "coming");
        lines.extend([String::new(), style(header).bold().to_string()]);
        let most = self.countries.first().map_or(1, |country| country.responses.max(1));
        for Country { country, responses, attendees } in self.countries.iter().take(countries) {
            let country = pad_str(country, 32, Alignment::Left, Some("…"));
            let bar = bar(*responses, most, bar_max);
            lines.push(format!("      {country} {responses:>6} {attendees:>8}  {bar}"));
        }
        lines.truncate(rows);
        lines
    }

    fn delay(&self, now: WallTime) -> String {
        match self.watermark {
            Some(EventTime(watermark)) => format!("{:.1}s", (now.0 - watermark) as f64 / 1000.0),
            None => "-".to_owned(),
        }
    }
}

/// What happened, for after the end.
pub(super) fn summary(status: &Status) -> String {
    let mut board = Board::default();
    board.count(status, Duration::ZERO);
    let Board { messages, discarded: Discarded { echoes, late, dead_letters }, .. } = board;
    format!(
        "{messages} messages in the log; of them {echoes} echoes, {late} late, {dead_letters} dead letters"
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
