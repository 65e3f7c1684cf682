//! Makes connections: plain or encrypted, each within a time limit.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use pulso_runtime::config::{Acquisition, Source, shown_url};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

use super::protocol::{Protocol, Request, Start};
use super::session::{Lost, say_goodbye};
use crate::TlsError;

/// Where connections come from; tests have one in memory.
pub(crate) trait Network: Clone + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn connect(
        &self,
        request: &Request,
        config: WebSocketConfig,
    ) -> impl Future<Output = Result<WebSocketStream<Self::Stream>, tungstenite::Error>> + Send;
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

    async fn connect(
        &self,
        request: &Request,
        config: WebSocketConfig,
    ) -> Result<WebSocketStream<Self::Stream>, tungstenite::Error> {
        let connector = match request.url.scheme_str() {
            Some("wss") => Connector::Rustls(Arc::clone(&self.tls)),
            _ => Connector::Plain,
        };
        let connecting = tokio_tungstenite::connect_async_tls_with_config(
            request.handshake(),
            Some(config),
            true,
            Some(connector),
        );
        connecting.await.map(|(socket, _)| socket)
    }
}

/// Connects, or says within the time limit why not.
pub(super) async fn open<N: Network>(
    network: &N,
    request: &Request,
    options: &Acquisition,
) -> Result<WebSocketStream<N::Stream>, Lost> {
    let bytes_max = Some(options.message_bytes_max.as_usize());
    let config = WebSocketConfig::default().max_message_size(bytes_max).max_frame_size(bytes_max);
    let limit = options.connect_timeout;
    match timeout(limit, network.connect(request, config)).await {
        Err(_) => Err(Lost::ConnectTimeout { limit }),
        Ok(Err(error)) => Err(Lost::from_handshake(&error)),
        Ok(Ok(socket)) => Ok(socket),
    }
}

impl Request {
    /// What the library is to send.
    pub(crate) fn handshake(&self) -> ClientRequestBuilder {
        let request = ClientRequestBuilder::new(self.url.clone());
        self.subprotocol.into_iter().fold(request, ClientRequestBuilder::with_sub_protocol)
    }
}

/// Connects to all servers of a source and hangs up again; for a look at whether the configuration works.
///
/// # Errors
/// Why there is no connection.
pub async fn check(source: &Source, options: &Acquisition) -> anyhow::Result<()> {
    let (network, protocol) = (Tcp::new(options)?, Protocol::of(source));
    for url in &source.urls {
        let socket = open(&network, &protocol.request(url, Start::Live), options).await;
        let socket = match source.urls.len() {
            1 => socket?,
            _ => socket.with_context(|| shown_url(url))?,
        };
        say_goodbye(socket).await;
    }
    Ok(())
}
