//! Stand-ins for the servers of live streams: a websocket server that generates a realistic stream, or
//! plays recordings of one.
//!
//! Each stream has a folder: [Meetup's RSVPs](Generator), [Bluesky's posts](posts) a web server's [requests],
//! and [clicks] on short links. The rest is what they share: the server, the ring of messages that it keeps, the pace.
//!
//! - [`Generator`], [`posts::Generator`], [`requests::Generator`], [`clicks::Generator`] and the recordings' [`Playback`] and [`Repeated`] are plain
//!   iterators of messages, without IO and without waiting.
//! - [`Simulator`] sends their messages to websocket clients, one JSON text frame each. To a client of the
//!   RSVPs that asks with `?since_mtime=MILLISECONDS` it sends exactly the messages with a greater
//!   `mtime`, beginning with those it has kept. Posts it serves as Jetstream does, in both versions of the
//!   protocol, with filters and cursors. Clicks it serves over HTTP, as lines of an answer that does not end.
//! - [`send`](send::send) writes them where servers log to: files that are rotated, syslog, TCP.
//! - [`Control`] disturbs the stream on demand, [`Faults`] do so by themselves.
//!
//! It does not know the rest of the workspace and takes nothing from it, so what it sends is an
//! independent check of what the others understand.
//!
//! | guarantee | where |
//! | --- | --- |
//! | same seed and paced event time, same bytes | [`Generator`], [`posts::Generator`], [`requests::Generator`], [`clicks::Generator`] |
//! | an echo repeats a message with `mtime` rounded half up to the second, and changes nothing else | [`Generator`] |
//! | replaying with fresh ids and other times keeps what is an echo of what | [`Playback`], [`Repeated`] |
//! | both versions of the protocol say the same of an event | [`posts::Event`] |
//! | what a client missed is kept for it to ask for, within half of the resume buffer | [`Simulator`] |
//! | a slow client slows the stream down and loses nothing | [`Simulator`] |

mod bursts;
pub mod cli;
pub mod clicks;
mod clock;
mod config;
mod duration;
mod error;
mod json;
mod pacer;
mod payload;
pub mod posts;
mod random;
pub mod requests;
mod ring;
mod rsvps;
pub mod send;
mod server;
mod source;

pub use clock::Clock;
pub use config::{
    ClockBack, Config, EventTime, Faults, GAP_MAX_DEFAULT, Input, KEEP_ALIVE_DEFAULT, Pace,
    RATE_MAX, RESUME_BUFFER_DEFAULT, RESUME_BUFFER_MIN, RecordingsConfig, Stall,
};
pub use duration::parse_duration;
pub use error::SimulatorError;
pub use rsvps::{
    Generated, Generator, Invitation, Kind, Playback, Recording, Repeated, SyntheticConfig,
    rounded_second,
};
pub use server::{Control, Simulator, Stats};

use tokio_util::sync::CancellationToken;

/// The parameter with which a client asks the servers of a stream for what came after an event time;
/// `None` where they take no such.
pub fn resume_parameter(stream: &str) -> Option<&'static str> {
    (stream == "rsvps").then_some("since_mtime")
}

/// Binds and runs a simulator until `shutdown`.
///
/// # Errors
/// See [`Simulator::bind`] and [`Simulator::run`].
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), SimulatorError> {
    Simulator::bind(config).await?.run(shutdown).await
}
