//! Why acquisition fails.

use std::path::PathBuf;
use std::sync::Arc;

use pulso_pipeline::AdapterError;
use pulso_runtime::{Exit, Explain};
use rustls::pki_types::pem;

use crate::FileError;

/// `E` is the error of the log. What goes wrong with a connection is not in here: it is made again.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: AdapterError> {
    /// The messages in question, and any others still in the buffers, are not stored.
    #[error("failed to store {count} messages")]
    Store { count: usize, source: E },
    #[error("failed to look up where to resume source `{name}`")]
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

const CERTIFICATES_HINT: &str = "set `acquisition.trusted_certificates` to a PEM file, one with \
     `-----BEGIN CERTIFICATE-----` in it";

const READ_HINT: &str = "all lines before that are stored; repair the file and read all of it again: \
     what is stored twice counts once";

impl<E: AdapterError> Explain for Error<E> {
    fn exit(&self) -> Exit {
        match self {
            Self::Store { source, .. } | Self::LastStored { source, .. } => source.kind().into(),
            Self::File(error) => error.kind().into(),
            Self::Tls(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } | Self::LastStored { source, .. } => source.hint(),
            Self::File(FileError::Read { .. } | FileError::GoBack) => Some(READ_HINT.to_owned()),
            Self::File(error) => AdapterError::hint(error),
            Self::Tls(error) => error.hint(),
        }
    }
}

impl Explain for TlsError {
    fn exit(&self) -> Exit {
        match self {
            Self::SetUp { .. } => Exit::Internal,
            Self::ReadCertificates { .. } | Self::TrustCertificate { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::SetUp { .. } => None,
            Self::ReadCertificates { .. } | Self::TrustCertificate { .. } => {
                Some(CERTIFICATES_HINT.to_owned())
            }
        }
    }
}
