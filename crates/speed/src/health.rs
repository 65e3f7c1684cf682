//! What the documents of [`View::HEALTH`](pulso_model::View::HEALTH) say, so that their sums are exact.
//!
//! A document tells what was read since the one before it. It is part of the checkpoint, is written
//! once that is saved, and again, under the same `_id`, by whoever goes on from there. So a crash
//! adds and loses nothing: the sums over all documents are the counts of the checkpoint (W4) that
//! the newest one was made for, such as that of a stop.

use pulso_model::{EventTime, HealthDocument, Stream, ViewDocument, WallTime};
use pulso_pipeline::Progress;
use serde::{Deserialize, Serialize};

/// What has been told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Health {
    told: Totals,
    newest: Option<Measured>,
}

/// Messages of all partitions, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Totals {
    counted: u64,
    echoes: u64,
    late: u64,
    skipped: u64,
    dead_letters: u64,
}

/// One document, but for what [`Health::told`] says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Measured {
    time_ms: i64,
    /// Since the document before.
    read: Totals,
    lag: Option<u64>,
    watermark_delay_ms: Option<u64>,
}

impl Health {
    /// Whether the documents tell of everything that was read.
    pub(crate) fn complete(&self, progress: &[Progress]) -> bool {
        self.told == Totals::of(progress)
    }

    /// Makes the next document. What was read up to it tells it from those before, so that its time may
    /// follow a clock that is set back; while nothing is read, a later time does.
    pub(crate) fn measure(
        &mut self,
        progress: &[Progress],
        watermark: Option<EventTime>,
        lag: Option<u64>,
        now: WallTime,
    ) {
        let totals = Totals::of(progress);
        let same = self.newest.filter(|_| totals == self.told);
        let after = same.map_or(i64::MIN, |same| same.time_ms + 1);
        let delay = |watermark: EventTime| u64::try_from(now.0 - watermark.0).unwrap_or(0);
        self.newest = Some(Measured {
            time_ms: now.0.max(after),
            read: totals.since(self.told),
            lag,
            watermark_delay_ms: watermark.map(delay),
        });
        self.told = totals;
    }

    /// The newest document.
    pub(crate) fn document(&self, stream: &Stream) -> Option<ViewDocument> {
        let Measured { time_ms, read, lag, watermark_delay_ms } = self.newest?;
        let Totals { counted, echoes, late, skipped, dead_letters } = read;
        let document = HealthDocument {
            stream: stream.name,
            time: WallTime(time_ms),
            messages: self.told.sum(),
            received: read.sum(),
            counted,
            echoes,
            late,
            skipped,
            dead_letters,
            lag,
            watermark_delay_ms,
        };
        Some(document.render())
    }
}

impl Totals {
    fn of(progress: &[Progress]) -> Self {
        progress.iter().fold(Self::default(), |sum, partition| Self {
            counted: sum.counted + partition.counted,
            echoes: sum.echoes + partition.echoes,
            late: sum.late + partition.late,
            skipped: sum.skipped + partition.skipped,
            dead_letters: sum.dead_letters + partition.dead_letters,
        })
    }

    fn since(self, before: Self) -> Self {
        Self {
            counted: self.counted - before.counted,
            echoes: self.echoes - before.echoes,
            late: self.late - before.late,
            skipped: self.skipped - before.skipped,
            dead_letters: self.dead_letters - before.dead_letters,
        }
    }

    fn sum(self) -> u64 {
        self.counted + self.echoes + self.late + self.skipped + self.dead_letters
    }
}

#[cfg(test)]
mod tests {
    use pulso_streams::{Streams, USUAL};

    use super::*;

    fn stream() -> &'static Stream {
        Streams::brought().get(USUAL).unwrap().stream
    }

    #[test]
    fn documents_of_one_moment_are_told_apart() {
        let mut health = Health::default();
        let mut time = |now| {
            health.measure(&[], None, None, WallTime(now));
            health.document(stream()).unwrap().time
        };
        // The clock stands still, and is then set back.
        let times = [time(5), time(5), time(2)];
        assert_eq!(times, [EventTime(5), EventTime(6), EventTime(7)]);
    }

    #[test]
    fn a_clock_that_jumped_ahead_does_not_stamp_later_documents() {
        let mut health = Health::default();
        let mut time = |now, counted| {
            let progress = Progress { counted, ..Progress::default() };
            health.measure(&[progress], None, None, WallTime(now));
            health.document(stream()).unwrap().time
        };
        let times = [time(5, 1), time(9_000_000, 2), time(7, 2), time(8, 3), time(18, 3)];
        let quiet = 9_000_001;
        assert_eq!(times, [5, 9_000_000, quiet, 8, 18].map(EventTime), "one of them was quiet");
    }

    #[test]
    fn a_watermark_ahead_of_the_clock_is_not_delayed() {
        let mut health = Health::default();
        let mut delay = |watermark, now| {
            health.measure(&[], watermark, None, WallTime(now));
            let body: serde_json::Value =
                serde_json::from_str(&health.document(stream()).unwrap().body).unwrap();
            body["watermark_delay_seconds"].as_f64()
        };
        assert_eq!(delay(None, 5), None);
        assert_eq!(delay(Some(EventTime(9_000)), 5), Some(0.0));
        assert_eq!(delay(Some(EventTime(9_000)), 11_500), Some(2.5));
    }
}
