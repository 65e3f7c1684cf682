//! A proxy between a client and a server that injects the faults of networks and servers.
//!
//! It also stands in for the security features that the core server of Elasticsearch lacks: TLS
//! with a given certificate, and credentials. It runs on its own thread, so it works under any
//! test, and ends when it is dropped. [`Proxy::set`] and [`Proxy::next`] inject faults while it
//! runs.

mod http;
mod tcp;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// The `Authorization` of the user `pulso` with the password `right-password`.
pub const BASIC: &str = "Basic cHVsc286cmlnaHQtcGFzc3dvcmQ=";
/// The `Authorization` of the API key with the encoded form that follows the word.
pub const API_KEY: &str = "ApiKey a2V5LWlkOnJpZ2h0LWtleQ==";

/// What happens to a request (HTTP) or a connection (TCP).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// The connection is closed at once; with TCP, open connections are too.
    Refuse,
    /// Nothing passes in either direction, and nothing is closed, until the stall is over; with TCP
    /// this includes open connections. Whatever a stall held back is lost.
    Stall,
    /// The connection is closed after this many bytes towards the server, which may have done part
    /// of the work.
    CutRequest(u64),
    /// The connection is closed after this many bytes towards the client. The server has done all
    /// of the work.
    CutResponse(u64),
    /// The proxy answers itself, so the server does nothing (HTTP only).
    Answer { status: u16, headers: &'static str, body: String },
}

impl Fault {
    /// An answer that consists only of a status, such as 429 or 503.
    pub fn status(status: u16) -> Self {
        let body = format!(r#"{{"error":{{"type":"fault","reason":"test"}},"status":{status}}}"#);
        Self::Answer { status, headers: "", body }
    }
}

/// How the proxy interprets a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Each connection carries one request and is closed after the response. Faults are per
    /// request.
    Http,
    /// Plain bytes. Faults are per connection.
    Tcp,
}

/// What a proxy stands in front of, and how.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// `host:port` of the server.
    pub upstream: String,
    pub protocol: Protocol,
    /// The certificate and key for TLS, in PEM.
    pub tls: Option<[PathBuf; 2]>,
    /// The values of `Authorization` to accept (HTTP only). Empty accepts all.
    pub authorizations: Vec<&'static str>,
}

impl ProxyOptions {
    /// A proxy in front of a server, given by its `host:port` or `http://` URL.
    pub fn new(protocol: Protocol, upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { upstream, protocol, tls: None, authorizations: Vec::new() }
    }
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    secure: bool,
    state: Arc<State>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    options: ProxyOptions,
    /// Faults for the next requests or connections, one each. They come before the lasting fault.
    next: Mutex<VecDeque<Fault>>,
    lasting: watch::Sender<Fault>,
    seen: AtomicU64,
}

impl Proxy {
    /// Starts a proxy that passes everything until told otherwise.
    pub fn start(options: ProxyOptions) -> Self {
        let tls = options.tls.as_ref().map(acceptor);
        let secure = tls.is_some();
        let (lasting, next, seen) = (watch::Sender::new(Fault::None), Mutex::default(), 0.into());
        let state = Arc::new(State { options, next, lasting, seen });
        let (stop, stopped) = watch::channel(false);
        let (tell, port) = mpsc::channel();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(accept(shared, tls, tell, stopped));
        });
        Self { port: port.recv().unwrap(), secure, state, stop }
    }

    /// Starts a proxy in front of an HTTP server, without TLS.
    pub fn http(upstream: &str) -> Self {
        Self::start(ProxyOptions::new(Protocol::Http, upstream))
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("http{}://{}", if self.secure { "s" } else { "" }, self.address())
    }

    /// Sets the fault from now on, also for what is passing now.
    pub fn set(&self, fault: Fault) {
        self.state.lasting.send_replace(fault);
    }

    /// Sets the faults of the next requests or connections, one each. After them, the lasting fault
    /// applies again.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.next.lock().unwrap().extend(faults);
    }

    /// The number of requests or connections so far.
    pub fn seen(&self) -> u64 {
        self.state.seen.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl State {
    /// The fault of a request or connection that has just arrived.
    fn fault(&self) -> Fault {
        self.seen.fetch_add(1, Ordering::Relaxed);
        let next = self.next.lock().unwrap().pop_front();
        next.unwrap_or_else(|| self.lasting.borrow().clone())
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(&self.options.upstream).await
    }
}

async fn accept(
    state: Arc<State>,
    tls: Option<TlsAcceptor>,
    tell: mpsc::Sender<u16>,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell.send(listener.local_addr().unwrap().port()).unwrap();
    loop {
        let client = tokio::select! {
            client = listener.accept() => client.unwrap().0,
            _ = stopped.changed() => return,
        };
        let (state, tls) = (Arc::clone(&state), tls.clone());
        tokio::spawn(async move {
            match tls {
                // A client that does not trust the certificate goes away before it asks.
                Some(tls) => {
                    if let Ok(client) = tls.accept(client).await {
                        serve(&state, client).await;
                    }
                }
                None => serve(&state, client).await,
            }
        });
    }
}

async fn serve(state: &State, client: impl AsyncRead + AsyncWrite + Unpin) {
    let served = match state.options.protocol {
        Protocol::Http => http::serve(state, client).await,
        Protocol::Tcp => tcp::serve(state, client).await,
    };
    // A connection that breaks is what this is for.
    drop(served);
}

fn acceptor([certificate, key]: &[PathBuf; 2]) -> TlsAcceptor {
    let certificates = CertificateDer::pem_file_iter(certificate).unwrap();
    let certificates = certificates.collect::<Result<Vec<_>, _>>().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, PrivateKeyDer::from_pem_file(key).unwrap());
    TlsAcceptor::from(Arc::new(config.unwrap()))
}
