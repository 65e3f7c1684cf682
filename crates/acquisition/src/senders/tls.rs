//! What senders are shown that connect with TLS.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use pulso_runtime::config::ServerTls;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::ListenError;

/// Senders need no certificate of their own.
pub(super) fn acceptor(files: &ServerTls) -> Result<TlsAcceptor, ListenError> {
    let ServerTls { certificate, key } = files;
    let unreadable = |source| ListenError::ReadCertificate { path: certificate.clone(), source };
    let certificates = CertificateDer::pem_file_iter(certificate).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|source| ListenError::ReadKey { path: key.clone(), source })?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(certificates, private))
        .map_err(|source| ListenError::Mismatch { key: key.clone(), source })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Why a handshake failed, in words for a person.
pub(super) fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS".to_owned(),
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("it refused the server's certificate, or another part of TLS: {alert:?}")
        }
        _ if error.kind() == ErrorKind::UnexpectedEof => "it left during the handshake".to_owned(),
        _ => error.to_string(),
    }
}
