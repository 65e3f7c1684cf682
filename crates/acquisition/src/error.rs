//! Why acquisition ends other than well.

use std::sync::Arc;

use pulso_pipeline::AdapterError;

use crate::FileError;

/// `E` is the error of the log. What goes wrong with a connection is not in here: it is made again.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: AdapterError> {
    /// The messages in question, and any others still in the buffers, are not stored.
    #[error("failed to store {count} messages")]
    Store { count: usize, source: E },
    #[error("failed to look up where source `{name}` goes on")]
    LastStored { name: Arc<str>, source: E },
    #[error(transparent)]
    File(#[from] FileError),
    #[error("failed to set up TLS")]
    Tls(#[from] rustls::Error),
}
