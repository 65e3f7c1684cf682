//! Access logs of a made-up web site: what visitors, crawlers and intruders ask of it.

mod config;
mod generator;
mod world;

pub use config::{Format, RequestsConfig};
pub use generator::{Generator, Request};
