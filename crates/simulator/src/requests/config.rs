//! The shape of the synthetic access log.

use super::format::Format;
use crate::config::{ClockBack, EventTime};
use crate::error::SimulatorError;

/// The shape of a synthetic access log. Shares are between 0 and 1.
#[derive(Debug, Clone)]
pub struct RequestsConfig {
    /// Same seed (and [`EventTime::Paced`]), same bytes.
    pub seed: u64,
    /// The time of the requests. With [`EventTime::Paced`] the rate is that of a day on average: nights have
    /// less.
    pub event_time: EventTime,
    pub format: Format,
    /// When the clock of the server is behind.
    pub clock_back: Option<ClockBack>,
    /// Share of requests by crawlers.
    pub crawler_share: f64,
    /// Share of lines that are broken.
    pub malformed_share: f64,
}

impl Default for RequestsConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            event_time: EventTime::Live,
            format: Format::Combined,
            clock_back: None,
            crawler_share: 0.15,
            malformed_share: 0.001,
        }
    }
}

impl RequestsConfig {
    /// # Errors
    /// The first problem found, as [`SimulatorError::Config`].
    pub fn validate(&self) -> Result<(), SimulatorError> {
        let shares =
            [("crawlers", self.crawler_share), ("malformed messages", self.malformed_share)];
        match shares.into_iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            Some((what, share)) => {
                let problem = format!("the share of {what} ({share}) is not between 0 and 1");
                Err(SimulatorError::Config { problem })
            }
            None => Ok(()),
        }
    }
}
