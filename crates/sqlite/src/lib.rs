//! The embedded log, views and checkpoints: one SQLite file for the log, one for the rest. And a spool,
//! where messages wait for a log that is away.
//!
//! The only crate that names `rusqlite`. Adapters only: when to write, retry or stop is decided by
//! the layers; an error here tells them whether trying again can help, and a person what to do.
//!
//! SQLite calls block, so every operation runs as one job on the runtime's blocking threads. A job
//! is at most one transaction, and once begun it runs to its end, also when the future that asked
//! for it is dropped: nothing is ever half done.

mod checkpoints;
mod database;
mod error;
mod log;
mod spool;
mod views;

pub use checkpoints::CheckpointStore;
pub use database::Contents;
pub use error::Error;
pub use log::{Log, LogSource};
pub use spool::{Appended, Spool, SpoolLevel, Spooled};
pub use views::{ViewReader, ViewStore};
