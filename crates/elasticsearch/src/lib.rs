//! Views and checkpoints in Elasticsearch 8 and 9; the only crate that speaks to it.
//!
//! Adapters only: when to stop is decided by the layers; an error here tells them whether trying
//! again can help, and a person what to do. Which layer answers for a day is kept nowhere but in the
//! aliases of the indices, which the cluster changes in one step; see `names`.

mod batch_views;
mod bulk;
mod checkpoints;
mod connection;
mod encode;
mod error;
mod indices;
mod names;
mod request;
mod response;
mod retention;
mod retry;
mod scan;
mod set_up;
mod sink;
mod state;
mod store;
mod templates;
mod views;

pub use checkpoints::CheckpointStore;
pub use connection::{Connection, Credentials};
pub use error::{Error, Operation, Refusal};
pub use store::{Options, Refresh, ViewStore};
pub use templates::{TEMPLATE_VERSION, templates};
