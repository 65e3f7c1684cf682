//! Bluesky's posts, as the server Jetstream sends them: a generator, and both versions of the
//! server's protocol.

mod config;
mod event;
mod generator;
pub(crate) mod subscription;
mod world;

pub use config::PostsConfig;
pub use event::{Event, Kind, Protocol};
pub use generator::Generator;
