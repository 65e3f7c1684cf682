//! A stand-in for Meetup's RSVP stream: a websocket server that plays recordings or generates a
//! realistic stream.
//!
//! - [`Generator`] and the recordings' [`Playback`] and [`Repeated`] are plain iterators of messages, without IO and
//!   without waiting.
//! - [`Simulator`] sends their messages to websocket clients, one JSON text frame each. To a client that asks with
//!   `?since_mtime=MILLISECONDS` it sends exactly the messages with a greater `mtime`, beginning with those it has kept.
//! - [`Control`] disturbs the stream on demand, [`Faults`] do so by themselves.
//!
//! It does not know the rest of the workspace and takes nothing from it, so what it sends is an
//! independent check of what the others understand.
//!
//! | guarantee | where |
//! | --- | --- |
//! | same seed and paced event time, same bytes | [`generator`](Generator) |
//! | an echo repeats a message with `mtime` rounded half up to the second, and changes nothing else | [`Generator`] |
//! | replaying with fresh ids and other times keeps what is an echo of what | [`Playback`], [`Repeated`] |
//! | what a client missed is kept for it to ask for, within half of the resume buffer | [`Simulator`] |
//! | a slow client slows the stream down and loses nothing | [`Simulator`] |

mod bursts;
pub mod cli;
mod clock;
mod config;
mod duration;
mod error;
mod json;
mod pacer;
mod random;
mod ring;
mod rsvps;
mod server;
mod source;

pub use clock::Clock;
pub use config::{
    Config, EventTime, Faults, GAP_MAX_DEFAULT, Input, Pace, RATE_MAX, RESUME_BUFFER_DEFAULT,
    RESUME_BUFFER_MIN, RecordingsConfig, Stall,
};
pub use duration::parse_duration;
pub use error::SimulatorError;
pub use rsvps::{
    Generated, Generator, Kind, Playback, Recording, Repeated, SyntheticConfig, rounded_second,
};
pub use server::{Control, Simulator, Stats};

use tokio_util::sync::CancellationToken;

/// Binds and runs a simulator until `shutdown`.
///
/// # Errors
/// See [`Simulator::bind`] and [`Simulator::run`].
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), SimulatorError> {
    Simulator::bind(config).await?.run(shutdown).await
}
