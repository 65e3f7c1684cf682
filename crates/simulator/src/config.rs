//! The configuration of a simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use crate::clicks::ClicksConfig;
use crate::clock::Clock;
use crate::error::SimulatorError;
use crate::posts::PostsConfig;
use crate::requests::{Format, RequestsConfig};
use crate::rsvps::SyntheticConfig;

/// Messages that are kept by default for clients that come back: about 140 MB, a quarter of an hour
/// at 100 messages a second.
pub const RESUME_BUFFER_DEFAULT: usize = 100_000;
/// The smallest buffer for which the promise to a client that comes back is worth anything.
pub const RESUME_BUFFER_MIN: usize = 16;
/// The largest rate in messages per second: about what one core can produce.
pub const RATE_MAX: u32 = 100_000;
/// Gaps of a recording are shortened to this by default.
pub const GAP_MAX_DEFAULT: Duration = Duration::from_secs(10);

/// How long an answer of HTTP is silent by default.
pub const KEEP_ALIVE_DEFAULT: Duration = Duration::from_secs(20);

/// Everything a simulator needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Where messages come from.
    pub input: Input,
    /// When messages are sent.
    pub pace: Pace,
    /// Nothing is sent before this many clients are connected; 0 starts at once.
    pub wait_for_clients: usize,
    /// Ends the stream after this many messages.
    pub messages_max: Option<u64>,
    /// Stops the simulator once the stream has ended and everything has been sent. Otherwise it
    /// stays up, silent.
    pub exit_at_end: bool,
    /// How many of the newest messages are kept for clients that come back.
    pub resume_buffer: usize,
    /// Faults that happen by themselves.
    pub faults: Faults,
    /// Over HTTP: how long there may be nothing to send until an empty line is sent.
    pub keep_alive: Duration,
    /// The time of day.
    pub clock: Clock,
}

impl Config {
    /// A live synthetic stream with the given rate and seed, on any free local port.
    #[must_use]
    pub fn synthetic(seed: u64, per_second: NonZeroU32) -> Self {
        let input = Input::Synthetic(SyntheticConfig { seed, ..SyntheticConfig::default() });
        Self::new(input, Pace::Rate(per_second))
    }

    /// The synthetic stream of this name, if there is one, on any free local port.
    #[must_use]
    pub fn of_stream(name: &str, seed: u64, per_second: NonZeroU32) -> Option<Self> {
        match name {
            "rsvps" => Some(Self::synthetic(seed, per_second)),
            "posts" => {
                let posts = PostsConfig { seed, ..PostsConfig::default() };
                Some(Self::new(Input::Posts(posts), Pace::Rate(per_second)))
            }
            "requests" => {
                // With the host, links between its own pages are known as such.
                let format = Format::VirtualHost;
                let requests = RequestsConfig { seed, format, ..RequestsConfig::default() };
                Some(Self::new(Input::Requests(requests), Pace::Rate(per_second)))
            }
            "clicks" => {
                let clicks = ClicksConfig { seed, ..ClicksConfig::default() };
                Some(Self::new(Input::Clicks(clicks), Pace::Rate(per_second)))
            }
            _ => None,
        }
    }

    /// Whether clients ask by HTTP for lines, instead of opening a websocket.
    #[must_use]
    pub fn speaks_http(&self) -> bool {
        matches!(self.input, Input::Clicks(_))
    }

    /// A stream of `input` at `pace` on any free local port, without faults and with defaults for
    /// everything else.
    #[must_use]
    pub fn new(input: Input, pace: Pace) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            input,
            pace,
            wait_for_clients: 1,
            messages_max: None,
            exit_at_end: false,
            resume_buffer: RESUME_BUFFER_DEFAULT,
            faults: Faults::default(),
            keep_alive: KEEP_ALIVE_DEFAULT,
            clock: Clock::system(),
        }
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// The first problem found, as [`SimulatorError::Config`].
    pub fn validate(&self) -> Result<(), SimulatorError> {
        let problem = |problem: String| Err(SimulatorError::Config { problem });
        if self.resume_buffer < RESUME_BUFFER_MIN {
            return problem(format!(
                "`resume-buffer` ({}) is less than {RESUME_BUFFER_MIN}",
                self.resume_buffer
            ));
        }
        if let Pace::Rate(rate) = self.pace
            && rate.get() > RATE_MAX
        {
            return problem(format!("`rate` ({rate}) is more than {RATE_MAX} messages per second"));
        }
        if self.faults.drop_every == Some(0) {
            return problem("`drop-every` is 0".to_owned());
        }
        if self.faults.drop_after == Some(Duration::ZERO) {
            return problem("`drop-after` is 0".to_owned());
        }
        if self.faults.cut_every == Some(0) {
            return problem("`cut-every` is 0".to_owned());
        }
        if self.faults.cut_every.is_some() && !self.speaks_http() {
            return problem(
                "`cut-every` is for clicks: a websocket sends whole messages".to_owned(),
            );
        }
        if self.faults.too_slow_every == Some(0) {
            return problem("`too-slow-every` is 0".to_owned());
        }
        if let Some(Stall { every: 0, .. }) = self.faults.stall {
            return problem("`stall-every` is 0".to_owned());
        }
        if !(0.0..=1.0).contains(&self.faults.garbage_share) {
            return problem(format!(
                "`garbage` ({}) is not between 0 and 1",
                self.faults.garbage_share
            ));
        }
        self.input.validate()
    }
}

/// Where messages come from.
#[derive(Debug, Clone)]
pub enum Input {
    /// RSVPs, generated as they are needed.
    Synthetic(SyntheticConfig),
    /// Posts of a social network, generated as they are needed.
    Posts(PostsConfig),
    /// Lines of a web server's access log, generated as they are needed.
    Requests(RequestsConfig),
    /// Clicks on short links, generated as they are needed. They are served over HTTP.
    Clicks(ClicksConfig),
    /// Played from files.
    Recordings(RecordingsConfig),
}

impl Input {
    pub(crate) fn validate(&self) -> Result<(), SimulatorError> {
        match self {
            Self::Synthetic(synthetic) => synthetic.validate(),
            Self::Posts(posts) => posts.validate(),
            Self::Requests(requests) => requests.validate(),
            Self::Clicks(clicks) => clicks.validate(),
            Self::Recordings(_) => Ok(()),
        }
    }
}

/// Where the `mtime` of a synthetic message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventTime {
    /// The clock's time when the message is made.
    Live,
    /// A function of the message's number: starts at `start_ms` (milliseconds since the epoch) and advances by a
    /// second every `per_second` messages.
    Paced {
        /// The event time of the first message, in milliseconds since the epoch.
        start_ms: i64,
        /// Messages per second of event time.
        per_second: NonZeroU32,
    },
}

/// Sets the clock of the source back, and right again, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockBack {
    /// After this many messages; it is behind for as many.
    pub every: NonZeroU64,
    /// By this much.
    pub by: Duration,
}

impl ClockBack {
    /// How far the clock is behind at the message of this number, from 0, in milliseconds.
    pub(crate) fn ms_at(self, number: u64) -> i64 {
        let behind = (number / self.every) % 2 == 1;
        let by_ms = i64::try_from(self.by.as_millis()).unwrap_or(i64::MAX);
        if behind { by_ms } else { 0 }
    }
}

/// Files to play, in this order.
#[derive(Debug, Clone)]
pub struct RecordingsConfig {
    /// Files with one message per line.
    pub files: Vec<PathBuf>,
    /// Starts over at the end, with fresh ids and advancing event time.
    pub looped: bool,
    /// Shifts each pass in time so that it starts now; for playing in real time.
    pub shift_to_now: bool,
}

/// When messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// With the gaps between the `mtime`s, but none longer than `gap_max`. Late messages follow at
    /// once.
    Recorded {
        /// The longest gap.
        gap_max: Duration,
    },
    /// This many per second.
    Rate(NonZeroU32),
    /// As fast as the clients accept them.
    Unlimited,
}

/// Faults that happen by themselves. Counts are per connection.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Drops the connection after this many messages, without a closing handshake.
    pub drop_every: Option<u64>,
    /// Over HTTP: drops the connection in the middle of a message, which is lost, after this many.
    pub cut_every: Option<u64>,
    /// Drops the connection when it reaches this age.
    pub drop_after: Option<Duration>,
    /// Stops sending now and then.
    pub stall: Option<Stall>,
    /// Share of messages that are preceded by something that is no message.
    pub garbage_share: f64,
    /// Closes the connection after this many messages, as that of a client that does not keep up.
    pub too_slow_every: Option<u64>,
    /// Answers this many clients with 503, as a server does that is starting.
    pub unavailable_first: u64,
}

/// Makes a connection stay open but silent for a while; pings are still answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// After this many messages.
    pub every: u64,
    /// For this long.
    pub length: Duration,
}
