//! Meetup's RSVPs: a generator, and recordings that are played or repeated.

mod config;
mod generated;
mod generator;
mod invitations;
mod recording;
mod world;

pub use config::SyntheticConfig;
pub use generated::{Generated, Kind, rounded_second};
pub use generator::Generator;
pub use invitations::Invitation;
pub(crate) use invitations::Invitations;
pub use recording::{Playback, Recording, Repeated};
