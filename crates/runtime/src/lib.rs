//! What every program of Pulso needs around its `run` function: configuration, logs, metrics,
//! shutdown, retries and exit codes.
//!
//! For applications only; adapters receive plain values, never [`Config`]. Knows no layer: [`stores`]
//! opens the stores that are configured, but nothing here reads a log or writes a view.

mod app;
mod args;
mod chain;
pub mod config;
mod exit;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod operations;
mod retry;
pub mod server;
pub mod sources;
pub mod stores;
mod streams;
mod together;

pub use app::run_app;
pub use args::CommonArgs;
pub use chain::{Chain, chain};
pub use config::{ByteSize, Config, ConfigError};
pub use exit::{Exit, Explain, ExplainExt, Failure, FailureExt, report};
pub use retry::{Backoff, Retries, RetryPolicy};
pub use streams::SeveralStreams;
pub use together::{in_turn, together};
