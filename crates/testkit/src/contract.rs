//! What every adapter of a port must do, whatever it keeps its data in.
//!
//! Each suite takes a function that makes a fresh host, a place in which stores are opened, closed
//! and opened again. They panic at the first difference, as tests do. Suites may run with tokio's
//! time paused: they wait for events only.

mod batch_views;
mod checkpoints;
mod documents;
mod log;
mod views;

pub use batch_views::batch_views;
pub use checkpoints::{CheckpointsHost, checkpoints};
pub use documents::{document, listing};
pub use log::{LogHost, log};
pub use views::{ViewsHost, views};
