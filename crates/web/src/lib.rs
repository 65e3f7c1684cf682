//! The serving layer: a JSON API over the views, metrics and health, and one page that shows what is
//! trending.
//!
//! Reads through the [`Views`](pulso_pipeline::Views) port only: knows no database, computes no view
//! and writes nothing.

pub mod cli;
mod http;
mod server;

pub use http::{Facts, Options, Windows};
pub use pulso_runtime::server::{BindError, bind};
pub use server::{RunError, run};
