//! The shape of the synthetic RSVPs.

use super::world::TOPICS_MAX;
use crate::config::EventTime;
use crate::error::SimulatorError;

/// The shape of a synthetic stream. Shares are between 0 and 1; the defaults are those of the recordings.
#[derive(Debug, Clone)]
pub struct SyntheticConfig {
    /// The same seed (with [`EventTime::Paced`]) gives the same bytes.
    pub seed: u64,
    /// Where `mtime` comes from.
    pub event_time: EventTime,
    /// Number of topics.
    pub topics: usize,
    /// Number of groups.
    pub groups: usize,
    /// Share of messages that repeat an earlier one with `mtime` rounded to the second.
    pub echo_share: f64,
    /// Share of messages that repeat an earlier one byte for byte.
    pub repeat_share: f64,
    /// Share of RSVPs that change their state later.
    pub change_share: f64,
    /// Share of RSVPs that are sent minutes to months after their `mtime`.
    pub late_share: f64,
    /// Share of fresh messages that are broken.
    pub malformed_share: f64,
}

impl Default for SyntheticConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            event_time: EventTime::Live,
            topics: 3000,
            groups: 4000,
            echo_share: 0.16,
            repeat_share: 0.004,
            change_share: 0.05,
            late_share: 0.02,
            malformed_share: 0.001,
        }
    }
}

impl SyntheticConfig {
    /// Checks the shape of the stream.
    ///
    /// # Errors
    /// The first problem found, as [`SimulatorError::Config`].
    pub fn validate(&self) -> Result<(), SimulatorError> {
        let problem = |problem: String| Err(SimulatorError::Config { problem });
        // More than half cannot repeat something that was sent before.
        for (what, share, share_max) in [
            ("echoes and repeats together", self.echo_share + self.repeat_share, 0.5),
            ("changes", self.change_share, 1.0),
            ("late messages", self.late_share, 1.0),
            ("malformed messages", self.malformed_share, 1.0),
        ] {
            if !(0.0..=share_max).contains(&share) {
                return problem(format!(
                    "the share of {what} ({share}) is not between 0 and {share_max}"
                ));
            }
        }
        if !(20..=TOPICS_MAX).contains(&self.topics) {
            return problem(format!("the number of topics is not between 20 and {}", TOPICS_MAX));
        }
        if !(1..=90_000).contains(&self.groups) {
            return problem("the number of groups is not between 1 and 90000".to_owned());
        }
        Ok(())
    }
}
