//! What every kind of source is to the rest: something that is followed.

use std::future::Future;
use std::sync::Arc;

use pulso_pipeline::{AdapterError, Clock, SourceCursor};
use pulso_runtime::config::{Acquisition, Protocol, Source};
use pulso_runtime::{Retries, RetryPolicy};
use tokio_util::sync::CancellationToken;

use crate::buffer::Buffer;
use crate::connection::{self, Connected};
use crate::file::{self, FollowFiles};
use crate::http::Http;
use crate::network::{Network, Tcp};
use crate::push::{self, Push};
use crate::syslog::{self, FollowSyslog};
use crate::tcp::FollowTcp;
use crate::websocket::Websocket;
use crate::{COMPONENT, Error, Options, senders};

/// One kind of source.
///
/// It reads no more than there is room for in the buffer, hands every message on with the cursor from where it
/// goes on after it, and comes back by itself from whatever a source or a network does.
pub(crate) trait Follow: Send + 'static {
    /// Runs until it is told to stop, nobody takes the messages, or, where a source has an end, until that.
    fn follow<C: Clock, L: Positions>(
        self,
        outlet: Outlet<C, L>,
    ) -> impl Future<Output = Result<(), Error<L::Error>>> + Send;
}

/// Knows where sources go on.
pub(crate) trait Positions: Send + Sync + 'static {
    type Error: AdapterError;

    /// The cursor of the last stored message of a source.
    fn last_stored(
        &self,
        source: Arc<str>,
    ) -> impl Future<Output = Result<Option<SourceCursor>, Self::Error>> + Send;
}

impl<L, Looking, E> Positions for L
where
    L: Fn(Arc<str>) -> Looking + Send + Sync + 'static,
    Looking: Future<Output = Result<Option<SourceCursor>, E>> + Send,
    E: AdapterError,
{
    type Error = E;

    fn last_stored(
        &self,
        source: Arc<str>,
    ) -> impl Future<Output = Result<Option<SourceCursor>, E>> + Send {
        self(source)
    }
}

/// Where messages of one source go, and what it is told.
#[derive(Debug)]
pub(crate) struct Outlet<C, L> {
    pub(crate) buffer: Buffer<C>,
    pub(crate) positions: Arc<L>,
    pub(crate) options: Options,
    pub(crate) stop: CancellationToken,
}

impl<C: Clock, L: Positions> Outlet<C, L> {
    /// Where the source goes on, once all that was received is stored: the log is asked, unless the last
    /// messages did not come in.
    ///
    /// # Errors
    /// When the log cannot tell, now and for ever.
    pub(crate) async fn position(&self) -> Result<Option<SourceCursor>, Error<L::Error>> {
        self.buffer.drained().await;
        if let Some(passed) = self.buffer.passed() {
            return Ok(Some(passed));
        }
        let options = &self.options.acquisition;
        let policy = RetryPolicy {
            initial: options.backoff_initial,
            max: options.backoff_max,
            ..RetryPolicy::new(COMPONENT, self.buffer.stream(), "receive")
        };
        let mut retries = Retries::new(policy, self.stop.clone());
        let name = self.buffer.source();
        loop {
            let error = match self.positions.last_stored(Arc::clone(name)).await {
                Ok(position) => return Ok(position),
                Err(error) => error,
            };
            let failed = |source| Error::LastStored { name: Arc::clone(name), source };
            retries.after(error).await.map_err(failed)?;
        }
    }
}

/// Follows a source as its protocol asks for.
pub(crate) async fn follow<N: Network, C: Clock, L: Positions>(
    source: Source,
    network: N,
    outlet: Outlet<C, L>,
) -> Result<(), Error<L::Error>> {
    match &source.protocol {
        Protocol::Websocket { .. } | Protocol::Jetstream => {
            Connected { source, transport: Websocket(network) }.follow(outlet).await
        }
        Protocol::Http { format, .. } => {
            let transport = Http { network, format: *format };
            Connected { source, transport }.follow(outlet).await
        }
        Protocol::File { paths, from } => {
            FollowFiles { paths: paths.clone(), from: *from }.follow(outlet).await
        }
        Protocol::Tcp(listening) => FollowTcp(listening.clone()).follow(outlet).await,
        Protocol::Syslog(transport) => FollowSyslog(transport.clone()).follow(outlet).await,
        Protocol::Push { listen, token, body_bytes_max } => {
            let (listen, token, body_bytes_max) = (*listen, token.clone(), *body_bytes_max);
            Push { listen, token, body_bytes_max }.follow(outlet).await
        }
    }
}

/// Has a look at whether a source can be followed as it is configured.
///
/// # Errors
/// Why it cannot: there is no connection, for instance.
pub async fn check(source: &Source, options: &Acquisition) -> anyhow::Result<()> {
    let network = Tcp::new(options)?;
    match &source.protocol {
        Protocol::Websocket { .. } | Protocol::Jetstream => {
            connection::check(&Websocket(network), source, options).await
        }
        Protocol::Http { format, .. } => {
            connection::check(&Http { network, format: *format }, source, options).await
        }
        Protocol::File { paths, .. } => file::check(paths),
        Protocol::Tcp(listening) => senders::check(listening).await,
        Protocol::Syslog(transport) => syslog::check(transport).await,
        Protocol::Push { listen, token, .. } => push::check(*listen, token.as_ref()).await,
    }
}
