//! What a client sees through the proxy, with a server that counts what reaches it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use pulso_testkit::proxy::{API_KEY, BASIC, Fault, Protocol, Proxy, ProxyOptions};
use pulso_testkit::servers::Certificates;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Answers every request of a connection with `done`, and counts those that arrived complete.
fn server() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let counter = Arc::new(AtomicU64::new(0));
    let complete = Arc::clone(&counter);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if stream.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
            }
            let mut body = [0; 4];
            if stream.read_exact(&mut body).is_ok() {
                complete.fetch_add(1, Ordering::Relaxed);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
                drop(stream.get_mut().write_all(answer));
            }
        }
    });
    (address, counter)
}

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that comes back for one request.
fn ask(mut stream: impl Read + Write, authorization: &str) -> String {
    let request = format!(
        "POST /_bulk HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization}\r\n\
         Content-Length: 4\r\n\r\nbulk"
    );
    drop(stream.write_all(request.as_bytes()));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    String::from_utf8(answer).unwrap()
}

fn plain(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Makes the stream give up soon when nothing comes.
fn hasty(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream
}

#[test]
fn faults_of_http_hit_one_request_each() {
    let (upstream, complete) = server();
    let proxy = Proxy::http(&upstream);
    assert!(ask(plain(&proxy), "").ends_with("done"));
    proxy.next([
        Fault::status(429),
        Fault::CutResponse(20),
        Fault::CutRequest(30),
        Fault::Refuse,
        Fault::Stall,
    ]);
    assert!(ask(plain(&proxy), "").starts_with("HTTP/1.1 429"));
    assert_eq!(complete.load(Ordering::Relaxed), 1, "the server was not asked");
    assert_eq!(ask(plain(&proxy), "").len(), 20);
    assert_eq!(complete.load(Ordering::Relaxed), 2, "the server has done it all the same");
    for fault in ["cut", "refused"] {
        assert_eq!(ask(plain(&proxy), ""), "", "{fault}");
    }
    assert_eq!(ask(hasty(plain(&proxy)), ""), "", "stalled");
    assert_eq!(complete.load(Ordering::Relaxed), 2);
    assert!(ask(plain(&proxy), "").ends_with("done"), "passes again");
    proxy.set(Fault::status(503));
    assert!(ask(plain(&proxy), "").starts_with("HTTP/1.1 503"));
    assert!(ask(plain(&proxy), "").starts_with("HTTP/1.1 503"));
    assert_eq!(proxy.seen(), 9);
}

#[test]
fn faults_of_tcp_also_hit_open_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    let proxy = Proxy::start(ProxyOptions::new(Protocol::Tcp, &upstream));
    let mut client = plain(&proxy);
    let mut server = listener.accept().unwrap().0;
    client.write_all(b"a").unwrap();
    let mut one = [0];
    server.read_exact(&mut one).unwrap();
    proxy.set(Fault::Stall);
    server.write_all(b"b").unwrap();
    client = hasty(client);
    let stalled = client.read_exact(&mut one).unwrap_err();
    assert!(matches!(stalled.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stalled}");
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    proxy.set(Fault::Refuse);
    assert_eq!(client.read(&mut one).unwrap(), 0, "closed");
    assert_eq!(plain(&proxy).read(&mut one).unwrap(), 0, "closed at once");
    proxy.set(Fault::None);
    proxy.next([Fault::CutResponse(2)]);
    let mut client = plain(&proxy);
    listener.accept().unwrap().0.write_all(b"four").unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "fo");
}

#[test]
fn tls_and_credentials_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::write(folder.path());
    let (upstream, _) = server();
    let start = |identity| {
        Proxy::start(ProxyOptions {
            tls: Some(identity),
            authorizations: vec![BASIC, API_KEY],
            ..ProxyOptions::new(Protocol::Http, &upstream)
        })
    };
    let proxy = start(certificates.server());
    let secure = |proxy: &Proxy, ca| StreamOwned::new(client(ca), plain(proxy));
    assert!(ask(secure(&proxy, certificates.ca()), BASIC).ends_with("done"));
    assert!(ask(secure(&proxy, certificates.ca()), API_KEY).ends_with("done"));
    assert!(ask(secure(&proxy, certificates.ca()), "Basic ?").starts_with("HTTP/1.1 401"));
    assert_eq!(ask(secure(&proxy, certificates.stranger_ca()), BASIC), "", "not trusted");
    let expired = start(certificates.expired());
    assert_eq!(ask(secure(&expired, certificates.ca()), BASIC), "", "no longer trusted");
    assert!(proxy.url().starts_with("https://127.0.0.1:"));
}

fn client(ca: std::path::PathBuf) -> ClientConnection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap()
}
