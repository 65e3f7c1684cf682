//! The embedded log, views and checkpoints: one SQLite file for the log, one for the rest. And a
//! spool, where messages wait while a log is unavailable.
//!
//! This is the only crate that names `rusqlite`, and it contains adapters only. The layers decide
//! when to write, retry or stop; an error tells them whether a retry can help, and tells a person
//! what to do.
//!
//! SQLite calls block, so every operation runs as one job on the runtime's blocking threads. A job
//! is at most one transaction. Once begun, one that writes runs to its end even if the future that
//! requested it is dropped, so nothing is ever half done; one that reads is broken off.

mod alone;
mod checkpoints;
mod database;
mod error;
mod log;
mod spool;
mod views;

pub use alone::{Alone, Waiting};
pub use checkpoints::CheckpointStore;
pub use database::Contents;
pub use error::Error;
pub use log::{Log, LogSource, SourceState};
pub use spool::{Appended, Spool, SpoolLevel, Spooled};
pub use views::{ViewReader, ViewStore};
