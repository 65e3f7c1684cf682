//! The stores that the configuration names, behind the ports: the one place that knows all of them.
//!
//! A log and a view store of any kind go together. The enums here only pass calls on, so that what a
//! layer does never depends on where its data are. An [`Opener`] that waits is for services, which may
//! start before their servers; commands fail at once.

mod alone;
mod elasticsearch;
pub mod embedded;
mod error;
mod kafka;
mod kibana;
mod log;
mod messages;
mod open;
mod set_up;
mod topics;
mod views;

use std::path::Path;

pub use alone::{OwnLog, OwnStores, OwnViews};
pub use error::StoreError;
pub use log::{LogReader, LogWriter, Reading};
pub use messages::Messages;
pub use open::Opener;
pub use pulso_sqlite::{Alone, Waiting};
pub use set_up::{check_log, check_views, retain_log, set_up};
pub use topics::Topic;
pub use views::{CheckpointStore, DeadLetters, ViewReader, ViewStore};

/// Calls the same on whichever store it is: the embedded one, or that of the server.
macro_rules! on_store {
    ($self:expr, $server:ident, $store:ident => $call:expr) => {
        match $self {
            Self::Embedded($store) => Ok($call.await?),
            Self::$server($store) => Ok($call.await?),
        }
    };
}
use on_store;

/// Makes a directory of this machine for a store, if it is missing.
///
/// # Errors
/// When this user may not.
pub fn make(directory: &Path) -> Result<(), StoreError> {
    let path = directory.to_owned();
    std::fs::create_dir_all(directory).map_err(|source| StoreError::MakeDirectory { path, source })
}
