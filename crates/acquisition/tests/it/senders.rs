//! The program listens, and other programs send: what arrives, and what of it is there after the program was killed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use pulso_pipeline::{Source as _, SystemClock};
use pulso_sqlite::Log;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

/// How long the program may take for what it does in a moment.
const PATIENCE: Duration = Duration::from_mins(2);

const KILLS: usize = 10;

/// The program at work, and where its sources listen.
pub(crate) struct Program {
    child: Child,
    pub(crate) addresses: Vec<SocketAddr>,
    /// The rest of what it logs.
    logged: Option<JoinHandle<String>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Program {
    pub(crate) fn start(directory: &Path, sources: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pulso-acquisition"))
            .arg("run")
            .current_dir(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut addresses = BTreeMap::new();
        while addresses.len() < sources {
            let line = lines.next().expect("it goes on until all sources listen").unwrap();
            if line.contains("listening") {
                addresses.insert(field(&line, "source"), field(&line, "address").parse().unwrap());
            }
        }
        let logged = std::thread::spawn(move || lines.map_while(Result::ok).collect());
        Self { child, addresses: addresses.into_values().collect(), logged: Some(logged) }
    }

    /// Asks it to end, and gives what it logged.
    pub(crate) fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.logged.take().unwrap().join().unwrap()
    }
}

fn field(line: &str, name: &str) -> String {
    let (_, value) = line.split_once(&format!(" {name}=")).unwrap();
    value.split_whitespace().next().unwrap().to_owned()
}

/// A folder with these sources, by what is special about each. All may have any port.
pub(crate) fn configured(sources: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut text = "[operations]\nacquisition = \"off\"\n".to_owned();
    for (number, source) in sources.iter().enumerate() {
        let name = format!("name = \"source-{number}\"\nlisten = \"127.0.0.1:0\"");
        text.push_str(&format!("[[acquisition.sources]]\n{name}\n{source}\n"));
    }
    fs::write(directory.path().join("pulso.toml"), text).unwrap();
    directory
}

fn log(directory: &Path) -> Log {
    Log::open(&directory.join("pulso-data/log/rsvps.db"), 4, SystemClock).unwrap()
}

async fn until_stored(log: &Log, count: u64) {
    let stored = async {
        while log.end_offsets().await.unwrap().messages_before() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, stored).await.expect("all messages are stored");
}

/// What is in the log, sorted.
async fn stored(log: &Log) -> Vec<Vec<u8>> {
    let mut source = log.source(5000).unwrap();
    let end = usize::try_from(log.end_offsets().await.unwrap().messages_before()).unwrap();
    let mut stored = Vec::new();
    while stored.len() < end {
        let records = source.next_batch().await.unwrap().records;
        stored.extend(records.into_iter().map(|record| record.payload.to_vec()));
    }
    stored.sort();
    stored
}

fn text(stored: Vec<Vec<u8>>) -> Vec<String> {
    stored.into_iter().map(|message| String::from_utf8(message).unwrap()).collect()
}

/// Sends numbered lines until nobody takes them; gives how many it began to send.
fn keep_sending(address: SocketAddr, connection: usize) -> JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut waiting = Vec::new();
        for number in 0.. {
            waiting.extend_from_slice(format!("{connection} {number}\n").as_bytes());
            // In pieces that end anywhere.
            let piece = 1 + (number * 31 + connection) % 999;
            if waiting.len() > piece {
                if stream.write_all(&waiting[..piece]).is_err() {
                    return number + 1;
                }
                waiting.drain(..piece);
            }
        }
        unreachable!("it sends for ever")
    })
}

#[tokio::test]
async fn what_is_in_the_log_after_a_kill_is_the_beginning_of_what_each_connection_sent() {
    let directory = configured(&["protocol = \"tcp\""]);
    let mut sent = Vec::new();
    for kill in 1..=KILLS {
        let program = Program::start(directory.path(), 1);
        let senders: Vec<_> =
            (0..4).map(|sender| keep_sending(program.addresses[0], 4 * kill + sender)).collect();
        let log = log(directory.path());
        let before = log.end_offsets().await.unwrap().messages_before();
        until_stored(&log, before + 1 + 700 * kill as u64).await;
        drop(program);
        sent.extend(senders.into_iter().map(|sender| sender.join().unwrap()));
    }
    let stored = text(stored(&log(directory.path())).await);
    let mut numbers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for line in &stored {
        let (connection, number) = line.split_once(' ').unwrap();
        numbers.entry(connection.parse().unwrap()).or_default().push(number.parse().unwrap());
    }
    for (connection, mut numbers) in numbers {
        numbers.sort_unstable();
        assert_eq!(numbers, (0..numbers.len()).collect::<Vec<_>>(), "{connection}");
        assert!(numbers.len() <= sent[connection - 4], "{connection}");
    }
}

#[tokio::test]
async fn many_connections_garbage_and_a_line_of_16_mib_are_all_stored() {
    let directory = configured(&["protocol = \"tcp\"\nconnections_max = 100"]);
    let program = Program::start(directory.path(), 1);
    let address = program.addresses[0];
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(b"half a line").unwrap();
    let sender = move |sender: usize| {
        std::thread::spawn(move || {
            for connection in 0..10 {
                let mut stream = TcpStream::connect(address).unwrap();
                let garbage = [b"\x16\x03\x01\0\xff\xfe\0".as_slice(), b"\xf0\x9f\n"].concat();
                stream.write_all(&garbage).unwrap();
                stream.write_all(format!("{sender} {connection}").as_bytes()).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            }
        })
    };
    let senders: Vec<_> = (0..30).map(sender).collect();
    let mut long = TcpStream::connect(address).unwrap();
    long.write_all(&vec![b'x'; 20 * 1024 * 1024]).unwrap();
    long.write_all(b"\nafter it\n").unwrap();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let log = log(directory.path());
    until_stored(&log, 602).await;
    half.write_all(b", and its end\n").unwrap();
    until_stored(&log, 603).await;
    let logged = program.stop();
    assert!(logged.contains("cut off the rest of a message that is too long"), "{logged}");
    let stored = stored(&log).await;
    let count = |wanted: &[u8]| stored.iter().filter(|message| *message == wanted).count();
    assert_eq!(count(b"\x16\x03\x01\0\xff\xfe\0\xf0\x9f"), 300);
    assert_eq!((count(b"29 9"), count(b"after it")), (1, 1));
    assert_eq!(count(b"half a line, and its end"), 1);
    assert_eq!(stored.iter().map(Vec::len).max(), Some(16 * 1024 * 1024));
}

/// Runs a program that sends, if this machine has it.
fn send(program: &str, args: &[&str], input: &str) -> bool {
    let child =
        Command::new(program).args(args).stdin(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no `{program}`");
        return false;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program} {args:?}");
    true
}

#[tokio::test]
async fn what_nc_and_logger_send_is_stored_as_it_was_given_to_them() {
    let syslog = "protocol = \"syslog\"\ntransport =";
    let (tcp, udp) = (format!("{syslog} \"tcp\""), format!("{syslog} \"udp\""));
    let directory = configured(&["protocol = \"tcp\"", &tcp, &udp]);
    let program = Program::start(directory.path(), 3);
    let ports: Vec<_> = program.addresses.iter().map(|it| it.port().to_string()).collect();
    let mut expected = Vec::new();
    if send("nc", &["-N", "127.0.0.1", &ports[0]], "{\"a\": 1}\r\ntwo\nthree") {
        expected.extend(["{\"a\": 1}", "two", "three"].map(str::to_owned));
    }
    let ways: [(usize, &[&str]); 7] = [
        (1, &["--tcp", "--rfc5424"]),
        (1, &["--tcp", "--rfc5424", "--octet-count"]),
        (1, &["--tcp", "--rfc3164"]),
        (1, &["--tcp", "--rfc3164", "--octet-count", "--id=7"]),
        (2, &["--udp", "--rfc5424", "--sd-id", "a@1", "--sd-param", "b=\"c\\\"\\] d\""]),
        (2, &["--udp", "--rfc5424=notime,notq,nohost", "--msgid", "x"]),
        (2, &["--udp", "--rfc3164", "--id=7", "-t", "nginx"]),
    ];
    for (number, (source, way)) in ways.into_iter().enumerate() {
        let lines = [format!("{number} said: \"ü\" [x] - "), format!("{{\"number\": {number}}}")];
        for line in &lines {
            let to = ["--server", "127.0.0.1", "--port", &ports[source]];
            if send("logger", &[way, &to, &["--", line]].concat(), "") {
                expected.push(line.clone());
            }
        }
    }
    let log = log(directory.path());
    until_stored(&log, expected.len() as u64).await;
    program.stop();
    expected.sort();
    assert_eq!(text(stored(&log).await), expected);
}

fn tls_files(certificate: &str) -> String {
    let folder = std::env::current_dir().unwrap().join("tests/it/tls");
    let key = folder.join("server.key");
    let certificate = folder.join(certificate);
    format!("tls_certificate = {certificate:?}\ntls_key = {key:?}")
}

/// A connection of a sender that trusts these authorities.
fn encrypted(address: SocketAddr, trusts: bool) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    if trusts {
        let authority = include_bytes!("tls/authority.pem");
        roots.add(CertificateDer::from_pem_slice(authority).unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

#[tokio::test]
async fn senders_may_use_tls_and_none_without_it_is_heard() {
    let files = tls_files("server.pem");
    let directory = configured(&[
        &format!("protocol = \"tcp\"\n{files}"),
        &format!("protocol = \"syslog\"\ntransport = \"tcp\"\n{files}"),
    ]);
    let program = Program::start(directory.path(), 2);
    let [lines, syslog] = program.addresses[..] else { panic!("not two sources") };
    // One that does not trust the certificate, and one that has not heard of TLS.
    encrypted(lines, false).write_all(b"never\n").unwrap_err();
    let mut plain = TcpStream::connect(lines).unwrap();
    plain.write_all(b"never, as there is no TLS here\n").unwrap();
    plain.read_to_end(&mut Vec::new()).ok();
    // One with a goodbye and one without.
    let mut sender = encrypted(lines, true);
    sender.write_all(b"one\ntwo").unwrap();
    sender.conn.send_close_notify();
    sender.flush().unwrap();
    let mut hasty = encrypted(lines, true);
    hasty.write_all(b"three").unwrap();
    hasty.flush().unwrap();
    drop(hasty);
    let mut sender = encrypted(syslog, true);
    // RFC 5425: always with its length.
    sender.write_all(b"26 <13>1 - - - - - - \xef\xbb\xbffour\n").unwrap();
    sender.flush().unwrap();
    let log = log(directory.path());
    until_stored(&log, 4).await;
    let logged = program.stop();
    assert!(logged.contains("a sender could not connect with TLS"), "{logged}");
    assert_eq!(text(stored(&log).await), ["four", "one", "three", "two"]);
}

/// Gives the exit code, and what went to both outputs.
fn fails(directory: &Path, command: &str) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pulso-acquisition"));
    let output = program.arg(command).current_dir(directory).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn what_keeps_a_source_from_listening_is_said_with_what_to_do() {
    let check = |directory: &TempDir, code: i32, message: &str, hint: &str| {
        let (found, said) = fails(directory.path(), "run");
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(&format!("failed to start source `source-0`: {message}")), "{said}");
        assert!(said.contains(&format!("hint: {hint}")), "{said}");
        let (found, said) = fails(directory.path(), "check");
        assert_eq!(found, Some(3), "{said}");
        assert!(said.contains(&format!("source-0: {message}")), "{said}");
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let with = |text: &str| {
        let directory = configured(&["protocol = \"tcp\""]);
        let path = directory.path().join("pulso.toml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, config.replace("protocol = \"tcp\"", text)).unwrap();
        directory
    };
    let in_use = with("protocol = \"tcp\"");
    let path = in_use.path().join("pulso.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("127.0.0.1:0", &address.to_string())).unwrap();
    check(
        &in_use,
        3,
        &format!("failed to listen on `{address}`: "),
        "another program or source listens there",
    );
    drop(taken);
    let (code, said) = fails(in_use.path(), "check");
    assert_eq!((code, said.lines().last()), (Some(0), Some("source-0: ok")), "{said}");
    check(
        &with("protocol = \"tcp\"\ntls_certificate = \"no.pem\"\ntls_key = \"no.key\""),
        2,
        "failed to read the server's certificate in `no.pem`: ",
        "set the source's `tls_certificate`",
    );
    check(
        &with(&format!("protocol = \"tcp\"\n{}", tls_files("authority.pem"))),
        2,
        "`/",
        "name files that were made together",
    );
}
