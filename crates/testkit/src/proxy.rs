//! A proxy between a client and a server that does what networks and servers do on a bad day.
//!
//! It also stands in for the security that the core server of Elasticsearch lacks: TLS with a given
//! certificate, and credentials. It runs on a thread of its own, so it works under any test, and
//! ends when it is dropped. Faults are asked for while it runs: [`Proxy::set`], [`Proxy::next`].

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
    /// Nothing: it passes.
    None,
    /// The connection is closed at once; with TCP also those that are open.
    Refuse,
    /// Nothing is passed, in either direction, nor closed until the stall is over; with TCP also of
    /// connections that are open. What a stall held back is lost.
    Stall,
    /// Closed after so many bytes towards the server; it may have done a part of the work.
    CutRequest(u64),
    /// Closed after so many bytes towards the client; the server has done all of the work.
    CutResponse(u64),
    /// The proxy answers itself, so the server does nothing (HTTP only).
    Answer { status: u16, headers: &'static str, body: String },
}

impl Fault {
    /// An answer with a status alone, such as 429 or 503.
    pub fn status(status: u16) -> Self {
        let body = format!(r#"{{"error":{{"type":"fault","reason":"test"}},"status":{status}}}"#);
        Self::Answer { status, headers: "", body }
    }
}

/// How a connection is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A request on each connection, which is closed after the response; faults are per request.
    Http,
    /// Bytes; faults are per connection.
    Tcp,
}

/// What stands between.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    /// `host:port` of the server.
    pub upstream: String,
    pub protocol: Protocol,
    /// Certificate and key, in PEM, to speak TLS with.
    pub tls: Option<[PathBuf; 2]>,
    /// Values of `Authorization` to let in (HTTP only); empty: all.
    pub authorizations: Vec<&'static str>,
}

impl ProxyOptions {
    /// In front of a server, by its `host:port` or `http://` URL.
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
    /// What is done to one each, before the lasting fault is looked at.
    next: Mutex<VecDeque<Fault>>,
    lasting: watch::Sender<Fault>,
    seen: AtomicU64,
}

impl Proxy {
    /// Passes everything between clients and this server, until told otherwise.
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

    /// In front of an HTTP server, without TLS.
    pub fn http(upstream: &str) -> Self {
        Self::start(ProxyOptions::new(Protocol::Http, upstream))
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("http{}://{}", if self.secure { "s" } else { "" }, self.address())
    }

    /// What happens from now on, also to what is passing now.
    pub fn set(&self, fault: Fault) {
        self.state.lasting.send_replace(fault);
    }

    /// What happens to the next requests or connections, one each; then as before.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.next.lock().unwrap().extend(faults);
    }

    /// How many requests or connections there have been.
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
    /// What happens to the one that has just come.
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
