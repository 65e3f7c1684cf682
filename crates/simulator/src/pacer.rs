//! Computes when each message is due, as a duration since the start, without a clock and without
//! waiting.

use std::time::Duration;

use crate::config::Pace;
use crate::source::Made;

/// After a pause (no client, or a slow one), the stream catches up with at most this much.
pub(crate) const CATCH_UP_MAX: Duration = Duration::from_secs(1);

/// Computes due times from a [`Pace`].
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    /// The number of messages asked about so far.
    number: u64,
    /// When the newest message was due, without pauses.
    due: Duration,
    /// The sum of all pauses.
    paused: Duration,
    front_ms: Option<i64>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, number: 0, due: Duration::ZERO, paused: Duration::ZERO, front_ms: None }
    }

    /// Returns when to *make* the next message. A live message takes its event time then.
    pub(crate) fn due_to_make(&mut self, elapsed: Duration) -> Duration {
        if let Pace::Rate(rate) = self.pace {
            let nanoseconds = u128::from(self.number) * 1_000_000_000 / u128::from(rate.get());
            self.due = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        }
        self.number += 1;
        self.forgive(elapsed)
    }

    /// Returns when to *send* a message that has been made.
    pub(crate) fn due_to_send(&mut self, message: &Made, elapsed: Duration) -> Duration {
        if let Pace::Recorded { gap_max } = self.pace
            && message.paced
        {
            let front_ms = *self.front_ms.get_or_insert(message.mtime_ms);
            // Behind the front is late: it came right after the message before it.
            let gap_ms = u64::try_from(message.mtime_ms.saturating_sub(front_ms)).unwrap_or(0);
            self.due += Duration::from_millis(gap_ms).min(gap_max);
            self.front_ms = Some(front_ms.max(message.mtime_ms));
        }
        self.forgive(elapsed)
    }

    fn forgive(&mut self, elapsed: Duration) -> Duration {
        let behind = elapsed.saturating_sub(self.due + self.paused);
        self.paused += behind.saturating_sub(CATCH_UP_MAX);
        self.due + self.paused
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::payload::Payload;

    fn message(mtime_ms: i64) -> Made {
        Made { mtime_ms, paced: true, payload: Payload::Text("".into()) }
    }

    #[test]
    fn a_rate_spaces_messages_evenly_and_a_pause_is_not_made_up_for() {
        let mut pacer = Pacer::new(Pace::Rate(NonZeroU32::new(4).unwrap()));
        let quarter = Duration::from_millis(250);
        for number in 0..4 {
            assert_eq!(pacer.due_to_make(Duration::ZERO), quarter * number);
        }
        // The fifth is due at one second and asked for at ten: eight of the nine seconds are forgiven.
        assert_eq!(pacer.due_to_make(Duration::from_secs(10)), Duration::from_secs(9));
        assert_eq!(pacer.due_to_make(Duration::from_secs(10)), Duration::from_secs(9) + quarter);
    }

    #[test]
    fn a_recording_is_played_by_the_advance_of_its_newest_time() {
        let mut pacer = Pacer::new(Pace::Recorded { gap_max: Duration::from_secs(2) });
        let mut due_ms = |mtime_ms| {
            assert_eq!(pacer.due_to_make(Duration::ZERO).as_nanos() % 1_000_000, 0);
            pacer.due_to_send(&message(mtime_ms), Duration::ZERO).as_millis()
        };
        assert_eq!(
            [5000, 5300, 1000, 5400, 60_000, 60_001].map(&mut due_ms),
            [0, 300, 300, 400, 2400, 2401]
        );
    }
}
