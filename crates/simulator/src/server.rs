//! The server, of websockets or of HTTP: accepts clients, and runs the producer and a task for each client.
//!
//! ```text
//! source -> producer -> ring -> connection -> client
//!                            -> connection -> client
//! ```
//!
//! All clients get every message. The slowest one sets the pace: when the ring is full, the
//! producer waits.

mod answer;
mod connection;
mod control;
mod garbage;
mod handshake;
mod hub;
mod producer;
mod socket;
mod wanted;

#[cfg(test)]
mod tests;

pub use control::{Control, Stats};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::config::Config;
use crate::error::SimulatorError;
use crate::source::Source;
use connection::Connection;
use control::Orders;
use hub::Hub;

/// More clients than any test needs; each holds a socket and a task.
const CLIENTS_MAX: usize = 64;
/// How long connections may take to close when the simulator stops.
const GOODBYE_MAX: Duration = Duration::from_secs(3);
/// The pause after a failed accept, which usually means that file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that is listening. It streams once it [runs](Simulator::run).
#[derive(Debug)]
pub struct Simulator {
    listener: TcpListener,
    local_addr: SocketAddr,
    source: Source,
    shared: Arc<Shared>,
}

/// State that all tasks of a simulator share.
#[derive(Debug)]
struct Shared {
    config: Config,
    hub: Hub,
    control: Control,
    /// The number of the first event, where events have numbers.
    first_seq: u64,
    /// Clients that asked for a connection, up to those that found a server that was starting.
    refused: AtomicU64,
}

impl Simulator {
    /// Reads the input and listens on the configured address.
    ///
    /// # Errors
    /// The configuration is wrong, a recording cannot be read, or the address is taken.
    pub async fn bind(config: Config) -> Result<Self, SimulatorError> {
        config.validate()?;
        let address = config.listen;
        let (config, source) = tokio::task::spawn_blocking(move || {
            let source = Source::open(&config.input, config.clock.clone());
            (config, source)
        })
        .await
        .map_err(|source| SimulatorError::Task { task: "the reader of the input", source })?;
        let source = source?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| SimulatorError::Bind { address, source })?;
        let local_addr =
            listener.local_addr().map_err(|source| SimulatorError::Bind { address, source })?;
        let shared = Shared::new(config, &source);
        Ok(Self { listener, local_addr, source, shared: Arc::new(shared) })
    }

    /// The address on which the server listens, with the actual port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// A handle to disturb the stream and to see its progress.
    #[must_use]
    pub fn control(&self) -> Control {
        self.shared.control.clone()
    }

    /// Streams until `shutdown` or, if configured, until everything has been sent. Then closes all
    /// connections.
    ///
    /// # Errors
    /// A task of the simulator failed.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), SimulatorError> {
        let Self { listener, source, shared, local_addr } = self;
        info!(%local_addr, "listening");
        let stop = shutdown.child_token();
        let mut producer = JoinSet::new();
        producer.spawn(producer::run(source, Arc::clone(&shared), stop.clone()));
        let mut connections = JoinSet::new();
        let outcome = loop {
            let may_exit = shared.config.exit_at_end && connections.is_empty();
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                () = shared.hub.all_sent(), if may_exit => break Ok(()),
                Some(Err(source)) = producer.join_next() => {
                    break Err(SimulatorError::Task { task: "the producer", source });
                }
                Some(ended) = connections.join_next() => report(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // Without it small messages would wait for each other; if refused, they do.
                        stream.set_nodelay(true).ok();
                        spawn_connection(&mut connections, &shared, stream, &stop);
                    }
                    Err(error) => {
                        warn!(%error, "failed to accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        };
        stop.cancel();
        let goodbye = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(GOODBYE_MAX, goodbye).await.is_err() {
            debug!("gave up waiting for clients to close");
        }
        let stats = shared.control.stats();
        info!(messages_made = stats.made, messages_sent = stats.sent, "stopped");
        outcome
    }
}

impl Shared {
    fn new(config: Config, source: &Source) -> Self {
        let hub = Hub::new(config.resume_buffer);
        let control = Control::new(hub.clone(), source.invitations());
        let first_seq = source.first_seq();
        Self { config, hub, control, first_seq, refused: AtomicU64::new(0) }
    }

    /// Whether the server answers this client that it is starting.
    fn is_starting(&self) -> bool {
        let limit = self.config.faults.unavailable_first;
        let next = |refused: u64| (refused < limit).then_some(refused + 1);
        self.refused.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

fn spawn_connection<S>(
    connections: &mut JoinSet<()>,
    shared: &Arc<Shared>,
    stream: S,
    stop: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if connections.len() >= CLIENTS_MAX {
        warn!(clients_max = CLIENTS_MAX, "refused a client");
        return;
    }
    let (shared, stop) = (Arc::clone(shared), stop.clone());
    connections.spawn(async move {
        tokio::select! {
            accepted = handshake::accept(stream, &shared) => match accepted {
                Ok((socket, wanted)) => Connection::new(socket, shared, wanted).run(stop).await,
                Err(error) => debug!(%error, "a client did not complete the handshake"),
            },
            () = stop.cancelled() => {}
        }
    });
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        warn!(%error, "a connection ended badly");
    }
}
