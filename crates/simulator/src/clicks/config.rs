//! The shape of the synthetic clicks.

use crate::config::{ClockBack, EventTime};
use crate::error::SimulatorError;

/// The shape of synthetic clicks.
#[derive(Debug, Clone)]
pub struct ClicksConfig {
    /// Same seed (and [`EventTime::Paced`]), same bytes.
    pub seed: u64,
    /// The time of the clicks.
    pub event_time: EventTime,
    /// When the clock of the source is behind.
    pub clock_back: Option<ClockBack>,
    /// Share of lines that are broken, between 0 and 1.
    pub malformed_share: f64,
}

impl Default for ClicksConfig {
    fn default() -> Self {
        let event_time = EventTime::Live;
        Self { seed: 1, event_time, clock_back: None, malformed_share: 0.001 }
    }
}

impl ClicksConfig {
    /// # Errors
    /// The first problem found, as [`SimulatorError::Config`].
    pub fn validate(&self) -> Result<(), SimulatorError> {
        let share = self.malformed_share;
        if (0.0..=1.0).contains(&share) {
            return Ok(());
        }
        let problem = format!("the share of malformed messages ({share}) is not between 0 and 1");
        Err(SimulatorError::Config { problem })
    }
}
