//! A server's process: starts, waits for, holds, stops, kills and restarts it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::unique;

/// How long a server may take to start on a busy machine; an idle one needs a tenth of it.
const START: Duration = Duration::from_secs(240);
const STOP: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(50);
const LOG_LINES_MAX: usize = 30;

/// The range from which server ports are taken. It is below what operating systems give to clients,
/// so that a server that was down for a while finds its port free when it comes back.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How to start a server: the program, and what it needs besides its own arguments.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) java: PathBuf,
    pub(super) options: Vec<String>,
    pub(super) class: &'static str,
    pub(super) arguments: Vec<String>,
}

/// A server for a single test.
#[derive(Debug)]
pub(super) struct Private {
    launch: Launch,
    child: Child,
    lease: Option<TcpStream>,
    folder: TempDir,
}

impl Private {
    /// Starts a server that keeps all its files in this folder.
    pub(super) fn start(launch: Launch, folder: TempDir) -> Self {
        let token = unique("private");
        let child = launch.spawn(folder.path(), &token, 0);
        let mut server = Self { launch, child, lease: None, folder };
        server.wait(&token);
        server
    }

    fn wait(&mut self, token: &str) {
        let ready = wait_until_ready(&mut self.child, self.folder.path());
        self.lease = connect(ready, token);
        assert!(self.lease.is_some(), "the server went away at once");
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn restart(&mut self) {
        self.kill();
        let token = unique("private");
        self.child = self.launch.spawn(self.folder.path(), &token, 0);
        self.wait(&token);
    }

    /// Stops it in an orderly way and keeps its data.
    pub(super) fn stop(&mut self) {
        if let Some(mut lease) = self.lease.take() {
            lease.write_all(b"k").unwrap();
            lease.shutdown(Shutdown::Both).unwrap();
        }
        let ended = within(STOP, || self.child.try_wait().unwrap());
        assert!(ended.is_some(), "the server does not stop");
    }

    pub(super) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Kills it, as `kill -9` does.
    pub(super) fn kill(&mut self) {
        // A process that has ended already cannot be killed, which is as good.
        drop(self.child.kill());
        self.child.wait().unwrap();
        self.lease = None;
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server that several processes share, found by a file beside its jars.
#[derive(Debug)]
pub(super) struct Shared {
    address: String,
    lease: TcpStream,
}

impl Shared {
    /// Finds the running server, or starts a new one in a new folder, for which `make` returns the
    /// address and how to launch it.
    pub(super) fn find_or_start(
        place: &Path,
        linger_seconds: i64,
        make: impl FnOnce(&Path) -> (String, Launch),
    ) -> Self {
        let _lock = super::jars::lock(place);
        if let Some(shared) = Self::running(place) {
            return shared;
        }
        let token = unique("shared");
        // Not removed by this process, but by the server when it ends.
        let folder = tempfile::Builder::new().prefix("pulso-server-").tempdir().unwrap().keep();
        let (address, launch) = make(&folder);
        let mut child = launch.spawn(&folder, &token, linger_seconds);
        let ready = wait_until_ready(&mut child, &folder);
        let lease = connect(ready, &token).expect("a server that is ready tells its token");
        fs::write(place.join("shared"), format!("{address}\n{token}\n{ready}\n{}\n", child.id()))
            .unwrap();
        Self { address, lease }
    }

    pub(super) fn running(place: &Path) -> Option<Self> {
        let text = fs::read_to_string(place.join("shared")).ok()?;
        let mut lines = text.lines();
        let (address, token, port) = (lines.next()?, lines.next()?, lines.next()?);
        let lease = connect(port.parse().ok()?, token)?;
        Some(Self { address: address.to_owned(), lease })
    }

    /// Ends the running server, if there is one, for everyone who uses it.
    pub(super) fn stop(place: &Path) {
        if let Some(mut shared) = Self::running(place) {
            shared.lease.write_all(b"q").unwrap();
            within(STOP, || Self::running(place).is_none().then_some(()));
        }
    }

    /// Keeps it running even when nobody holds it.
    pub(super) fn stay(&mut self) {
        self.lease.write_all(b"s").unwrap();
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Launch {
    fn spawn(&self, folder: &Path, token: &str, linger_seconds: i64) -> Child {
        drop(fs::remove_file(folder.join("ready")));
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = Command::new(&self.java);
        command.args(&self.options);
        command.arg(format!("-Dpulso.ready={}", folder.join("ready").display()));
        command.arg(format!("-Dpulso.delete={}", folder.display()));
        command.arg(format!("-Dpulso.token={token}"));
        command.arg(format!("-Dpulso.linger={linger_seconds}"));
        command.arg(self.class).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        // A key press that ends the tests must not end a server that others use.
        command.process_group(0).spawn().unwrap()
    }
}

/// The port for connections that hold the server, once it answers.
fn wait_until_ready(child: &mut Child, folder: &Path) -> u16 {
    let found = within(START, || {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the server ended with {status}:\n{}", log(folder));
        }
        let text = fs::read_to_string(folder.join("ready")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    });
    if found.is_none() {
        drop(child.kill());
    }
    found.unwrap_or_else(|| panic!("the server does not start:\n{}", log(folder)))
}

/// Holds the server, if it is the one with this token.
fn connect(port: u16, token: &str) -> Option<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).ok()?;
    (line.trim_end() == token).then_some(stream)
}

fn log(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES_MAX)..).unwrap_or_default().join("\n")
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let count = u64::from(PORTS.end - PORTS.start);
    let random = RandomState::new().hash_one(0) % count;
    let start = PORTS.start + u16::try_from(random).unwrap();
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (start..PORTS.end).chain(PORTS).find(free).expect("one of many ports is free")
}

/// Asks repeatedly until there is an answer or the time is up.
fn within<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..limit.as_millis() / TICK.as_millis() {
        let answer = ask();
        if answer.is_some() {
            return answer;
        }
        thread::sleep(TICK);
    }
    None
}
