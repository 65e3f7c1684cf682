//! Up to when the lake holds everything: a function of what it notes of each partition of the log.

use std::time::Duration;

use pulso_lake::Archived;
use pulso_model::EventTime;

/// When a day is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// How far behind the largest event time of a partition a day is taken as complete.
    pub max_out_of_orderness: Duration,
    /// A partition that has been quiet for so long, up to the newest message of all, holds nothing back.
    pub idle_timeout: Duration,
}

impl Completeness {
    /// Every partition has reached this event time, less the usual disorder, but for those that are idle, as
    /// in the speed layer: read to the end, and nothing came for a while. What comes later all the same
    /// changes its day, which is then computed again.
    ///
    /// Any message shows that its partition is not idle, but only one with an event time says how far it is.
    /// So a partition of dead letters alone holds nothing back, nor does one without messages. While all
    /// that have event times are idle, it is the largest of these.
    pub(crate) fn until(&self, archived: &[Archived]) -> Option<EventTime> {
        let newest = archived.iter().filter_map(|partition| partition.log_time).max()?;
        let idle_ms = millis(self.idle_timeout);
        let mut slowest: Option<EventTime> = None;
        for Archived { next_offset, end_offset, log_time, event_time } in archived {
            let unread = next_offset < end_offset || (*next_offset > 0 && log_time.is_none());
            let idle = log_time.is_none_or(|log_time| newest.0 - log_time.0 >= idle_ms);
            match event_time {
                // Nobody knows what is yet to come.
                None if unread => return None,
                Some(time) if unread || !idle => {
                    slowest = Some(slowest.map_or(*time, |slowest| slowest.min(*time)));
                }
                _ => {}
            }
        }
        let latest = || archived.iter().filter_map(|partition| partition.event_time).max();
        let EventTime(time) = slowest.or_else(latest)?;
        Some(EventTime(time.saturating_sub(millis(self.max_out_of_orderness))))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use pulso_model::WallTime;

    use super::*;

    const RULES: Completeness = Completeness {
        max_out_of_orderness: Duration::from_millis(2),
        idle_timeout: Duration::from_millis(60),
    };

    /// A partition that has been read to its end: when its newest message was stored, and its largest event
    /// time.
    fn read(log_time: i64, event_time: Option<i64>) -> Archived {
        let (log_time, event_time) = (Some(WallTime(log_time)), event_time.map(EventTime));
        Archived { next_offset: 5, end_offset: 5, log_time, event_time }
    }

    fn check(archived: &[Archived], expected: Option<i64>) {
        assert_eq!(RULES.until(archived), expected.map(EventTime), "{archived:?}");
    }

    #[test]
    fn the_slowest_partition_that_is_not_idle_says_how_far_the_lake_is() {
        check(&[], None);
        check(&[read(1000, Some(500))], Some(498));
        check(&[read(1000, Some(500)), read(1059, Some(600))], Some(498));
        check(&[read(1000, Some(500)), read(1060, Some(600))], Some(598));
        check(&[read(1000, Some(700)), read(1060, Some(600)), read(1001, Some(650))], Some(598));
        check(&[read(-90, Some(-500)), read(-30, Some(-600))], Some(-602));
    }

    #[test]
    fn partitions_without_event_times_hold_nothing_back() {
        let never = Archived::default();
        check(&[never, never], None);
        check(&[never, read(1000, Some(500))], Some(498));
        check(&[read(1000, None)], None);
        check(&[read(1000, None), read(990, Some(500))], Some(498));
    }

    #[test]
    fn while_all_that_have_event_times_are_idle_the_largest_counts() {
        check(&[read(1000, None), read(940, Some(500))], Some(498));
        check(&[read(1000, None), read(940, Some(500)), read(900, Some(520))], Some(518));
    }

    #[test]
    fn a_partition_that_was_not_read_to_its_end_is_not_idle() {
        let behind = |of: Archived| Archived { end_offset: 9, ..of };
        check(&[behind(read(900, Some(500))), read(1000, Some(600))], Some(498));
        check(&[behind(read(900, None)), read(1000, Some(600))], None);
        check(&[behind(Archived::default()), read(1000, Some(600))], None);
        // One of a table of before there were notes.
        let unknown = Archived { next_offset: 5, ..Archived::default() };
        check(&[unknown, read(1000, Some(600))], None);
    }
}
