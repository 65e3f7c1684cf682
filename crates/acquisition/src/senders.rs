//! Senders that connect: takes their connections, and stores what comes as lines.
//!
//! There is no way back to a sender, so that nothing can be asked for again. What was read is stored, or lost with the
//! program; while there is no room nothing is read, and the senders wait. Each connection keeps one line and one piece
//! in memory at most.

mod session;
#[cfg(test)]
mod tests;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pulso_pipeline::{Clock, observe};
use pulso_runtime::ExplainExt;
use pulso_runtime::config::{Acquisition, Listening};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::buffer::{Buffer, WriterGone};
use crate::follow::{Outlet, Positions};
use crate::lines::{Line, Lines};
use crate::state::Switch;
use crate::throttle::Throttle;
use crate::{COMPONENT, Error, ListenError};

/// How often it is logged what is wrong with connections, at most.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// The pause after a connection could not be taken: most likely there are no open files left.
pub(crate) const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// After this without a word a sender is asked for a sign of life: one that is gone without a goodbye must not keep
/// its place ...
const KEEPALIVE_IDLE: Duration = Duration::from_mins(1);
/// ... so often, so many times.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 6;

/// What is a message of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    /// Whether lines may have their length in front.
    pub(crate) counted: bool,
    /// What of a line is stored.
    pub(crate) content: fn(&[u8]) -> &[u8],
}

/// What all senders to a source share.
#[derive(Debug)]
pub(crate) struct Intake<C> {
    buffer: Buffer<C>,
    framing: Framing,
    options: Acquisition,
    stop: CancellationToken,
    throttle: Mutex<Throttle>,
}

impl<C: Clock> Intake<C> {
    /// And where the source goes on, which nobody asks here.
    pub(crate) fn new<L>(outlet: Outlet<C, L>, framing: Framing) -> Self {
        let Outlet { buffer, options, stop, .. } = outlet;
        let throttle = Mutex::new(Throttle::new(LOG_INTERVAL));
        observe::followed(buffer.stream(), buffer.source());
        Self { buffer, framing, options: options.acquisition, stop, throttle }
    }

    pub(crate) fn source(&self) -> &Arc<str> {
        self.buffer.source()
    }

    pub(crate) fn stream(&self) -> &'static str {
        self.buffer.stream()
    }

    pub(crate) fn bytes_max(&self) -> usize {
        self.options.message_bytes_max.as_usize()
    }

    pub(crate) fn switch(&self) -> &Switch {
        self.buffer.switch()
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    pub(crate) fn lines(&self) -> Lines {
        let bytes_max = self.bytes_max();
        if self.framing.counted { Lines::counted(bytes_max) } else { Lines::new(bytes_max) }
    }

    /// Stores a line, also after the stop: it will not come again.
    pub(crate) async fn put(&self, Line { bytes, cut }: Line) -> Result<(), WriterGone> {
        if cut {
            self.buffer.report_cut(self.bytes_max());
        }
        let content = bytes.slice_ref((self.framing.content)(&bytes));
        let slot = self.buffer.slot().await;
        self.buffer.put(slot, content, |_| None).await
    }

    /// Counts what went wrong; where it may be logged, how often it was not.
    pub(crate) fn failed(&self, kind: &'static str) -> Option<u64> {
        observe::error_of_stream(COMPONENT, self.stream(), "receive", kind);
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner).pass(Instant::now())
    }
}

/// A place to connect to.
pub(crate) struct Senders {
    listener: TcpListener,
    connections_max: usize,
    tls: Option<TlsAcceptor>,
}

impl Senders {
    pub(crate) async fn bind(listening: &Listening) -> Result<Self, ListenError> {
        let &Listening { address, connections_max, ref tls } = listening;
        let tls = tls.as_ref().map(tls::acceptor).transpose()?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self { listener, connections_max, tls })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes connections until the stop, and what they bring.
    pub(crate) async fn receive<C: Clock>(self, intake: Intake<C>) {
        let intake = Arc::new(intake);
        let mut connections = JoinSet::new();
        loop {
            let is_paused = intake.switch().is_paused();
            let takes = connections.len() < self.connections_max && !is_paused;
            tokio::select! {
                () = intake.stop.cancelled() => break,
                () = intake.switch().resumed(), if is_paused => {}
                Some(joined) = connections.join_next() => resume(joined),
                accepted = self.listener.accept(), if takes => match accepted {
                    Ok((stream, peer)) => {
                        debug!(source = %intake.source(), %peer, "a sender connected");
                        connections.spawn(serve(stream, peer, self.tls.clone(), Arc::clone(&intake)));
                        self.tell_full(&intake, connections.len());
                    }
                    Err(error) => {
                        if let Some(suppressed) = intake.failed("accept") {
                            warn!(source = %intake.source(), suppressed, %error, "failed to take a connection");
                        }
                        let pause = sleep(FAILED_PAUSE);
                        if intake.stop.run_until_cancelled(pause).await.is_none() {
                            break;
                        }
                    }
                },
            }
        }
        drop(self);
        while let Some(joined) = connections.join_next().await {
            resume(joined);
        }
    }

    fn tell_full<C: Clock>(&self, intake: &Intake<C>, connections: usize) {
        if connections == self.connections_max
            && let Some(suppressed) = intake.failed("connections_max")
        {
            let hint =
                "raise the source's `connections_max`, or find out who keeps connections open";
            let source = intake.source();
            warn!(%source, connections, suppressed, hint, "more senders have to wait until one leaves");
        }
    }
}

/// A panic goes on where it is seen.
fn resume(joined: Result<(), tokio::task::JoinError>) {
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
}

/// Receives what senders to an address send.
pub(crate) async fn follow<C: Clock, L: Positions>(
    listening: &Listening,
    framing: Framing,
    outlet: Outlet<C, L>,
) -> Result<(), Error<L::Error>> {
    let intake = Intake::new(outlet, framing);
    let failed = |source| Error::Listen { name: Arc::clone(intake.source()), source };
    let senders = Senders::bind(listening).await.map_err(failed)?;
    let address = senders.address().unwrap_or(listening.address);
    info!(source = %intake.source(), %address, tls = senders.tls.is_some(), "listening");
    senders.receive(intake).await;
    Ok(())
}

/// Has a look at whether senders could connect.
///
/// # Errors
/// When the address cannot be had now, or the certificate or the key cannot be read.
pub(crate) async fn check(listening: &Listening) -> anyhow::Result<()> {
    Senders::bind(listening).await.map(drop).explained()
}

/// Receives from one connection until it ends or has to.
async fn serve<C: Clock>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    intake: Arc<Intake<C>>,
) {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
        debug!(%error, "a sender that is gone will not be noticed");
    }
    let Some(tls) = tls else {
        return session::receive(stream, peer, &intake).await;
    };
    let limit = intake.options.connect_timeout;
    let greeting = intake.stop.run_until_cancelled(timeout(limit, tls.accept(stream)));
    let Some(greeted) = greeting.await else { return };
    let error = match greeted {
        Ok(Ok(stream)) => return session::receive(stream, peer, &intake).await,
        Ok(Err(error)) => tls::reason(&error),
        Err(_) => format!("no handshake within {limit:?}"),
    };
    if let Some(suppressed) = intake.failed("tls") {
        warn!(source = %intake.source(), %peer, suppressed, error, "a sender could not connect with TLS");
    }
}
