//! How often something may happen, by key: a bucket of tokens for each, as the time at which it is full again
//! (the generic cell rate algorithm).

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How many buckets there are, whoever comes: half a megabyte. Two keys that fall into one share it, which
/// is rare among fewer than hundreds, and nobody can choose to, as the hash is of this process alone.
const BUCKETS: usize = 1 << 16;

pub(super) struct Limit {
    /// When each bucket is full again, in nanoseconds since the start.
    buckets: Box<[AtomicU64]>,
    hasher: RandomState,
    started: Instant,
    interval_ns: u64,
    burst_ns: u64,
}

impl fmt::Debug for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Limit").finish_non_exhaustive()
    }
}

impl Limit {
    pub(super) fn new(per_second: f64, burst: u32) -> Self {
        let interval = Duration::from_secs_f64(per_second.recip());
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            started: Instant::now(),
            interval_ns: nanoseconds(interval),
            burst_ns: nanoseconds(interval * burst),
        }
    }

    /// Takes one from the bucket of a key. The error is how long until there is one again.
    pub(super) fn take(&self, key: impl Hash) -> Result<(), Duration> {
        let now = nanoseconds(self.started.elapsed());
        let latest = now.saturating_add(self.burst_ns);
        let full_with_this = |full: u64| full.max(now).saturating_add(self.interval_ns);
        // The remainder of a division by the number of buckets is one of their indices.
        let index = usize::try_from(self.hasher.hash_one(key) % BUCKETS as u64).unwrap_or_default();
        let taken =
            self.buckets[index].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full| {
                Some(full_with_this(full)).filter(|full| *full <= latest)
            });
        taken.map(drop).map_err(|full| Duration::from_nanos(full_with_this(full) - latest))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_allowed_and_then_one_at_a_time() {
        let limit = Limit::new(2.0, 3);
        for _ in 0..3 {
            limit.take("a").unwrap();
        }
        assert_eq!(limit.take("a"), Err(Duration::from_millis(500)));
        limit.take("b").unwrap();
        advance(Duration::from_millis(300)).await;
        assert_eq!(limit.take("a"), Err(Duration::from_millis(200)), "a refusal takes nothing");
        advance(Duration::from_millis(200)).await;
        limit.take("a").unwrap();
        limit.take("a").unwrap_err();
        advance(Duration::from_hours(1)).await;
        for _ in 0..3 {
            limit.take("a").unwrap();
        }
        limit.take("a").unwrap_err();
    }
}
