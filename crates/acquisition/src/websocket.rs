//! Follows one websocket source: connects, receives, and connects anew, for ever.

mod connect;
mod liveness;
mod resume;
mod session;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pulso_model::Decoder;
use pulso_pipeline::{AdapterError, Clock, SourceCursor, observe};
use pulso_runtime::config::{Acquisition, Source};
use pulso_runtime::{Backoff, Retries, RetryPolicy, chain};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::buffer::Buffer;
use crate::throttle::Throttle;
use crate::{COMPONENT, Error, Options};

pub use connect::check;
use connect::open;
pub(crate) use connect::{Network, Tcp};
use resume::{Gap, Resume};
use session::{Lost, receive};

/// How often a source that keeps failing, or has gaps, is written about, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Runs until `stop`, or until nobody takes the messages.
pub(crate) async fn follow<N, C, L, Looking, E>(
    source: &Source,
    network: &N,
    last_stored: &L,
    buffer: &Buffer<C>,
    options: &Options,
    stop: &CancellationToken,
) -> Result<(), Error<E>>
where
    N: Network,
    C: Clock,
    L: Fn(Arc<str>) -> Looking + Sync,
    Looking: Future<Output = Result<Option<SourceCursor>, E>> + Send,
    E: AdapterError,
{
    let Options { acquisition: options, decoder } = options;
    let mut follower = Follower::new(source, decoder, options);
    loop {
        let mut last = None;
        if follower.resume.needs_position() {
            let position = position(last_stored, buffer, options, stop);
            let Some(position) = stop.run_until_cancelled(position).await else { return Ok(()) };
            last = position?;
            last.iter().for_each(|last| buffer.goes_on_after(last));
        }
        let url = follower.resume.url(last.as_ref());
        let connecting = open(network, &url, options);
        let Some(connected) = stop.run_until_cancelled(connecting).await else { return Ok(()) };
        let lost = match connected {
            Err(lost) => lost,
            Ok(socket) => {
                follower.connected();
                let take_note = |message: &[u8]| follower.received(message);
                let received = receive(socket, buffer, take_note, options, stop).await;
                if received.messages > 0 {
                    follower.backoff.reset();
                }
                let Some(lost) = received.lost else { return Ok(()) };
                follower.disconnected(&lost, received.messages);
                lost
            }
        };
        let delay = follower.lost(&lost);
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
        ..RetryPolicy::new(COMPONENT, "receive")
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
}

impl<'a> Follower<'a> {
    fn new(source: &'a Source, decoder: &'a Decoder, options: &Acquisition) -> Self {
        observe::followed(&source.name);
        Self {
            source,
            resume: Resume::new(source, decoder),
            backoff: Backoff::new(options.backoff_initial, options.backoff_max),
            throttle: Throttle::new(LOG_INTERVAL),
            gap_throttle: Throttle::new(LOG_INTERVAL),
            logged: true,
            attempts: 0,
            connections: 0,
        }
    }

    fn connected(&mut self) {
        let (source, reconnects) = (&self.source.name, self.connections);
        self.connections += 1;
        let attempts = std::mem::take(&mut self.attempts);
        if std::mem::take(&mut self.logged) {
            info!(%source, url = self.source.shown_url(), attempts, reconnects, "connected");
        }
        if reconnects > 0 {
            observe::reconnected(source);
        }
        let gap = self.resume.connected(Instant::now());
        self.report(gap);
    }

    fn received(&mut self, message: &[u8]) {
        let gap = self.resume.received(message, Instant::now());
        self.report(gap);
    }

    fn disconnected(&mut self, lost: &Lost, messages: u64) {
        let gap = self.resume.disconnected(lost, messages);
        self.report(gap);
    }

    /// Counts and logs that messages may be missing.
    fn report(&mut self, gap: Option<Gap>) {
        let Some(Gap { length, reason }) = gap else { return };
        let source = &self.source.name;
        observe::gap(source, length);
        if let Some(suppressed) = self.gap_throttle.pass(Instant::now()) {
            let seconds = length.as_secs_f64();
            error!(%source, seconds, reason, suppressed, "messages of a source may be missing");
        }
    }

    /// Counts and logs why there is no connection, and tells how long to wait before the next.
    fn lost(&mut self, lost: &Lost) -> Duration {
        self.attempts += 1;
        observe::error(COMPONENT, "receive", lost.kind());
        let delay = self.backoff.next_delay(&mut rand::rng());
        let passed = self.throttle.pass(Instant::now());
        if let Some(suppressed) = passed {
            self.logged = true;
            let (source, url) = (&self.source.name, self.source.shown_url());
            let (attempts, error) = (self.attempts, chain(lost));
            warn!(%source, url, attempts, suppressed, ?delay, %error, "connecting anew");
        }
        delay
    }
}
