//! The shape of the synthetic posts.

use super::world::HASHTAGS_MAX;
use crate::config::EventTime;
use crate::error::SimulatorError;

/// The fewest hashtags: bursts and spam have rare ones of their own.
const HASHTAGS_MIN: usize = 100;

/// The shape of a synthetic stream of the network's records. Shares are between 0 and 1.
#[derive(Debug, Clone)]
pub struct PostsConfig {
    /// Same seed (and [`EventTime::Paced`]), same bytes.
    pub seed: u64,
    /// Where the server's time comes from.
    pub event_time: EventTime,
    /// The number of the first event, by which servers of one network differ; `None` for one by the
    /// event time.
    pub first_seq: Option<u64>,
    /// Number of hashtags; how often each is used follows Zipf's law.
    pub hashtags: usize,
    /// Number of accounts.
    pub accounts: u64,
    /// Share of commits that concern posts. The network's own is 0.11; most consumers ask for
    /// nothing else.
    pub post_share: f64,
    /// Share of posts by accounts that repeat one hashtag again and again.
    pub spam_share: f64,
    /// Share of messages that repeat a commit sent before, with another number and time.
    pub repeat_share: f64,
    /// Share of messages whose time is seconds to minutes behind.
    pub late_share: f64,
    /// Share of posts with a field that breaks the lexicon, as some programs write them.
    pub odd_share: f64,
    /// Share of posts whose message is broken.
    pub malformed_share: f64,
}

impl Default for PostsConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            event_time: EventTime::Live,
            first_seq: None,
            hashtags: 50_000,
            accounts: 1_000_000,
            post_share: 0.5,
            spam_share: 0.04,
            repeat_share: 0.004,
            late_share: 0.002,
            odd_share: 0.01,
            malformed_share: 0.001,
        }
    }
}

impl PostsConfig {
    /// # Errors
    /// The first problem found, as [`SimulatorError::Config`].
    pub fn validate(&self) -> Result<(), SimulatorError> {
        let problem = |problem: String| Err(SimulatorError::Config { problem });
        for (what, share) in [
            ("posts", self.post_share),
            ("spam", self.spam_share),
            ("repeats", self.repeat_share),
            ("late messages", self.late_share),
            ("odd posts", self.odd_share),
            ("malformed messages", self.malformed_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return problem(format!("the share of {what} ({share}) is not between 0 and 1"));
            }
        }
        if !(HASHTAGS_MIN..=HASHTAGS_MAX).contains(&self.hashtags) {
            return problem(format!(
                "the number of hashtags ({}) is not between {HASHTAGS_MIN} and {HASHTAGS_MAX}",
                self.hashtags
            ));
        }
        if self.accounts == 0 {
            return problem("the number of accounts is 0".to_owned());
        }
        Ok(())
    }
}
