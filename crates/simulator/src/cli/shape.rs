//! The synthetic stream that the arguments describe.

use super::arguments::{ClockArguments, PostArguments, RequestArguments, StreamName};
use crate::clicks::ClicksConfig;
use crate::config::{ClockBack, EventTime, Input};
use crate::error::SimulatorError;
use crate::posts::PostsConfig;
use crate::requests::RequestsConfig;
use crate::rsvps::SyntheticConfig;

/// What `run` and `generate` are told of a stream that is made up.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) stream: StreamName,
    pub(super) seed: u64,
    pub(super) event_time: EventTime,
    pub(super) malformed: f64,
    pub(super) posts: &'a PostArguments,
    pub(super) requests: &'a RequestArguments,
    pub(super) clock: &'a ClockArguments,
}

impl Shape<'_> {
    /// # Errors
    /// When arguments of one stream are given for another.
    pub(super) fn input(&self) -> Result<Input, SimulatorError> {
        self.check()?;
        Ok(match self.stream {
            StreamName::Posts => Input::Posts(self.posts()),
            StreamName::Rsvps => Input::Synthetic(self.rsvps()),
            StreamName::Requests => Input::Requests(self.requests()),
            StreamName::Clicks => Input::Clicks(self.clicks()),
        })
    }

    /// # Errors
    /// When arguments of one stream are given for another.
    pub(super) fn check(&self) -> Result<(), SimulatorError> {
        let what = match self.stream {
            StreamName::Posts => "posts",
            StreamName::Rsvps => "RSVPs",
            StreamName::Requests => "requests",
            StreamName::Clicks => "clicks",
        };
        if self.stream != StreamName::Posts {
            self.posts.check_absent(what)?;
        }
        if self.stream != StreamName::Requests {
            self.requests.check_absent(what)?;
        }
        if !matches!(self.stream, StreamName::Requests | StreamName::Clicks) {
            self.clock.check_absent(what)?;
        }
        Ok(())
    }

    pub(super) fn requests(&self) -> RequestsConfig {
        let usual = RequestsConfig::default();
        let RequestArguments { log_line, crawlers } = *self.requests;
        RequestsConfig {
            seed: self.seed,
            event_time: self.event_time,
            format: log_line.map_or(usual.format, Into::into),
            crawler_share: crawlers.unwrap_or(usual.crawler_share),
            malformed_share: self.malformed,
            clock_back: self.clock.back(),
        }
    }

    pub(super) fn clicks(&self) -> ClicksConfig {
        ClicksConfig {
            seed: self.seed,
            event_time: self.event_time,
            clock_back: self.clock.back(),
            malformed_share: self.malformed,
        }
    }

    pub(super) fn rsvps(&self) -> SyntheticConfig {
        SyntheticConfig {
            seed: self.seed,
            event_time: self.event_time,
            malformed_share: self.malformed,
            ..SyntheticConfig::default()
        }
    }

    pub(super) fn posts(&self) -> PostsConfig {
        let usual = PostsConfig::default();
        let PostArguments { hashtags, post_share, spam, late } = *self.posts;
        PostsConfig {
            seed: self.seed,
            event_time: self.event_time,
            hashtags: hashtags.unwrap_or(usual.hashtags),
            post_share: post_share.unwrap_or(usual.post_share),
            spam_share: spam.unwrap_or(usual.spam_share),
            late_share: late.unwrap_or(usual.late_share),
            malformed_share: self.malformed,
            ..usual
        }
    }
}

impl PostArguments {
    /// # Errors
    /// When there are any.
    pub(super) fn check_absent(&self, what: &str) -> Result<(), SimulatorError> {
        let Self { hashtags, post_share, spam, late } = self;
        let given = [
            ("hashtags", hashtags.is_some()),
            ("post-share", post_share.is_some()),
            ("spam", spam.is_some()),
            ("late", late.is_some()),
        ];
        check_absent(&given, "posts", what)
    }
}

impl RequestArguments {
    /// # Errors
    /// When there are any.
    pub(super) fn check_absent(&self, what: &str) -> Result<(), SimulatorError> {
        let Self { log_line, crawlers } = self;
        let given = [("log-line", log_line.is_some()), ("crawlers", crawlers.is_some())];
        check_absent(&given, "requests", what)
    }
}

impl ClockArguments {
    fn back(&self) -> Option<ClockBack> {
        self.clock_back_every.map(|every| ClockBack { every, by: self.clock_back_by })
    }

    /// # Errors
    /// When there are any.
    pub(super) fn check_absent(&self, what: &str) -> Result<(), SimulatorError> {
        check_absent(
            &[("clock-back-every", self.clock_back_every.is_some())],
            "requests and clicks",
            what,
        )
    }
}

fn check_absent(given: &[(&str, bool)], own: &str, what: &str) -> Result<(), SimulatorError> {
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => {
            let problem = format!("`{name}` is for {own}, not for {what}");
            Err(SimulatorError::Config { problem })
        }
        None => Ok(()),
    }
}
