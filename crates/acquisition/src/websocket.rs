//! Follows one websocket source: connects, receives, and connects anew, for ever.

mod connect;
mod liveness;
mod protocol;
mod resume;
mod session;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pulso_pipeline::{AdapterError, Clock, SourceCursor, observe};
use pulso_runtime::config::{Acquisition, Source, shown_url};
use pulso_runtime::{Backoff, Retries, RetryPolicy, chain};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::buffer::{Buffer, Times};
use crate::throttle::Throttle;
use crate::{COMPONENT, Error};

pub use connect::check;
use connect::open;
pub(crate) use connect::{Network, Tcp};
use protocol::Frame;
pub(crate) use protocol::Request;
use resume::{Gap, Resume};
use session::{Heard, Listener, Lost, receive};

/// How often a source that keeps failing, or has gaps, is written about, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait before a source is asked again that has refused for good.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);

/// Runs until `stop`, or until nobody takes the messages.
pub(crate) async fn follow<N, C, L, Looking, E>(
    source: &Source,
    network: &N,
    last_stored: &L,
    buffer: &Buffer<C>,
    options: &Acquisition,
    stop: &CancellationToken,
) -> Result<(), Error<E>>
where
    N: Network,
    C: Clock,
    L: Fn(Arc<str>) -> Looking + Sync,
    Looking: Future<Output = Result<Option<SourceCursor>, E>> + Send,
    E: AdapterError,
{
    let mut follower = Follower::new(source, buffer.stream(), options);
    loop {
        let mut last = None;
        if follower.resume.needs_position() {
            let position = position(last_stored, buffer, options, stop);
            let Some(position) = stop.run_until_cancelled(position).await else { return Ok(()) };
            last = position?;
        }
        let request = follower.resume.request(last.as_ref());
        let connecting = open(network, &request, options);
        let Some(connected) = stop.run_until_cancelled(connecting).await else { return Ok(()) };
        let (lost, messages) = match connected {
            Err(lost) => (lost, 0),
            Ok(socket) => {
                follower.connected(&request);
                let received = receive(socket, buffer, &mut follower, options, stop).await;
                let Some(lost) = received.lost else { return Ok(()) };
                (lost, received.messages)
            }
        };
        let delay = follower.lost(&lost, messages, &request);
        if stop.run_until_cancelled(sleep(delay)).await.is_none() {
            return Ok(());
        }
    }
}

/// Asks the log where the source goes on, once all that was received is in it.
async fn position<C, L, Looking, E>(
    last_stored: &L,
    buffer: &Buffer<C>,
    options: &Acquisition,
    stop: &CancellationToken,
) -> Result<Option<SourceCursor>, Error<E>>
where
    C: Clock,
    L: Fn(Arc<str>) -> Looking,
    Looking: Future<Output = Result<Option<SourceCursor>, E>>,
    E: AdapterError,
{
    buffer.drained().await;
    let policy = RetryPolicy {
        initial: options.backoff_initial,
        max: options.backoff_max,
        ..RetryPolicy::new(COMPONENT, buffer.stream(), "receive")
    };
    let mut retries = Retries::new(policy, stop.clone());
    let name = buffer.source();
    loop {
        let error = match last_stored(Arc::clone(name)).await {
            Ok(position) => return Ok(position),
            Err(error) => error,
        };
        let failed = |source| Error::LastStored { name: Arc::clone(name), source };
        retries.after(error).await.map_err(failed)?;
    }
}

/// What is remembered from one connection to the next.
struct Follower<'a> {
    source: &'a Source,
    /// The stream of its messages.
    stream: &'static str,
    resume: Resume<'a>,
    backoff: Backoff,
    throttle: Throttle,
    gap_throttle: Throttle,
    /// Whether a loss was logged since a connection was; then so is the next connection.
    logged: bool,
    /// Attempts since the last connection.
    attempts: u64,
    /// How many connections there have been.
    connections: u64,
    /// How many attempts in succession were refused for good.
    refused: usize,
}

impl<'a> Follower<'a> {
    fn new(source: &'a Source, stream: &'static str, options: &Acquisition) -> Self {
        observe::followed(stream, &source.name);
        Self {
            source,
            stream,
            resume: Resume::new(source),
            backoff: Backoff::new(options.backoff_initial, options.backoff_max),
            throttle: Throttle::new(LOG_INTERVAL),
            gap_throttle: Throttle::new(LOG_INTERVAL),
            logged: true,
            attempts: 0,
            connections: 0,
            refused: 0,
        }
    }

    fn connected(&mut self, request: &Request) {
        let (source, reconnects) = (&self.source.name, self.connections);
        self.connections += 1;
        let attempts = std::mem::take(&mut self.attempts);
        if std::mem::take(&mut self.logged) {
            info!(%source, url = shown_url(&request.url), attempts, reconnects, "connected");
        }
        if reconnects > 0 {
            observe::reconnected(self.stream, source);
        }
        let gap = self.resume.connected(Instant::now());
        self.report(gap);
    }

    /// Counts and logs that messages may be missing.
    fn report(&mut self, gap: Option<Gap>) {
        let Some(Gap { length, reason }) = gap else { return };
        let source = &self.source.name;
        observe::gap(self.stream, source, length);
        if let Some(suppressed) = self.gap_throttle.pass(Instant::now()) {
            let seconds = length.as_secs_f64();
            error!(%source, seconds, reason, suppressed, "messages of a source may be missing");
        }
    }

    /// Counts and logs why there is no connection (any more), which gave so many messages, and tells
    /// how long to wait before the next.
    fn lost(&mut self, lost: &Lost, messages: u64, request: &Request) -> Duration {
        let gap = self.resume.lost(lost, messages);
        self.report(gap);
        self.attempts += 1;
        observe::error_of_stream(COMPONENT, self.stream, "receive", lost.kind());
        if messages > 0 && lost.is_usual() {
            self.backoff.reset();
        }
        // What a source no longer has by its number it may have by its time.
        let refusal = lost.is_refusal() && !request.by_number;
        self.refused = if refusal { self.refused + 1 } else { 0 };
        let refused = self.refused >= self.source.urls.len();
        let next = self.backoff.next_delay(&mut rand::rng());
        let delay = if refused { REFUSED_PAUSE } else { next };
        let passed = self.throttle.pass(Instant::now());
        // One that refuses is rarely asked, and always written about.
        if let Some(suppressed) = passed.or_else(|| refused.then_some(0)) {
            self.logged = true;
            let (source, url) = (&self.source.name, shown_url(&request.url));
            let (attempts, error) = (self.attempts, chain(lost));
            if refused {
                let hint =
                    "check the source's `url` and `protocol`: it will hardly change by itself";
                error!(%source, url, attempts, suppressed, ?delay, %error, hint, "refused");
            } else {
                warn!(%source, url, attempts, suppressed, ?delay, %error, "connecting anew");
            }
        }
        delay
    }
}

impl Listener for Follower<'_> {
    fn read(&mut self, frame: &[u8]) -> Result<Option<Heard>, Lost> {
        match self.resume.protocol().read(frame) {
            Frame::Message(mark) => Ok(Some(Heard(mark))),
            Frame::Error(farewell) => Err(Lost::Ended(farewell)),
            Frame::Info(text) => {
                warn!(source = %self.source.name, text, "the source says");
                Ok(None)
            }
        }
    }

    fn cursor_after(&mut self, Heard(mark): Heard, times: Times) -> Option<Arc<str>> {
        let (cursor, gap) = self.resume.received(mark, times, Instant::now());
        self.report(gap);
        cursor
    }

    fn may_be_silent(&self) -> bool {
        self.resume.may_be_silent()
    }
}
