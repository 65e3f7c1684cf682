//! In-memory adapters: the reference for the contract suites, and the servers of fast tests.

mod aggregate;
mod log;
mod views;

pub use log::{MemoryCheckpoints, MemoryLog, MemorySource};
pub use views::MemoryViews;
