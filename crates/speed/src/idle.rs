//! Which partitions are quiet.

use std::time::Duration;

use pulso_model::{Offsets, WallTime};
use pulso_pipeline::Batch;

/// A partition is idle when it has been read to its end and nothing has come for a while; never
/// because it has not been read yet.
#[derive(Debug)]
pub(crate) struct IdleTracker {
    timeout_ms: i64,
    /// By partition: when it last had something to read.
    busy_until: Vec<Option<WallTime>>,
}

impl IdleTracker {
    pub(crate) fn new(timeout: Duration, partitions: u32) -> Self {
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        Self { timeout_ms, busy_until: (0..partitions).map(|_| None).collect() }
    }

    /// Looks at a batch; `next_offsets` are those after it. Says for each partition whether it is
    /// idle.
    pub(crate) fn observe(
        &mut self,
        batch: &Batch,
        next_offsets: &Offsets,
        now: WallTime,
    ) -> Vec<bool> {
        let mut busy: Vec<bool> =
            next_offsets.lags(&batch.end_offsets).map(|(_, lag)| lag > 0).collect();
        for record in &batch.records {
            busy[record.partition as usize] = true;
        }
        let idle = |(busy, until): (bool, &mut Option<WallTime>)| {
            let until = if busy { until.insert(now) } else { until.get_or_insert(now) };
            !busy && now.0 - until.0 >= self.timeout_ms
        };
        busy.into_iter().zip(&mut self.busy_until).map(idle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_idle_after_the_timeout_at_its_end_only() {
        let mut tracker = IdleTracker::new(Duration::from_secs(60), 2);
        let batch =
            |end_offsets: [u64; 2]| Batch { end_offsets: end_offsets.into(), ..Batch::default() };
        let next_offsets = [5, 5].into();
        let mut observe = |ends, seconds: i64| {
            tracker.observe(&batch(ends), &next_offsets, WallTime(seconds * 1000))
        };
        assert_eq!(observe([5, 9], 0), [false, false]);
        assert_eq!(observe([5, 9], 60), [true, false], "the second is not read to its end");
        assert_eq!(observe([5, 5], 61), [true, false], "the second has been for a second");
        assert_eq!(observe([6, 5], 119), [false, false]);
        assert_eq!(observe([5, 5], 120), [false, true]);
    }
}
