//! Writes a stream as servers do: into a file that is rotated, to syslog, over TCP, or as real requests.
//!
//! | destination | what a reader can rely on |
//! | --- | --- |
//! | a file | each message is one line, once, in one of the files, however they are rotated |
//! | TCP, and syslog over TCP | each message was given whole to one connection; one that was cut is sent again from its beginning |
//! | syslog over UDP | each message was one datagram, whether or not somebody took it |
//! | HTTP | each request was answered, or is counted as unanswered |

mod connection;
mod destination;
mod log_file;
mod syslog;
#[cfg(test)]
mod tests;
mod visits;

pub use destination::{Destination, Framing, Transport};
pub use log_file::{Rotate, Rotation};
pub use syslog::SyslogFormat;

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Input, Pace, RATE_MAX, Stall};
use crate::error::SimulatorError;
use crate::pacer::Pacer;
use crate::payload::Payload;
use crate::posts::Protocol;
use crate::source::{Made, Source};
use connection::Connection;
use log_file::LogFile;
use visits::Visits;

/// What is sent, and where.
#[derive(Debug, Clone)]
pub struct SendConfig {
    /// Where messages come from.
    pub input: Input,
    /// Where they go.
    pub to: Destination,
    /// When messages are sent.
    pub pace: Pace,
    /// Ends after this many messages.
    pub messages_max: Option<u64>,
    /// Closes a connection in the middle of a message, after this many of them.
    pub cut_every: Option<u64>,
    /// Stops now and then, in the middle of a message where there is one.
    pub stall: Option<Stall>,
    /// The time of day.
    pub clock: Clock,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    pub messages: u64,
    /// With all that stands around the messages.
    pub bytes: u64,
    pub rotations: u64,
    /// Connections that were closed in the middle of a message, which was then sent again.
    pub cuts: u64,
    pub stalls: u64,
    /// Connections that the other side ended.
    pub broken: u64,
    /// Requests without an answer.
    pub unanswered: u64,
}

impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, bytes, rotations, cuts, stalls, broken, unanswered } = self;
        write!(
            formatter,
            "messages={messages} bytes={bytes} rotations={rotations} cuts={cuts} stalls={stalls} \
             broken={broken} unanswered={unanswered}"
        )
    }
}

impl SendConfig {
    /// Sends a stream of `input` as fast as the other side takes it, without faults.
    #[must_use]
    pub fn new(input: Input, to: Destination) -> Self {
        Self {
            input,
            to,
            pace: Pace::Unlimited,
            messages_max: None,
            cut_every: None,
            stall: None,
            clock: Clock::system(),
        }
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// The first problem found, as [`SimulatorError::Config`].
    pub fn validate(&self) -> Result<(), SimulatorError> {
        let problem = |problem: String| Err(SimulatorError::Config { problem });
        if let Pace::Rate(rate) = self.pace
            && rate.get() > RATE_MAX
        {
            return problem(format!("`rate` ({rate}) is more than {RATE_MAX} messages per second"));
        }
        if self.cut_every == Some(0) {
            return problem("`cut-every` is 0".to_owned());
        }
        if self.cut_every.is_some() && !self.to.is_connection() {
            return problem("`cut-every` is for connections: `tcp:` and `syslog+tcp:`".to_owned());
        }
        if let Some(Stall { every: 0, .. }) = self.stall {
            return problem("`stall-every` is 0".to_owned());
        }
        if let Destination::File { rotation, .. } = &self.to {
            rotation.validate()?;
        }
        self.input.validate()
    }
}

/// Sends until the messages end or `shutdown`. A server that is away is waited for.
///
/// # Errors
/// The configuration is wrong, a recording cannot be read, a file cannot be written, or the local side of a
/// network fails.
pub async fn send(config: SendConfig, shutdown: CancellationToken) -> Result<Sent, SimulatorError> {
    config.validate()?;
    let mut source = Source::open(&config.input, config.clock.clone())?;
    let mut outlet = Outlet::open(&config.to).await?;
    let mut sent = Sent::default();
    let sending = send_all(&config, &mut source, &mut outlet, &mut sent);
    // What a connection has taken is on its way when this is left.
    shutdown.run_until_cancelled(sending).await.unwrap_or(Ok(()))?;
    outlet.end(&mut sent).await?;
    Ok(sent)
}

async fn send_all(
    config: &SendConfig,
    source: &mut Source,
    outlet: &mut Outlet,
    sent: &mut Sent,
) -> Result<(), SimulatorError> {
    let (mut pacer, started) = (Pacer::new(config.pace), Instant::now());
    while config.messages_max.is_none_or(|max| sent.messages < max) {
        wait(pacer.due_to_make(started.elapsed()), started).await;
        let Some(message) = source.next() else { break };
        wait(pacer.due_to_send(&message, started.elapsed()), started).await;
        let reached = |every: u64| sent.messages > 0 && sent.messages.is_multiple_of(every);
        let fault = match (config.cut_every.is_some_and(reached), config.stall) {
            (true, _) => Fault::Cut,
            (false, Some(stall)) if reached(stall.every) => Fault::Stall(stall.length),
            (false, _) => Fault::None,
        };
        outlet.send(&message, fault, sent).await?;
        sent.messages += 1;
    }
    Ok(())
}

async fn wait(due: Duration, started: Instant) {
    let left = due.saturating_sub(started.elapsed());
    if !left.is_zero() {
        sleep(left).await;
    }
}

/// What happens in the middle of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Cut,
    Stall(Duration),
}

/// An open destination.
enum Outlet {
    File(LogFile),
    Connection(Connection),
    Datagrams(syslog::Datagrams),
    Visits(Visits),
}

impl Outlet {
    async fn open(to: &Destination) -> Result<Self, SimulatorError> {
        Ok(match to {
            Destination::File { path, rotation } => {
                Self::File(LogFile::open(path.clone(), rotation.clone())?)
            }
            Destination::Tcp { address } => {
                Self::Connection(Connection::new(address.clone(), None))
            }
            Destination::Syslog { address, transport: Transport::Tcp(framing), format } => {
                Self::Connection(Connection::new(address.clone(), Some((*format, *framing))))
            }
            Destination::Syslog { address, transport: Transport::Udp, format } => {
                Self::Datagrams(syslog::Datagrams::open(address, *format).await?)
            }
            Destination::Http { address } => Self::Visits(Visits::new(address.clone())),
        })
    }

    async fn send(
        &mut self,
        message: &Made,
        fault: Fault,
        sent: &mut Sent,
    ) -> Result<(), SimulatorError> {
        let Some(text) = text(message) else { return Ok(()) };
        if let Fault::Stall(_) = fault {
            sent.stalls += 1;
        }
        match self {
            Self::File(file) => return file.write(&text, fault, sent).await,
            Self::Connection(connection) => {
                connection.write(message.mtime_ms, &text, fault, sent).await;
                return Ok(());
            }
            Self::Datagrams(_) | Self::Visits(_) => {}
        }
        if let Fault::Stall(length) = fault {
            sleep(length).await;
        }
        match self {
            Self::Datagrams(datagrams) => datagrams.send(message.mtime_ms, &text, sent).await,
            Self::Visits(visits) => visits.ask(&text, sent).await,
            Self::File(_) | Self::Connection(_) => {}
        }
        Ok(())
    }

    /// Closes, so that the other side has everything.
    async fn end(self, sent: &mut Sent) -> Result<(), SimulatorError> {
        match self {
            Self::File(file) => return file.end(sent),
            Self::Connection(connection) => connection.end(sent).await,
            Self::Datagrams(_) | Self::Visits(_) => {}
        }
        Ok(())
    }
}

/// The message as a text; none where the protocol has no frame for it.
fn text(message: &Made) -> Option<String> {
    match &message.payload {
        Payload::Text(text) => Some(text.as_str().to_owned()),
        Payload::Event(event) => event.frame(Protocol::Two),
    }
}

/// What comes before and after the middle.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.len() / 2)
}
