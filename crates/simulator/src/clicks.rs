//! Clicks on short links to pages of the US government, as the stream 1.usa.gov had them: who comes from where, and from
//! which page, to which other.

mod config;
mod generator;
mod world;

pub use config::ClicksConfig;
pub use generator::{Click, Generator};
