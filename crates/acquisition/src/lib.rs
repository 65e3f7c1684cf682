//! Brings messages into the log: from sources on the network, as they come, and from files and pipes.
//!
//! A message is kept as received, unless its stream says what is stored instead (access logs without whole
//! addresses); nothing is judged here. Each source reads into a buffer
//! of its own with room for so many messages and bytes, one writer takes batches out of all buffers
//! and stores them. A slow log fills the buffers, then the sources are no longer read: nothing is
//! dropped, except datagrams, of which the system drops those for which it has no room. Where the log is on a server, a
//! spool on disk takes messages while it is away. A message may come into the log twice (after a crash between storing
//! and noting it, or after a reconnect): it is then an echo.

mod buffer;
pub mod cli;
mod connection;
mod door;
mod error;
mod file;
mod follow;
mod http;
mod lines;
mod network;
mod pace;
mod push;
mod recording;
mod run;
mod senders;
mod spool;
mod state;
mod store;
mod syslog;
mod tcp;
#[cfg(test)]
mod testing;
mod throttle;
mod websocket;
mod writer;

pub use error::{Error, ListenError, TlsError};
pub use follow::check;
pub use pace::{Pace, ParsePaceError};
pub use pulso_file::{FileError, FileInput, FileReader, INPUT_HINT, LineBatch};
pub use pulso_sqlite::{Spool, SpoolLevel};
pub use recording::{Progress, Recording};
pub use run::{Input, Options, Summary, run, run_spooled};
pub use spool::{AtLimit, SpoolError, SpoolHandle, SpooledLog};
pub use state::Keeping;
pub use store::store;

/// The name of this component in metrics.
const COMPONENT: &str = "acquisition";
