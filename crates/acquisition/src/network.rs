//! Makes connections to servers: plain or encrypted.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use http::Uri;
use pulso_runtime::config::Acquisition;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;

use crate::TlsError;

/// Where connections come from; tests have one in memory.
pub(crate) trait Network: Clone + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects to the server of a url: encrypted with the schemes `wss` and `https`.
    fn dial(&self, url: &Uri) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// The real network.
#[derive(Clone)]
pub(crate) struct Tcp {
    tls: Arc<ClientConfig>,
}

impl Tcp {
    /// Trusts the certificate authorities that Mozilla trusts, and those of the configuration.
    ///
    /// The cryptography is named here: there may be several in one program, and then a default does
    /// not exist.
    pub(crate) fn new(options: &Acquisition) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = &options.trusted_certificates {
            trust(&mut roots, path)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::SetUp { source })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }
}

fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let unreadable = |source| TlsError::ReadCertificates { path: path.to_owned(), source };
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    for certificate in certificates {
        let refused = |source| TlsError::TrustCertificate { path: path.to_owned(), source };
        roots.add(certificate).map_err(refused)?;
    }
    Ok(())
}

impl Network for Tcp {
    type Stream = MaybeTlsStream<TcpStream>;

    async fn dial(&self, url: &Uri) -> io::Result<Self::Stream> {
        let encrypted = matches!(url.scheme_str(), Some("wss" | "https"));
        let host = url.host().unwrap_or_default();
        // An address of version 6 stands in brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        if !encrypted {
            return Ok(MaybeTlsStream::Plain(stream));
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
        Ok(MaybeTlsStream::Rustls(stream))
    }
}

/// What went wrong with a connection, in words for a person: the libraries tell of their own types and
/// manuals.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "no authority that is trusted has signed the server's certificate; \
             `acquisition.trusted_certificates` names more of them"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(reason)) => {
            format!("the server's certificate is not valid: {reason}")
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            "the server does not speak TLS; is its url `ws://` or `http://`?".to_owned()
        }
        _ if error.kind() == ErrorKind::UnexpectedEof => "it ended without a goodbye".to_owned(),
        _ => error.to_string(),
    }
}
