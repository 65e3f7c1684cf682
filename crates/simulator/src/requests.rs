//! Access logs of a made-up web site: what visitors, crawlers and intruders ask of it.

mod config;
mod format;
mod generator;
mod world;

pub use config::RequestsConfig;
pub use format::Format;
pub use generator::{Generator, Request};
pub(crate) use world::Browsers;
