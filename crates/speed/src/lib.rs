//! The speed layer: log -> decode -> echo removal -> panes -> windows -> realtime views.
//!
//! [`Processor`] is the pure part: batches of records in, documents out. [`run`] moves the records
//! and keeps the order that makes it exact: a checkpoint is saved only after every document that
//! depends on it is acknowledged (P1), and after any error or crash the log is read again from the
//! last checkpoint, which writes the same documents again under the same ids (P2).

pub mod cli;
mod config;
mod error;
mod health;
mod idle;
mod processor;
mod render;
mod run;
mod state;

pub use config::settings;
pub use error::SpeedError;
pub use processor::{Processed, Processor, StreamSettings};
pub use run::{Options, Status, run};
pub use state::{ChangedSettings, RestoreError};
