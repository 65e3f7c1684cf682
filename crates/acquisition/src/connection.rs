//! Follows a source that is connected to: connects, receives, and connects anew, for ever.

mod lost;
mod protocol;
mod resume;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use pulso_pipeline::{Clock, observe};
use pulso_runtime::config::{Acquisition, Source, shown_url};
use pulso_runtime::{Backoff, chain};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::buffer::{Buffer, Times};
use crate::follow::{Follow, Outlet, Positions};
use crate::throttle::Throttle;
use crate::{COMPONENT, Error};

pub(crate) use lost::Lost;
use protocol::{Frame, Protocol, Start};
pub(crate) use protocol::{Mark, Request};
use resume::{Gap, Resume};

/// How often a source that keeps failing, or has gaps, is written about, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// How long to wait before a source is asked again that has refused for good.
pub(crate) const REFUSED_PAUSE: Duration = Duration::from_mins(5);

/// How a kind of source is connected to, and received from.
pub(crate) trait Transport: Send + Sync + 'static {
    type Connection: Send;

    /// Connects, or says why not. The caller sets the time limit.
    fn open(
        &self,
        request: &Request,
        options: &Acquisition,
    ) -> impl Future<Output = Result<Self::Connection, Lost>> + Send;

    /// Receives into the buffer until the connection is lost, `stop`, or nobody takes the messages.
    fn receive<C: Clock>(
        &self,
        connection: Self::Connection,
        buffer: &Buffer<C>,
        listener: &mut impl Listener,
        options: &Acquisition,
        stop: &CancellationToken,
    ) -> impl Future<Output = Received> + Send;

    fn close(&self, connection: Self::Connection) -> impl Future<Output = ()> + Send;
}

/// What a connection gave.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) messages: u64,
    /// `None` when it is no longer wanted.
    pub(crate) lost: Option<Lost>,
}

/// A frame that is a message, and what its source says of its place.
#[derive(Debug)]
pub(crate) struct Heard(pub(crate) Option<Mark>);

/// Understands what a connection brings.
pub(crate) trait Listener: Send + Sync {
    /// A message, or none. The error ends the connection.
    fn read(&mut self, frame: &[u8]) -> Result<Option<Heard>, Lost>;

    /// Where the source goes on after a message.
    fn cursor_after(&mut self, heard: Heard, times: Times) -> Option<Arc<str>>;

    /// Whether a source that sends nothing of its own for long may be well.
    fn may_be_silent(&self) -> bool;

    /// The source has a name for the place behind the next message, or none.
    fn named(&mut self, id: Option<Arc<str>>);

    /// The source asks to wait so long before the next connection.
    fn asked_to_wait(&mut self, delay: Duration);
}

/// A source that is connected to.
#[derive(Debug)]
pub(crate) struct Connected<T> {
    pub(crate) source: Source,
    pub(crate) transport: T,
}

impl<T: Transport> Follow for Connected<T> {
    async fn follow<C: Clock, L: Positions>(
        self,
        outlet: Outlet<C, L>,
    ) -> Result<(), Error<L::Error>> {
        let Self { source, transport } = &self;
        let Outlet { buffer, options, stop, .. } = &outlet;
        let options = &options.acquisition;
        let mut follower = Follower::new(source, buffer.stream(), options);
        loop {
            buffer.switch().resumed().await;
            if stop.is_cancelled() {
                return Ok(());
            }
            let mut last = None;
            if follower.resume.needs_position() {
                let position = stop.run_until_cancelled(outlet.position());
                let Some(position) = position.await else { return Ok(()) };
                last = position?;
            }
            let request = follower.resume.request(last.as_ref());
            let connecting = open(transport, &request, options);
            let Some(connected) = stop.run_until_cancelled(connecting).await else { return Ok(()) };
            let (lost, messages) = match connected {
                Err(lost) => (lost, 0),
                Ok(connection) => {
                    follower.connected(&request);
                    let pause = stop.child_token();
                    let received = {
                        let mut receiving = pin!(transport.receive(
                            connection,
                            buffer,
                            &mut follower,
                            options,
                            &pause
                        ));
                        tokio::select! {
                            received = &mut receiving => received,
                            () = buffer.switch().pausing() => {
                                pause.cancel();
                                receiving.await
                            }
                        }
                    };
                    match received.lost {
                        Some(lost) => (lost, received.messages),
                        None if pause.is_cancelled() && !stop.is_cancelled() => {
                            follower.paused();
                            continue;
                        }
                        None => return Ok(()),
                    }
                }
            };
            let delay = follower.lost(&lost, messages, &request);
            if stop.run_until_cancelled(sleep(delay)).await.is_none() {
                return Ok(());
            }
        }
    }
}

/// Connects, or says within the time limit why not.
async fn open<T: Transport>(
    transport: &T,
    request: &Request,
    options: &Acquisition,
) -> Result<T::Connection, Lost> {
    let limit = options.connect_timeout;
    let opened = timeout(limit, transport.open(request, options)).await;
    opened.unwrap_or(Err(Lost::ConnectTimeout { limit }))
}

/// Connects to all servers of a source and hangs up again; for a look at whether the configuration works.
///
/// # Errors
/// Why there is no connection.
pub(crate) async fn check<T: Transport>(
    transport: &T,
    source: &Source,
    options: &Acquisition,
) -> anyhow::Result<()> {
    let protocol = Protocol::of(source);
    for url in &source.urls {
        let connection = open(transport, &protocol.request(url, Start::Live), options).await;
        let connection = match source.urls.len() {
            1 => connection?,
            _ => connection.with_context(|| shown_url(url))?,
        };
        transport.close(connection).await;
    }
    Ok(())
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
    /// How long the source asked to wait before each connection.
    asked_to_wait: Duration,
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
            asked_to_wait: Duration::ZERO,
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

    /// The connection was closed on purpose.
    fn paused(&mut self) {
        self.logged = true;
        let gap = self.resume.left();
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
        let next = self.backoff.next_delay(&mut rand::rng()).max(self.asked_to_wait);
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

    fn named(&mut self, id: Option<Arc<str>>) {
        self.resume.named(id);
    }

    fn asked_to_wait(&mut self, delay: Duration) {
        self.asked_to_wait = delay.min(REFUSED_PAUSE);
    }
}
