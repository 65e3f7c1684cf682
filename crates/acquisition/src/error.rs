//! Why acquisition ends other than well.

use std::path::PathBuf;
use std::sync::Arc;

use pulso_pipeline::AdapterError;
use rustls::pki_types::pem;

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
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why no source at all can be reached by `wss`.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("failed to set up TLS")]
    SetUp { source: rustls::Error },
    #[error("failed to read the certificates in `{}`", path.display())]
    ReadCertificates { path: PathBuf, source: pem::Error },
    #[error("failed to trust a certificate in `{}`", path.display())]
    TrustCertificate { path: PathBuf, source: rustls::Error },
}
