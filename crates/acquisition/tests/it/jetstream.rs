//! Acquisition of the simulator's posts: nothing is lost, whatever happens to the connection.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pulso_acquisition::{Input, Options, check, run};
use pulso_model::TimeLimits;
use pulso_pipeline::{Message, Sink, SourceCursor, SystemClock};
use pulso_runtime::config::{Admission, Protocol, Source};
use pulso_simulator::posts::{Generator, PostsConfig, Protocol as Version};
use pulso_simulator::{
    Clock, Config as Simulated, EventTime, Faults, Input as Simulation, Pace, Simulator,
};
use pulso_streams::Streams;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many events a server makes.
const EVENTS: u64 = 3000;

/// The versions of the protocol, with the paths of their servers.
const VERSIONS: [(Version, &str); 2] =
    [(Version::One, Protocol::JETSTREAM_1), (Version::Two, Protocol::JETSTREAM_2)];

/// A log in memory, which tells of changes.
#[derive(Clone, Default)]
struct Log {
    messages: Arc<Mutex<Vec<Message>>>,
    count: watch::Sender<usize>,
}

impl Log {
    fn last_stored(&self) -> Option<SourceCursor> {
        let messages = self.messages.lock().unwrap();
        let headers = &messages.last()?.headers;
        let cursor = headers.cursor.clone()?;
        Some(SourceCursor { received_time: headers.received_time, cursor })
    }

    /// What is stored, without numbers.
    fn frames(&self) -> Vec<String> {
        let messages = self.messages.lock().unwrap();
        let text = |message: &Message| std::str::from_utf8(&message.payload).unwrap().to_owned();
        messages.iter().map(|message| unnumbered(&text(message))).collect()
    }

    /// Waits until all of these are stored.
    async fn holds(&self, expected: &BTreeSet<String>) {
        let mut count = self.count.subscribe();
        let all = |_: &usize| {
            let stored: BTreeSet<String> = self.frames().into_iter().collect();
            expected.is_subset(&stored)
        };
        let waiting = count.wait_for(all);
        let waited = tokio::time::timeout(Duration::from_mins(2), waiting).await;
        let stored = self.frames().len();
        waited.unwrap_or_else(|_| panic!("{stored} are stored")).unwrap();
    }

    async fn holds_so_many(&self, so_many: usize) {
        self.count.subscribe().wait_for(|count| *count >= so_many).await.unwrap();
    }
}

impl Sink<Message> for Log {
    type Error = Infallible;

    async fn write(&mut self, messages: Vec<Message>) -> Result<(), Infallible> {
        self.messages.lock().unwrap().extend(messages);
        self.count.send_replace(self.messages.lock().unwrap().len());
        Ok(())
    }
}

/// The shape of the simulated network. Its times are in the past, and the same for all its servers.
fn posts() -> PostsConfig {
    let per_second = NonZeroU32::new(50).unwrap();
    let event_time = EventTime::Paced { start_ms: 1_780_000_000_000, per_second };
    PostsConfig { event_time, malformed_share: 0.0, ..PostsConfig::default() }
}

/// All that a server sends of these events, without their numbers.
fn frames(version: Version, events: u64) -> BTreeSet<String> {
    let events = Generator::new(posts(), Clock::system()).take(usize::try_from(events).unwrap());
    events.filter_map(|event| event.frame(version)).map(|frame| unnumbered(&frame)).collect()
}

/// A frame without the numbers in it, which are a server's own.
fn unnumbered(frame: &str) -> String {
    let mut frame = frame.to_owned();
    for name in ["\"seq\":", "\"cursor\":"] {
        let parts =
            frame.split(name).map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
        frame = parts.collect::<Vec<_>>().join(name);
    }
    frame
}

/// A server of the simulated network; all of them make the same events.
struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(change: impl FnOnce(&mut Simulated)) -> Self {
        let mut config = Simulated::new(Simulation::Posts(posts()), Pace::Unlimited);
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.messages_max = Some(EVENTS);
        change(&mut config);
        let simulator = Simulator::bind(config).await.unwrap();
        let (address, stop) = (simulator.local_addr(), CancellationToken::new());
        let running = simulator.run(stop.clone());
        Self { address, stop, serving: tokio::spawn(async { running.await.unwrap() }) }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

fn source(path: &str, addresses: &[SocketAddr]) -> Source {
    let url = |address: &SocketAddr| format!("ws://{address}{path}").parse().unwrap();
    Source {
        name: "posts".into(),
        stream: "posts".into(),
        urls: addresses.iter().map(url).collect(),
        protocol: Protocol::Jetstream,
        admission: Admission::default(),
        resume_margin: Source::JETSTREAM_MARGIN,
    }
}

/// Acquisition at work.
struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(source: Source, log: &Log) -> Self {
        let decoder = Streams::brought().get("posts").unwrap().decoder(TimeLimits::NONE);
        let mut acquisition = crate::options();
        acquisition.batch_messages = 64;
        let (shutdown, positions) = (CancellationToken::new(), log.clone());
        let running = run(
            vec![Input::Source(source)],
            log.clone(),
            move |_: Arc<str>| std::future::ready(Ok(positions.last_stored())),
            SystemClock,
            Options { acquisition, decoder, keeping: None },
            shutdown.clone(),
        );
        let task = tokio::spawn(async move {
            running.await.unwrap();
        });
        Self { shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// Nothing but messages is in the log.
fn check_messages(log: &Log, expected: &BTreeSet<String>) {
    for frame in log.frames() {
        assert!(expected.contains(&frame), "{frame}");
    }
}

#[tokio::test]
async fn every_message_is_stored_across_reconnects() {
    for (version, path) in VERSIONS {
        let faults = Faults { drop_every: Some(700), ..Faults::default() };
        let server = Server::start(|config| config.faults = faults).await;
        let (log, expected) = (Log::default(), frames(version, EVENTS));
        let running = Running::start(source(path, &[server.address]), &log);
        log.holds(&expected).await;
        running.stop().await;
        check_messages(&log, &expected);
        if version == Version::Two {
            // The last message of each connection comes again, and nothing else.
            let repeated = log.frames().len() - expected.len();
            assert!((4..=5).contains(&repeated), "{repeated} repeated");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn every_message_is_stored_across_restarts() {
    for (version, path) in VERSIONS {
        let server =
            Server::start(|config| config.pace = Pace::Rate(10_000.try_into().unwrap())).await;
        let (log, expected) = (Log::default(), frames(version, EVENTS));
        for so_many in [300, 900, 1800] {
            let running = Running::start(source(path, &[server.address]), &log);
            log.holds_so_many(so_many).await;
            running.stop().await;
        }
        let running = Running::start(source(path, &[server.address]), &log);
        log.holds(&expected).await;
        running.stop().await;
        check_messages(&log, &expected);
        server.stop().await;
    }
}

/// On the second server numbers are smaller: that of the last message it has not reached yet.
#[tokio::test]
async fn every_message_is_stored_across_a_change_of_hosts() {
    for (version, path) in VERSIONS {
        let first = Server::start(|config| config.messages_max = Some(1000)).await;
        let second = Server::start(|config| {
            config.input = Simulation::Posts(PostsConfig { first_seq: Some(1), ..posts() });
            config.wait_for_clients = 0;
        })
        .await;
        let (log, expected) = (Log::default(), frames(version, EVENTS));
        let running = Running::start(source(path, &[first.address, second.address]), &log);
        log.holds(&frames(version, 1000)).await;
        first.stop().await;
        log.holds(&expected).await;
        running.stop().await;
        check_messages(&log, &expected);
        let repeated = log.frames().len() - expected.len();
        // Ten seconds of fifty events.
        assert!((450..=550).contains(&repeated), "{repeated} repeated");
        second.stop().await;
    }
}

/// A server that says why it hangs up, and one that is starting.
#[tokio::test]
async fn what_a_server_says_of_the_connection_is_no_message() {
    let faults = Faults { too_slow_every: Some(600), unavailable_first: 3, ..Faults::default() };
    let server = Server::start(|config| config.faults = faults).await;
    let (log, expected) = (Log::default(), frames(Version::Two, EVENTS));
    let running = Running::start(source(Protocol::JETSTREAM_2, &[server.address]), &log);
    log.holds(&expected).await;
    running.stop().await;
    check_messages(&log, &expected);
    server.stop().await;
}

/// The cursor names a message that the server no longer has: by number, which it refuses, and by time,
/// which it moves up and says so.
#[tokio::test]
async fn an_outdated_cursor_is_followed_by_all_that_is_left() {
    let server = Server::start(|config| config.resume_buffer = 1000).await;
    let log = Log::default();
    let running = Running::start(source(Protocol::JETSTREAM_2, &[server.address]), &log);
    let expected = frames(Version::Two, EVENTS);
    log.holds(&expected).await;
    running.stop().await;
    let host = server.address;
    for cursor in [format!("1780000000000 1 {host}"), "1780000000000".to_owned()] {
        let outdated = Log::default();
        let mut message = log.messages.lock().unwrap()[0].clone();
        message.headers.cursor = Some(cursor.into());
        outdated.messages.lock().unwrap().push(message);
        let running = Running::start(source(Protocol::JETSTREAM_2, &[host]), &outdated);
        // All that the server keeps, from the oldest on.
        outdated.holds_so_many(1001).await;
        running.stop().await;
        check_messages(&outdated, &expected);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_check_shows_what_the_server_answers() {
    let server = Server::start(|_| {}).await;
    let mut source = source(Protocol::JETSTREAM_2, &[server.address]);
    check(&source, &crate::options()).await.unwrap();
    let wrong = format!("ws://{}{}?wantedDids=me", server.address, Protocol::JETSTREAM_2);
    source.urls.push(wrong.parse().unwrap());
    let error = format!("{:#}", check(&source, &crate::options()).await.unwrap_err());
    let refused = "refused the connection with 400 Bad Request";
    assert!(error.contains(refused) && error.contains("wantedDids"), "{error}");
    server.stop().await;
}
