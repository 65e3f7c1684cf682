//! What can be written on the command line.

mod send;

pub use send::{
    FramingName, RotateName, RotationArguments, SendArguments, SyslogArguments, SyslogName,
};

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use chrono::DateTime;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{GAP_MAX_DEFAULT, Pace, RESUME_BUFFER_DEFAULT};
use crate::duration::parse_duration;
use crate::posts::Protocol;
use crate::requests::Format;

/// A stand-in for the servers of live streams: Meetup's RSVPs, Bluesky's posts, the access log of a web site, and clicks on
/// short links.
///
/// Exit codes: 0 ok, 1 internal error, 2 wrong usage, 3 address unavailable, 4 no input.
#[derive(Debug, Parser)]
#[command(name = "pulso-simulator", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve a stream over websockets, or clicks over HTTP: recordings when files are given, else a synthetic one.
    ///
    /// Prints the address on standard output. Commands on standard input disturb the stream: `drop`, `stall 5s`,
    /// `freeze 5s`, `garbage 10`, `too-slow`, `stats`.
    ///
    /// Posts are served as Jetstream does: a client connects to `ws://ADDRESS/subscribe` (version 1) or to
    /// `ws://ADDRESS/xrpc/network.bsky.jetstream.subscribeEvents` (version 2, with the websocket subprotocol
    /// `xrpc.v1.json`), with the same parameters for filters and cursors.
    ///
    /// RSVPs have one address: a client connects to `ws://ADDRESS/`, or to
    /// `ws://ADDRESS/?since_mtime=MILLISECONDS` to be sent exactly the messages with a greater `mtime`, those that are
    /// kept and those to come. Messages come out of order: to miss none, ask from well before the last one.
    ///
    /// Clicks are served over HTTP, as lines of an answer that does not end: `curl -s http://ADDRESS/`.
    #[command(visible_alias = "serve")]
    Run(Box<RunArguments>),
    /// Write a stream as servers log: to a file that is rotated, to syslog, over TCP; or ask a web server.
    ///
    /// Prints on standard output, at its end, how many messages were sent, and what happened on the way.
    Send(Box<SendArguments>),
    /// Write a synthetic stream, one message per line; the same arguments always give the same
    /// bytes.
    Generate(GenerateArguments),
    /// Write recordings repeatedly, with fresh ids and times; echoes stay echoes.
    Repeat(RepeatArguments),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Recordings to play, one message per line; without any, the stream is synthetic.
    pub files: Vec<PathBuf>,
    /// Which stream to make up.
    #[arg(long, value_enum, default_value_t = StreamName::Rsvps)]
    pub stream: StreamName,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8765")]
    pub listen: SocketAddr,
    /// Messages per second (1 to 100000), `recorded` for the gaps of the recording, or `unlimited`.
    /// By default `recorded` for recordings and 100 for a synthetic stream.
    #[arg(long, value_parser = parse_pace)]
    pub rate: Option<Pace>,
    /// Longest gap with `--rate recorded`.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "10s")]
    pub gap_max: Duration,
    /// Play the recordings again and again, with fresh ids and advancing times.
    #[arg(long = "loop", requires = "files")]
    pub looped: bool,
    /// Shift the recordings in time so that they start now.
    #[arg(long, requires = "files")]
    pub shift_to_now: bool,
    /// Seed of the synthetic stream.
    #[arg(long, default_value_t = 1, conflicts_with = "files")]
    pub seed: u64,
    /// Event time of the first synthetic message, as milliseconds or `2026-01-31T12:00:00Z`; by default event time is
    /// the clock's.
    #[arg(long, value_name = "TIME", value_parser = parse_time, conflicts_with = "files")]
    pub start: Option<i64>,
    /// Synthetic messages per second of event time, from `--start` on.
    #[arg(long, value_name = "N", requires = "start", default_value = "500")]
    pub rate_event_time: NonZeroU32,
    /// Share of synthetic messages that are malformed.
    #[arg(long, value_name = "SHARE", default_value_t = 0.001, conflicts_with = "files")]
    pub malformed: f64,
    /// End the stream after this many messages.
    #[arg(long, value_name = "N")]
    pub messages: Option<u64>,
    /// Exit once the stream has ended and everything has been sent; by default the server stays up,
    /// silent.
    #[arg(long)]
    pub exit_at_end: bool,
    /// Send nothing before this many clients are connected.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub wait_for_clients: usize,
    /// Over HTTP: send an empty line when there was nothing to send for so long.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "20s")]
    pub keep_alive: Duration,
    /// Newest messages to keep for clients that ask with `since_mtime` or a cursor.
    #[arg(long, value_name = "N", default_value_t = RESUME_BUFFER_DEFAULT)]
    pub resume_buffer: usize,
    /// What there is to posts alone.
    #[command(flatten)]
    pub posts: PostArguments,
    /// What there is to requests alone.
    #[command(flatten)]
    pub requests: RequestArguments,
    /// The clock of the source.
    #[command(flatten)]
    pub clock: ClockArguments,
    /// Faults.
    #[command(flatten)]
    pub faults: FaultArguments,
}

/// The streams that can be made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StreamName {
    /// Meetup's RSVPs.
    Rsvps,
    /// Bluesky's posts, with everything else that its network says.
    Posts,
    /// The lines of a web server's access log.
    Requests,
    /// Clicks on short links to pages of the US government.
    Clicks,
}

/// The shape of a stream of posts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Posts")]
pub struct PostArguments {
    /// Number of hashtags, 100 to 1000000; 50000 by default.
    #[arg(long, value_name = "N")]
    pub hashtags: Option<usize>,
    /// Share of commits that concern posts; 0.5 by default, in the real network 0.11.
    #[arg(long, value_name = "SHARE")]
    pub post_share: Option<f64>,
    /// Share of posts by accounts that repeat one hashtag; 0.04 by default.
    #[arg(long, value_name = "SHARE")]
    pub spam: Option<f64>,
    /// Share of messages whose time is seconds to minutes behind; 0.002 by default.
    #[arg(long, value_name = "SHARE")]
    pub late: Option<f64>,
}

/// The shape of an access log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub struct RequestArguments {
    /// How requests are written; `combined` by default.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub log_line: Option<FormatName>,
    /// Share of requests by crawlers; 0.15 by default.
    #[arg(long, value_name = "SHARE")]
    pub crawlers: Option<f64>,
}

/// A clock that is set back, and right again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Clock of the source (requests, clicks)")]
pub struct ClockArguments {
    /// After this many messages the clock of the source is behind, for as many: time goes back, and then ahead again.
    #[arg(long, value_name = "N")]
    pub clock_back_every: Option<NonZeroU64>,
    /// How far it is behind.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "1h")]
    pub clock_back_by: Duration,
}

/// The formats of access logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// Apache's, and nginx's default: with referrer and user agent.
    Combined,
    /// Without these.
    Common,
    /// Combined, behind the virtual host and its port.
    VirtualHost,
    /// Common, behind the virtual host and its port.
    CommonVirtualHost,
    /// JSON as the server Caddy writes it.
    Caddy,
    /// JSON as the proxy Traefik writes it.
    Traefik,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Combined => Self::Combined,
            FormatName::Common => Self::Common,
            FormatName::VirtualHost => Self::VirtualHost,
            FormatName::CommonVirtualHost => Self::CommonVirtualHost,
            FormatName::Caddy => Self::Caddy,
            FormatName::Traefik => Self::Traefik,
        }
    }
}

/// The versions of Jetstream's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProtocolName {
    /// The older one.
    V1,
    /// The newer one.
    V2,
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::V1 => Self::One,
            ProtocolName::V2 => Self::Two,
        }
    }
}

/// Faults that happen by themselves, counted per connection.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults")]
pub struct FaultArguments {
    /// Drop the connection after this many messages.
    #[arg(long, value_name = "N")]
    pub drop_every: Option<u64>,
    /// Over HTTP: drop the connection in the middle of a message, which is lost, after this many.
    #[arg(long, value_name = "N")]
    pub cut_every: Option<u64>,
    /// Drop the connection when it reaches this age.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub drop_after: Option<Duration>,
    /// Stop sending after this many messages, for `--stall-for`.
    #[arg(long, value_name = "N")]
    pub stall_every: Option<u64>,
    /// How long to stop sending.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "10s")]
    pub stall_for: Duration,
    /// Share of messages that are preceded by something that is no message: a binary frame, broken
    /// JSON, a mebibyte.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub garbage: f64,
    /// Close the connection after this many messages, as that of a client that does not keep up.
    #[arg(long, value_name = "N")]
    pub too_slow_every: Option<u64>,
    /// Answer this many clients with 503, as a server does that is starting.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub unavailable_first: u64,
}

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// Which stream to make up.
    #[arg(long, value_enum, default_value_t = StreamName::Rsvps)]
    pub stream: StreamName,
    /// Seed; the same seed gives the same stream.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of messages.
    #[arg(long, value_name = "N")]
    pub messages: u64,
    /// File to write; `-` is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: String,
    /// Event time of the first message, as milliseconds or `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "2026-01-01T00:00:00Z")]
    pub start: i64,
    /// Messages per second of event time.
    #[arg(long, value_name = "N", default_value = "500")]
    pub rate_event_time: NonZeroU32,
    /// Share of messages that are malformed.
    #[arg(long, value_name = "SHARE", default_value_t = 0.001)]
    pub malformed: f64,
    /// Version of the protocol that posts are written in.
    #[arg(long, value_enum, default_value_t = ProtocolName::V2)]
    pub protocol: ProtocolName,
    /// What there is to posts alone.
    #[command(flatten)]
    pub posts: PostArguments,
    /// What there is to requests alone.
    #[command(flatten)]
    pub requests: RequestArguments,
    /// The clock of the source.
    #[command(flatten)]
    pub clock: ClockArguments,
}

/// Arguments of `repeat`.
#[derive(Debug, Args)]
pub struct RepeatArguments {
    /// Recordings, one message per line, in order of arrival.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Number of messages.
    #[arg(long, value_name = "N")]
    pub messages: u64,
    /// File to write; `-` is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: String,
    /// Event time of the first message, as milliseconds or `2026-01-31T12:00:00Z`; by default that of the recording.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub start: Option<i64>,
    /// Messages per second of event time.
    #[arg(long, value_name = "N", default_value = "500")]
    pub rate_event_time: NonZeroU32,
}

fn parse_pace(text: &str) -> Result<Pace, String> {
    match text {
        "recorded" => Ok(Pace::Recorded { gap_max: GAP_MAX_DEFAULT }),
        "unlimited" => Ok(Pace::Unlimited),
        number => {
            let problem = |_| {
                format!("`{number}` is neither a number above 0 nor `recorded` nor `unlimited`")
            };
            number.parse().map(Pace::Rate).map_err(problem)
        }
    }
}

/// Milliseconds since the epoch.
fn parse_time(text: &str) -> Result<i64, String> {
    if let Ok(ms) = text.parse() {
        return Ok(ms);
    }
    let problem = |_| {
        format!(
            "`{text}` is neither a number of milliseconds nor a time like `2026-01-31T12:00:00Z`"
        )
    };
    DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis()).map_err(problem)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        Cli::try_parse_from(["pulso-simulator", "run"]).unwrap();
        Cli::try_parse_from(["pulso-simulator", "run", "--loop"]).unwrap_err();
        Cli::try_parse_from(["pulso-simulator", "run", "a.jsonl", "--loop", "--rate", "unlimited"])
            .unwrap();
        Cli::try_parse_from(["pulso-simulator", "run", "--rate", "0"]).unwrap_err();
        Cli::try_parse_from(["pulso-simulator", "serve", "--stream", "posts"]).unwrap();
        Cli::try_parse_from(["pulso-simulator", "run", "--stream", "likes"]).unwrap_err();
    }

    #[test]
    fn a_time_is_milliseconds_or_a_date() {
        assert_eq!(parse_time("1489923634000"), Ok(1_489_923_634_000));
        assert_eq!(parse_time("2017-03-19T11:40:34Z"), Ok(1_489_923_634_000));
        parse_time("yesterday").unwrap_err();
    }
}
