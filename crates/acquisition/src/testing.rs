//! A network and a log in memory, which do what a test tells them.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Uri, header};
use pulso_model::WallTime;
use pulso_pipeline::{
    self as pipeline, AdapterError, ManualClock, Message, Retry, Sink, SourceCursor,
};
use pulso_runtime::Config;
use pulso_runtime::config::{Acquisition, Admission, Protocol, Source};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::handshake::server::Response;
use tokio_tungstenite::{WebSocketStream, accept_async, accept_hdr_async};
use tokio_util::sync::CancellationToken;

use crate::network::Network;
use crate::run::run_over;
use crate::{Error, Input, Keeping, Options, Summary};

/// How much a socket holds that its other side has not read.
pub(crate) const SOCKET_BYTES: usize = 4096;

/// Longer than any wait of a test.
const PATIENCE: Duration = Duration::from_hours(24);

pub(crate) type Socket = WebSocketStream<DuplexStream>;

/// An attempt to connect, waiting for the test to decide about it.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) url: Uri,
    answer: oneshot::Sender<DuplexStream>,
}

impl Attempt {
    /// The server's side of the connection.
    pub(crate) async fn accept(self) -> Socket {
        accept_async(self.accept_raw()).await.unwrap()
    }

    /// The same of a server that speaks this subprotocol, to a client that asks for it.
    #[expect(clippy::result_large_err, reason = "the type of the refusal is the library's")]
    pub(crate) async fn accept_with(self, subprotocol: &'static str) -> Socket {
        let callback = |request: &http::Request<()>, mut response: Response| {
            let name = HeaderValue::from_static(subprotocol);
            assert_eq!(request.headers().get(header::SEC_WEBSOCKET_PROTOCOL), Some(&name));
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
            Ok(response)
        };
        accept_hdr_async(self.accept_raw(), callback).await.unwrap()
    }

    /// The same before the handshake.
    pub(crate) fn accept_raw(self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(SOCKET_BYTES);
        self.answer.send(client).unwrap();
        server
    }
}

#[derive(Clone)]
struct MemoryNetwork(mpsc::UnboundedSender<Attempt>);

impl Network for MemoryNetwork {
    type Stream = DuplexStream;

    async fn dial(&self, url: &Uri) -> io::Result<DuplexStream> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Attempt { url: url.clone(), answer }).unwrap();
        answered.await.map_err(|_| io::Error::from(ErrorKind::ConnectionRefused))
    }
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the log says no")]
pub(crate) struct Refused(Retry);

impl AdapterError for Refused {
    fn retry(&self) -> Retry {
        self.0
    }

    fn kind(&self) -> pipeline::ErrorKind {
        pipeline::ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

/// The log, in the hands of the test.
#[derive(Clone, Debug)]
pub(crate) struct TestLog {
    stored: Arc<Mutex<Vec<Message>>>,
    failures: Arc<Mutex<VecDeque<Retry>>>,
    batches: Arc<Mutex<Vec<usize>>>,
    open: watch::Sender<bool>,
    news: mpsc::UnboundedSender<Bytes>,
}

impl TestLog {
    /// Writes wait from now on.
    pub(crate) fn block(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn unblock(&self) {
        self.open.send_replace(true);
    }

    /// The next writes fail.
    pub(crate) fn fail(&self, failures: impl IntoIterator<Item = Retry>) {
        self.failures.lock().unwrap().extend(failures);
    }

    /// What is stored of one source.
    pub(crate) fn stored(&self, source: &str) -> Vec<Bytes> {
        let stored = self.stored.lock().unwrap();
        let of_source = stored.iter().filter(|message| *message.headers.source == *source);
        of_source.map(|message| message.payload.clone()).collect()
    }

    /// How many messages came with each write.
    pub(crate) fn batches(&self) -> Vec<usize> {
        self.batches.lock().unwrap().clone()
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.stored.lock().unwrap().clone()
    }

    fn last_stored(&self, source: &str) -> Option<SourceCursor> {
        let stored = self.stored.lock().unwrap();
        let headers = stored.iter().map(|message| &message.headers);
        let last = headers.rev().find(|headers| *headers.source == *source)?;
        let cursor = Arc::clone(last.cursor.as_ref()?);
        Some(SourceCursor { received_time: last.received_time, cursor })
    }
}

impl Sink<Message> for TestLog {
    type Error = Refused;

    async fn write(&mut self, messages: Vec<Message>) -> Result<(), Refused> {
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        if let Some(retry) = self.failures.lock().unwrap().pop_front() {
            return Err(Refused(retry));
        }
        self.batches.lock().unwrap().push(messages.len());
        for message in messages {
            // The test may have ended without waiting for it.
            self.news.send(message.payload.clone()).ok();
            self.stored.lock().unwrap().push(message);
        }
        Ok(())
    }
}

/// Acquisition at work.
pub(crate) struct Running {
    attempts: mpsc::UnboundedReceiver<Attempt>,
    pub(crate) log: TestLog,
    news: mpsc::UnboundedReceiver<Bytes>,
    pub(crate) shutdown: CancellationToken,
    task: JoinHandle<Result<Summary, Error<Refused>>>,
}

impl Running {
    pub(crate) fn start(inputs: Vec<Input>, acquisition: Acquisition) -> Self {
        Self::start_after(Vec::new(), inputs, acquisition)
    }

    /// The same with a log that has messages of an earlier run.
    pub(crate) fn start_after(
        stored: Vec<Message>,
        inputs: Vec<Input>,
        acquisition: Acquisition,
    ) -> Self {
        Self::start_kept(stored, inputs, acquisition, None)
    }

    /// The same with sources that can be paused.
    pub(crate) fn start_kept(
        stored: Vec<Message>,
        inputs: Vec<Input>,
        acquisition: Acquisition,
        keeping: Option<Keeping>,
    ) -> Self {
        let (attempts_sender, attempts) = mpsc::unbounded_channel();
        let (news_sender, news) = mpsc::unbounded_channel();
        let log = TestLog {
            stored: Arc::new(Mutex::new(stored)),
            failures: Arc::default(),
            batches: Arc::default(),
            open: watch::Sender::new(true),
            news: news_sender,
        };
        let shutdown = CancellationToken::new();
        let positions = log.clone();
        let running = run_over(
            MemoryNetwork(attempts_sender),
            inputs,
            (log.clone(), None),
            move |source: Arc<str>| std::future::ready(Ok(positions.last_stored(&source))),
            ManualClock::at(WallTime(1_000)),
            Options { acquisition, decoder: pulso_testkit::decoder(), keeping },
            shutdown.clone(),
        );
        Self { attempts, log, news, shutdown, task: tokio::spawn(running) }
    }

    /// With one websocket source named `a`.
    pub(crate) fn with_source(options: Acquisition) -> Self {
        Self::start(vec![Input::Source(source("a"))], options)
    }

    pub(crate) async fn attempt(&mut self) -> Attempt {
        within_patience(self.attempts.recv()).await.unwrap()
    }

    /// Whether somebody tries to connect right now.
    pub(crate) fn has_attempt(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Waits until somebody tries to connect, and expects that this is not before `time`.
    pub(crate) async fn attempts_after(&mut self, time: Instant) {
        while self.attempts.is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(Instant::now() >= time, "it asks again too soon");
    }

    /// Waits until so many more messages are stored, and gives them.
    pub(crate) async fn stored(&mut self, count: usize) -> Vec<Bytes> {
        let mut payloads = Vec::new();
        while payloads.len() < count {
            payloads.push(within_patience(self.news.recv()).await.unwrap());
        }
        payloads
    }

    pub(crate) async fn end(self) -> Result<Summary, Error<Refused>> {
        // Without patience: paused time would run through it while a thread reads a file.
        self.task.await.unwrap()
    }

    /// Stops it, and expects so many messages in the log.
    pub(crate) async fn stop(self, stored: u64) {
        self.shutdown.cancel();
        assert_eq!(self.end().await.unwrap(), Summary { stored });
    }
}

/// On paused time, makes what never happens a failure instead of a test without an end.
async fn within_patience<T>(event: impl Future<Output = T>) -> T {
    timeout(PATIENCE, event).await.expect("it happens within a day")
}

pub(crate) fn source(name: &str) -> Source {
    Source {
        name: name.into(),
        stream: "rsvps".into(),
        urls: vec![format!("ws://{name}.example/rsvps?x=y").parse().unwrap()],
        protocol: Protocol::Websocket { resume_parameter: Some("since_mtime".to_owned()) },
        admission: Admission::default(),
        resume_margin: Duration::from_millis(10),
    }
}

pub(crate) fn options() -> Acquisition {
    Config::default().acquisition
}

/// A message as a source sends it.
pub(crate) fn payload(number: u64) -> String {
    format!("{{\"mtime\":{},\"rsvp_id\":{number}}}", 1000 * number)
}

pub(crate) fn payloads(numbers: std::ops::Range<u64>) -> Vec<Bytes> {
    numbers.map(|number| payload(number).into()).collect()
}
