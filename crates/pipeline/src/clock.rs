//! Wall time as an input.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pulso_model::WallTime;

/// Tells what time it is. Windows never ask it; the log, idle partitions and schedules do.
pub trait Clock: Clone + Send + Sync + 'static {
    fn now(&self) -> WallTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> WallTime {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until it is moved; for tests and simulations.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    pub fn at(time: WallTime) -> Self {
        Self { millis: Arc::new(AtomicI64::new(time.0)) }
    }

    /// Moves the clock, also backwards.
    pub fn set(&self, time: WallTime) {
        self.millis.store(time.0, Ordering::SeqCst);
    }

    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.millis.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> WallTime {
        WallTime(self.millis.load(Ordering::SeqCst))
    }
}
