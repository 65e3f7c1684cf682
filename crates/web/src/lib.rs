//! The serving layer: a JSON API over the views, metrics and health, and pages that show any
//! stream.
//!
//! It reads only through the [`Views`](pulso_pipeline::Views) port: it knows no database, computes
//! no view and writes nothing.

pub mod cli;
mod http;
mod server;

pub use http::{Facts, Options, Progress, Served, Windows};
pub use pulso_runtime::server::{BindError, bind};
pub use server::{RunError, run};
