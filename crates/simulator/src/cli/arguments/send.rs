//! What can be written behind `send`.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ClockArguments, RequestArguments, StreamName, parse_pace, parse_time};
use crate::config::Pace;
use crate::duration::parse_duration;
use crate::send::{Destination, Framing, Rotate, Rotation, SyslogFormat};

/// Arguments of `send`.
#[derive(Debug, Args)]
pub struct SendArguments {
    /// Where to: `file:PATH`, `tcp:HOST:PORT` (lines), `syslog:HOST:PORT` (UDP), `syslog+tcp:HOST:PORT`, or
    /// `http://HOST[:PORT]` for real requests to a web server, with the address of the visitor in `X-Forwarded-For`.
    #[arg(long, value_name = "DESTINATION")]
    pub to: Destination,
    /// Which stream to make up.
    #[arg(long, value_enum, default_value_t = StreamName::Requests)]
    pub stream: StreamName,
    /// Messages per second (1 to 100000), or `unlimited`.
    #[arg(long, value_parser = parse_pace, default_value = "100")]
    pub rate: Pace,
    /// End after this many messages; by default it goes on until it is stopped.
    #[arg(long, value_name = "N")]
    pub messages: Option<u64>,
    /// Seed; the same seed, start and other arguments give the same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Event time of the first message, as milliseconds or `2026-01-31T12:00:00Z`; by default event time is the
    /// clock's.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub start: Option<i64>,
    /// Messages per second of event time, from `--start` on.
    #[arg(long, value_name = "N", requires = "start", default_value = "500")]
    pub rate_event_time: NonZeroU32,
    /// Share of messages that are malformed; 0.001 by default, none for `http:`.
    #[arg(long, value_name = "SHARE")]
    pub malformed: Option<f64>,
    /// What there is to requests alone.
    #[command(flatten)]
    pub requests: RequestArguments,
    /// The clock of the source.
    #[command(flatten)]
    pub clock: ClockArguments,
    /// How the file is rotated.
    #[command(flatten)]
    pub rotation: RotationArguments,
    /// How syslog is spoken.
    #[command(flatten)]
    pub syslog: SyslogArguments,
    /// Close the connection in the middle of a message, after this many of them, and send that message again
    #[arg(long, value_name = "N", help_heading = "Faults")]
    pub cut_every: Option<u64>,
    /// Stop in the middle of a message, after this many of them, for `--stall-for`.
    #[arg(long, value_name = "N", help_heading = "Faults")]
    pub stall_every: Option<u64>,
    /// How long to stop.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "10s", help_heading = "Faults")]
    pub stall_for: Duration,
}

/// How a file is rotated.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
pub struct RotationArguments {
    /// How the file is rotated: the newest rotated one becomes `PATH.1`; `rename` by default.
    #[arg(long, value_enum)]
    pub rotate: Option<RotateName>,
    /// Rotate after this many lines.
    #[arg(long, value_name = "N")]
    pub rotate_lines: Option<u64>,
    /// Rotate after this time.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub rotate_every: Option<Duration>,
    /// Rotate in the middle of a line; its rest still goes to the renamed file, as of a server that was not told yet.
    #[arg(long)]
    pub rotate_inside_line: bool,
    /// Compress rotated files with gzip, from `PATH.2` on.
    #[arg(long)]
    pub compress: bool,
    /// How many rotated files to keep; all by default.
    #[arg(long, value_name = "N")]
    pub keep: Option<u64>,
}

/// How syslog is spoken.
#[derive(Debug, Args)]
#[command(next_help_heading = "Syslog")]
pub struct SyslogArguments {
    /// How messages are written; `rfc3164` by default, as nginx does.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub syslog: Option<SyslogName>,
    /// How messages over TCP are told apart; `lines` by default.
    #[arg(long, value_enum)]
    pub framing: Option<FramingName>,
}

/// How a file is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RotateName {
    /// Rename it, and create another one.
    Rename,
    /// Copy it, and cut it to nothing.
    Copytruncate,
}

/// The formats of syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SyslogName {
    /// The older one.
    Rfc3164,
    /// The newer one.
    Rfc5424,
}

/// How messages of syslog are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FramingName {
    /// A line end behind each.
    Lines,
    /// Its length in front of each (octet counting).
    Counted,
}

impl RotationArguments {
    pub(in crate::cli) fn is_given(&self) -> bool {
        self.rotation() != Rotation::default() || self.rotate.is_some()
    }

    pub(in crate::cli) fn rotation(&self) -> Rotation {
        let how = match self.rotate {
            Some(RotateName::Copytruncate) => Rotate::CopyTruncate,
            Some(RotateName::Rename) | None => Rotate::Rename,
        };
        Rotation {
            how,
            lines: self.rotate_lines,
            every: self.rotate_every,
            inside_line: self.rotate_inside_line,
            compress: self.compress,
            keep: self.keep,
        }
    }
}

impl SyslogArguments {
    pub(in crate::cli) fn format(&self) -> SyslogFormat {
        match self.syslog {
            Some(SyslogName::Rfc5424) => SyslogFormat::Rfc5424,
            Some(SyslogName::Rfc3164) | None => SyslogFormat::Rfc3164,
        }
    }

    pub(in crate::cli) fn framing(&self) -> Framing {
        match self.framing {
            Some(FramingName::Counted) => Framing::Counted,
            Some(FramingName::Lines) | None => Framing::Lines,
        }
    }
}
