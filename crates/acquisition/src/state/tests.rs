//! Sources are paused and resumed while they are followed.

use std::io::Write;
use std::net::TcpStream;

use futures::{SinkExt, StreamExt};
use pulso_model::WallTime;
use pulso_runtime::config::{FilesFrom, Listening, Protocol, Source, SyslogTransport};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::*;
use crate::Input;
use crate::testing::{Running, options, payload, payloads, source};

/// A folder in which sources are paused.
struct Folder {
    _directory: tempfile::TempDir,
    keeping: Keeping,
}

impl Folder {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sources = Sources::in_folder(directory.path());
        Self { _directory: directory, keeping: Keeping { sources, health: Health::default() } }
    }

    fn start(&self, source: Source) -> Running {
        let keeping = Some(self.keeping.clone());
        Running::start_kept(Vec::new(), vec![Input::Source(source)], options(), keeping)
    }

    /// Waits until acquisition says that it is so.
    async fn told(&self, holds: impl Fn(&SourceState) -> bool) {
        while !self.keeping.sources.state("a").unwrap().is_some_and(|state| holds(&state)) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn pause(&self) {
        self.keeping.sources.pause("a", WallTime(0)).unwrap();
        self.told(|state| state.paused_since.is_some()).await;
    }

    async fn resume(&self) {
        self.keeping.sources.resume("a").unwrap();
        self.told(|state| state.paused_since.is_none()).await;
    }
}

#[tokio::test]
async fn a_paused_connection_is_closed_and_goes_on_at_its_cursor() {
    let folder = Folder::new();
    let mut running = folder.start(source("a"));
    let mut socket = running.attempt().await.accept().await;
    socket.send(Frame::text(payload(1))).await.unwrap();
    running.stored(1).await;
    folder.keeping.sources.pause("a", WallTime(0)).unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_close());
    drop(socket);
    folder.told(|state| state.paused_since.is_some()).await;
    assert!(!running.has_attempt());
    let paused = folder.keeping.health.paused_sources();
    assert_eq!(paused["a"], "1970-01-01T00:00:00.000Z");
    assert_eq!(folder.keeping.health.missing().len(), 0, "nothing is wrong");
    folder.resume().await;
    assert!(folder.keeping.health.paused_sources().is_empty());
    let attempt = running.attempt().await;
    assert_eq!(attempt.url.query(), Some("x=y&since_mtime=990"));
    let mut socket = attempt.accept().await;
    socket.send(Frame::text(payload(2))).await.unwrap();
    assert_eq!(running.stored(1).await, [payload(2)]);
    folder.told(|state| state.counts.read == 2).await;
    running.stop(2).await;
}

#[tokio::test]
async fn a_source_that_is_paused_at_the_start_is_not_read_and_can_be_stopped() {
    let folder = Folder::new();
    folder.keeping.sources.pause("a", WallTime(0)).unwrap();
    let running = folder.start(source("a"));
    folder.told(|state| state.paused_since.is_some()).await;
    assert!(!running.has_attempt());
    running.stop(0).await;
    assert!(folder.keeping.sources.paused_since("a").unwrap().is_some(), "it stays so");
}

#[tokio::test]
async fn a_paused_file_is_not_read() {
    let (folder, directory) = (Folder::new(), tempfile::tempdir().unwrap());
    let path = directory.path().join("a.log");
    let lines = |numbers: std::ops::Range<u64>| -> String {
        numbers.map(|number| payload(number) + "\n").collect()
    };
    std::fs::write(&path, lines(0..5)).unwrap();
    let paths = vec![path.display().to_string()];
    let protocol = Protocol::File { paths, from: FilesFrom::Start };
    folder.keeping.sources.pause("a", WallTime(0)).unwrap();
    let mut running = folder.start(Source { urls: Vec::new(), protocol, ..source("a") });
    folder.told(|state| state.paused_since.is_some()).await;
    assert_eq!(running.log.messages(), []);
    folder.resume().await;
    assert_eq!(running.stored(5).await, payloads(0..5));
    folder.pause().await;
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(lines(5..9).as_bytes()).unwrap();
    assert_eq!(running.log.messages().len(), 5);
    folder.resume().await;
    assert_eq!(running.stored(4).await, payloads(5..9));
    running.stop(9).await;
}

/// Senders wait, and lose nothing.
#[tokio::test(flavor = "multi_thread")]
async fn paused_senders_have_to_wait() {
    for syslog in [false, true] {
        let folder = Folder::new();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listening = Listening::plain(free);
        let protocol = match syslog {
            false => Protocol::Tcp(listening),
            true => Protocol::Syslog(SyslogTransport::Tcp(listening)),
        };
        let mut running = folder.start(Source { urls: Vec::new(), protocol, ..source("a") });
        let connect = || loop {
            match TcpStream::connect(free) {
                Ok(stream) => break stream,
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let mut before = connect();
        writeln!(before, "{}", payload(1)).unwrap();
        assert_eq!(running.stored(1).await, [payload(1)]);
        folder.pause().await;
        writeln!(before, "{}", payload(2)).unwrap();
        let mut during = connect();
        writeln!(during, "{}", payload(3)).unwrap();
        assert_eq!(running.log.messages().len(), 1);
        folder.resume().await;
        let mut stored = running.stored(2).await;
        stored.sort();
        assert_eq!(stored, payloads(2..4));
        running.stop(3).await;
    }
}
