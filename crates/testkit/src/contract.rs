//! What every adapter of a port must do, wherever it keeps its data.
//!
//! Each suite takes a function that makes a new host: a place in which stores are opened, closed
//! and opened again. Like tests, suites panic at the first difference. They may run with tokio's
//! time paused, because they wait only for events.

mod aggregation;
mod amend;
mod batch_views;
mod checkpoints;
mod documents;
mod log;
mod views;

pub use aggregation::aggregation;
pub use amend::{AmendHost, amend};
pub use batch_views::batch_views;
pub use checkpoints::{CheckpointsHost, checkpoints};
pub use documents::{document, listing};
pub use log::{LogHost, log};
pub use views::{ViewsHost, views};
