//! How fast a recording is read.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use pulso_model::{Decoder, EventTime};
use tokio::time::Instant;

/// The longest pause between two messages in real time: a single wrong time in a recording must
/// not stop it for years.
const GAP_MAX: Duration = Duration::from_mins(10);

/// See [`FromStr`](Pace::from_str) for the text form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the log takes them.
    #[default]
    Max,
    /// So many messages per second.
    PerSecond(NonZeroU32),
    /// With the pauses between the messages' event times, at most ten minutes each.
    Realtime,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a pace; use `max`, `realtime`, or messages per second like `200`")]
pub struct ParsePaceError {
    text: String,
}

impl FromStr for Pace {
    type Err = ParsePaceError;

    /// `max`, `realtime`, or a number of messages per second, also written `200/s`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "max" => Ok(Self::Max),
            "realtime" => Ok(Self::Realtime),
            _ => match text.strip_suffix("/s").unwrap_or(text).parse() {
                Ok(rate) => Ok(Self::PerSecond(rate)),
                Err(_) => Err(ParsePaceError { text: text.to_owned() }),
            },
        }
    }
}

/// Tells when each message of a recording is due.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    decoder: Decoder,
    start: Instant,
    messages: u64,
    /// The largest so far: a message out of order is due at once.
    latest: Option<EventTime>,
    elapsed: Duration,
}

impl Pacer {
    pub(crate) fn new(pace: Pace, decoder: Decoder, start: Instant) -> Self {
        Self { pace, decoder, start, messages: 0, latest: None, elapsed: Duration::ZERO }
    }

    /// `None` means at once.
    pub(crate) fn due(&mut self, payload: &[u8]) -> Option<Instant> {
        match self.pace {
            Pace::Max => return None,
            Pace::PerSecond(rate) => {
                let seconds = self.messages as f64 / f64::from(rate.get());
                self.elapsed = Duration::from_secs_f64(seconds);
                self.messages += 1;
            }
            Pace::Realtime => {
                if let Some(time) = self.decoder.head(payload).time {
                    let latest = self.latest.unwrap_or(time);
                    let gap_ms = u64::try_from(time.0.saturating_sub(latest.0)).unwrap_or(0);
                    self.elapsed += Duration::from_millis(gap_ms).min(GAP_MAX);
                    self.latest = Some(latest.max(time));
                }
            }
        }
        Some(self.start + self.elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pace: &str, payloads: &[&str], due_ms: &[u64]) {
        let start = Instant::now();
        let mut pacer = Pacer::new(pace.parse().unwrap(), pulso_testkit::decoder(), start);
        let due = payloads.iter().filter_map(|payload| pacer.due(payload.as_bytes()));
        let due: Vec<_> = due.map(|due| (due - start).as_millis()).collect();
        assert_eq!(due, due_ms.iter().map(|ms| u128::from(*ms)).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_due_at_their_pace() {
        check("max", &["{}", "{}"], &[]);
        check("4", &["{}", "x", "{}"], &[0, 250, 500]);
        check("1000/s", &["", "", ""], &[0, 1, 2]);
        let recorded = [
            r#"{"mtime":1000}"#,
            r#"{"mtime":1500}"#,
            "broken",
            r#"{"mtime":3}"#,
            r#"{"mtime":1700}"#,
        ];
        check("realtime", &recorded, &[0, 500, 500, 500, 700]);
        let wrong_year = [r#"{"mtime":1000}"#, r#"{"mtime":99000000000000}"#, r#"{"mtime":2000}"#];
        check("realtime", &wrong_year, &[0, 600_000, 600_000]);
    }

    #[test]
    fn other_text_is_no_pace() {
        for text in ["", "0", "-1", "fast", "1.5", "/s", "5/m"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }
}
