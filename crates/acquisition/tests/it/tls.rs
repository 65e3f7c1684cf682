//! Sources behind TLS, with a certificate for `localhost` that only the tests' own authority signed.
//!
//! The files in `tls/` are good until 2126; the key of the authority was thrown away.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use pulso_acquisition::check;
use pulso_runtime::config::{Acquisition, Admission, Protocol, Source};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::{WebSocket, accept};

fn trusting() -> Acquisition {
    let path = PathBuf::from("tests/it/tls/authority.pem");
    Acquisition { trusted_certificates: Some(path), ..crate::options() }
}

fn encryption() -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

/// Answers one client on `host`, and gives whether it got as far as a websocket.
fn serve(host: &str) -> (Source, JoinHandle<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = source(host, &listener);
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(encryption()).unwrap();
        accept(StreamOwned::new(connection, stream)).is_ok_and(said_goodbye)
    });
    (source, server)
}

fn source(host: &str, listener: &TcpListener) -> Source {
    let port = listener.local_addr().unwrap().port();
    let url = format!("wss://{host}:{port}/").parse().unwrap();
    let protocol = Protocol::Websocket { resume_parameter: None };
    let resume_margin = Source::RESUME_MARGIN;
    let (name, stream, urls) = ("encrypted".into(), "rsvps".into(), vec![url]);
    let admission = Admission::default();
    Source { name, stream, urls, protocol, admission, resume_margin }
}

fn said_goodbye<S: Read + Write>(mut socket: WebSocket<S>) -> bool {
    socket.read().is_ok_and(|frame| frame.is_close())
}

async fn check_fails(source: &Source, options: &Acquisition, reason: &str) {
    let error = format!("{:#}", check(source, options).await.unwrap_err());
    assert!(error.contains(reason), "{error}");
}

#[tokio::test]
async fn a_source_with_a_certificate_of_a_trusted_authority_is_connected_to() {
    let (source, server) = serve("localhost");
    check(&source, &trusting()).await.unwrap();
    assert!(server.join().unwrap());
}

#[tokio::test]
async fn a_certificate_that_nobody_trusted_has_signed_is_refused() {
    let (source, server) = serve("localhost");
    let reason = "no authority that is trusted has signed the server's certificate";
    check_fails(&source, &crate::options(), reason).await;
    assert!(!server.join().unwrap());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (source, server) = serve("127.0.0.1");
    check_fails(&source, &trusting(), "the server's certificate is not valid: ").await;
    assert!(!server.join().unwrap());
}

#[tokio::test]
async fn a_server_without_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = source("127.0.0.1", &listener);
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    });
    check_fails(&source, &trusting(), "the server does not speak TLS").await;
    server.join().unwrap().unwrap();
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_named() {
    let source = source("localhost", &TcpListener::bind("127.0.0.1:0").unwrap());
    let missing = Acquisition { trusted_certificates: Some("no.pem".into()), ..crate::options() };
    check_fails(&source, &missing, "failed to read the certificates in `no.pem`: ").await;
}
