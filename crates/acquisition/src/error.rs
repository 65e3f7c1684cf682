//! Why acquisition fails.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use pulso_pipeline::AdapterError;
use pulso_runtime::config::SecretError;
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
    #[error("failed to start source `{name}`")]
    Listen { name: Arc<str>, source: ListenError },
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

/// Why nobody can connect, or send, to a source.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("failed to listen on `{address}`")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("failed to read the token of senders")]
    Token { source: SecretError },
    #[error("failed to read the server's certificate in `{}`", path.display())]
    ReadCertificate { path: PathBuf, source: pem::Error },
    #[error("failed to read the server's key in `{}`", path.display())]
    ReadKey { path: PathBuf, source: pem::Error },
    #[error("`{}` is not the key of the server's certificate", key.display())]
    Mismatch { key: PathBuf, source: rustls::Error },
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
            Self::Listen { source, .. } => source.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } | Self::LastStored { source, .. } => source.hint(),
            Self::File(FileError::Read { .. } | FileError::GoBack) => Some(READ_HINT.to_owned()),
            Self::File(error) => AdapterError::hint(error),
            Self::Tls(error) => error.hint(),
            Self::Listen { source, .. } => source.hint(),
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

impl Explain for ListenError {
    fn exit(&self) -> Exit {
        match self {
            Self::Bind { .. } => Exit::Unavailable,
            Self::Token { .. }
            | Self::ReadCertificate { .. }
            | Self::ReadKey { .. }
            | Self::Mismatch { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Bind { source, .. } => match source.kind() {
                ErrorKind::AddrInUse => {
                    "another program or source listens there, perhaps this service itself: stop it, or choose another port in the source's `listen`"
                }
                ErrorKind::PermissionDenied => {
                    "ports below 1024 need a right (CAP_NET_BIND_SERVICE): choose a higher one in the source's `listen`"
                }
                _ => {
                    "let the source's `listen` name an address of this machine; `0.0.0.0` and `[::]` are all of them"
                }
            },
            Self::Token { source } => source.hint(),
            Self::ReadCertificate { .. } => {
                "set the source's `tls_certificate` to a PEM file with `-----BEGIN CERTIFICATE-----` in it"
            }
            Self::ReadKey { .. } => {
                "set the source's `tls_key` to a PEM file with `-----BEGIN PRIVATE KEY-----` in it, without a password"
            }
            Self::Mismatch { .. } => {
                "name files that were made together in the source's `tls_certificate` and `tls_key`"
            }
        };
        Some(hint.to_owned())
    }
}
