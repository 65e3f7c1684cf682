//! What the terminal shows of the demo: gathered from the speed layer's status and the views, drawn
//! as lines of text.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use pulso_model::{EventTime, View, WallTime};
use pulso_pipeline::{LayerChoice, Query, Views};
use pulso_speed::Status;
use serde::Deserialize;

/// Topics and countries shown.
const LINES: usize = 10;

/// The most pane documents looked at for the countries of one window.
const ACTIVITY_MAX: usize = 20_000;

/// Characters of a bar.
const BAR: usize = 20;

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
        if !elapsed.is_zero() {
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

    /// The whole board, for a terminal.
    pub(super) fn lines(&self, now: WallTime) -> Vec<String> {
        let Discarded { echoes, late, dead_letters } = self.discarded;
        let mut lines = vec![
            format!(
                "messages {:>10}   {:>7.0}/s   lag {:>6}   watermark {} behind",
                self.messages,
                self.per_second,
                self.lag,
                self.delay(now)
            ),
            format!("echoes   {echoes:>10}   late {late:>6}   dead letters {dead_letters}"),
            String::new(),
        ];
        let Some(end) = self.window_end else {
            lines.push(
                "no window has closed yet: the first does some seconds after the start".into(),
            );
            return lines;
        };
        lines.push(format!("trending topics in the window that ended at {end}"));
        lines.push(format!("{:>4}  {:<32} {:>6} {:>8}", "rank", "topic", "count", "score"));
        let most = self.topics.first().map_or(1, |topic| topic.count.max(1));
        for Topic { name, count, rank, score } in &self.topics {
            let name = console::truncate_str(name, 32, "…");
            let name = console::pad_str(&name, 32, console::Alignment::Left, None);
            lines.push(format!("{rank:>4}  {name} {count:>6} {score:>8.2}  {}", bar(*count, most)));
        }
        lines.push(String::new());
        lines.push(format!("{:<10} {:>10} {:>10}", "country", "responses", "attendees"));
        let most = self.countries.first().map_or(1, |country| country.responses.max(1));
        for Country { country, responses, attendees } in &self.countries {
            let country = console::pad_str(country, 10, console::Alignment::Left, Some("…"));
            let bar = bar(*responses, most);
            lines.push(format!("{country} {responses:>10} {attendees:>10}  {bar}"));
        }
        lines
    }

    fn delay(&self, now: WallTime) -> String {
        match self.watermark {
            Some(EventTime(watermark)) => format!("{:.1}s", (now.0 - watermark) as f64 / 1000.0),
            None => "-".to_owned(),
        }
    }
}

fn bar(value: u64, most: u64) -> String {
    let length = value.saturating_mul(BAR as u64).div_ceil(most);
    "▇".repeat(usize::try_from(length).unwrap_or(BAR).min(BAR))
}

#[cfg(test)]
mod tests {
    use pulso_model::{ActivityDocument, ResponseKind, TrendDocument};
    use pulso_pipeline::memory::MemoryViews;
    use pulso_pipeline::{Progress, Sink};

    use super::*;

    fn trend(end: i64, rank: u32, name: &str) -> pulso_model::ViewDocument {
        TrendDocument {
            window_end: EventTime(end),
            window_start: EventTime(end - 300_000),
            country: None,
            topic: name,
            name,
            count: 100 / u64::from(rank),
            rank,
            score: 1.5,
            location: None,
        }
        .render()
    }

    fn activity(start: i64, country: &str, responses: u64) -> pulso_model::ViewDocument {
        let response = ResponseKind::Yes;
        let pane_start = EventTime(start);
        let (guests, attendees, location) = (0, responses, None);
        ActivityDocument { pane_start, country, response, responses, guests, attendees, location }
            .render()
    }

    #[tokio::test]
    async fn the_board_shows_the_newest_window_alone() {
        let mut views = MemoryViews::default();
        let documents = vec![
            trend(300_000, 1, "old"),
            trend(310_000, 1, "art"),
            trend(310_000, 2, "run"),
            activity(0, "DE", 90),
            activity(20_000, "DE", 1),
            activity(20_000, "US", 2),
            activity(300_000, "DE", 4),
        ];
        views.write(documents).await.unwrap();
        let mut board = Board::default();
        board.look(&views, Duration::from_secs(300)).await.unwrap();
        let progress = Progress { next_offset: 500, echoes: 3, ..Progress::default() };
        let status = Status { progress: vec![progress; 2], lag: 7, ..Status::default() };
        board.count(&status, Duration::from_secs(2));
        let text = board.lines(WallTime(0)).join("\n");
        assert!(text.contains("1000       500/s   lag      7"), "{text}");
        assert!(!text.contains("old"), "{text}");
        assert!(text.contains("   2  run"), "{text}");
        let countries: Vec<_> =
            board.countries.iter().map(|c| (&*c.country, c.responses)).collect();
        assert_eq!(countries, [("DE", 5), ("US", 2)], "the panes of this window only");
        assert!(board.line(WallTime(0)).contains("top_topic=\"art\""));
    }

    #[test]
    fn an_empty_board_says_what_is_to_come() {
        let text = Board::default().lines(WallTime(0)).join("\n");
        assert!(text.contains("no window has closed yet"), "{text}");
    }
}
