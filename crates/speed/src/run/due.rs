//! When the next checkpoint and the next document of health are due.

use std::time::Duration;

use tokio::time::Instant;

use super::Options;

/// Counts records and time since the last checkpoint, and time since the last document of health.
pub(super) struct Due {
    checkpoint_interval: Duration,
    checkpoint_records_max: u64,
    last_checkpoint: Instant,
    records_since_checkpoint: u64,
    /// `None`: there are no documents of health.
    health_interval: Option<Duration>,
    last_health: Instant,
}

impl Due {
    pub(super) fn new(options: &Options) -> Self {
        let now = Instant::now();
        Self {
            checkpoint_interval: options.checkpoint_interval,
            checkpoint_records_max: options.checkpoint_records_max,
            last_checkpoint: now,
            records_since_checkpoint: 0,
            health_interval: options.health_interval,
            last_health: now,
        }
    }

    pub(super) fn records_written(&mut self, records: usize) {
        self.records_since_checkpoint += records as u64;
    }

    /// Whether a checkpoint is due. Without new records none ever is.
    pub(super) fn checkpoint(&self) -> bool {
        self.records_since_checkpoint >= self.checkpoint_records_max
            || (self.records_since_checkpoint > 0
                && self.last_checkpoint.elapsed() >= self.checkpoint_interval)
    }

    pub(super) fn checkpoint_started(&mut self) {
        self.records_since_checkpoint = 0;
        self.last_checkpoint = Instant::now();
    }

    /// Whether a document of health is due; if so, the time until the next one begins.
    pub(super) fn take_health(&mut self) -> bool {
        let elapsed = self.last_health.elapsed();
        let due = self.health_interval.is_some_and(|interval| elapsed >= interval);
        if due {
            self.last_health = Instant::now();
        }
        due
    }
}
