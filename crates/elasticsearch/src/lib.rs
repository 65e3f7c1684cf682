//! Views and checkpoints in Elasticsearch 8 and 9, and what Kibana shows of them; the only crate that
//! speaks to these two.
//!
//! Contains adapters only. The layers decide when to stop; an error tells them whether a retry can
//! help, and tells a person what to do. Only the aliases of the indices record which layer answers
//! for a day, and the cluster changes them in one step; see `names`.

mod aggregate;
mod amend;
mod batch_views;
mod bulk;
mod checkpoints;
mod connection;
mod encode;
mod error;
mod indices;
mod kibana;
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
pub use kibana::{Kibana, kibana_objects};
pub use store::{Options, Refresh, ViewStore};
pub use templates::{TEMPLATE_VERSION, templates};
