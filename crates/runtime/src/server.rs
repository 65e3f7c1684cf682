//! HTTP sockets: binding, accepting, and an orderly end. Every wait and every count here has a bound,
//! so that slow or silent clients cannot use the server up. What is answered is the service's affair.
//!
//! The accept loop is our own because `axum::serve` sets no limit on how long a client may take to
//! send its request.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::chain;

/// How many ports [`bind`] tries.
pub const PORTS_TRIED: u16 = 20;

/// The most connections at once; more wait in the system's backlog. A browser holds one to six.
pub const CONNECTIONS_MAX: usize = 256;

/// How long a client may take to send the head of a request, and how long it may stay idle before
/// the next. Five times the refresh interval of the page.
pub const REQUEST_HEAD_WAIT: Duration = Duration::from_secs(10);

/// The longest request line and headers together.
pub const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;

/// After this a connection may finish its request and no more, so that a client that never reads
/// its answer does not keep its place for ever.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(600);

/// How long a request may still take when its connection is asked to end.
pub const CONNECTION_END_WAIT: Duration = Duration::from_secs(5);

/// The pause after a failed accept: by far the most common cause is that the process has no file
/// descriptors left, and trying again at once would only burn the processor.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Why no port could be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("failed to listen on `{address}`")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("failed to find a free port: all of `{first}` to port {last} are in use")]
    AllInUse { first: SocketAddr, last: u16 },
}

/// Whom a connection is with; an extension of each of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What answers requests, on as many connections as there may be.
pub trait HttpService:
    Service<
        Request<Incoming>,
        Response = Response<Self::Answer>,
        Error: Into<Box<dyn Error + Send + Sync>>,
        Future: Send,
    > + Clone
    + Send
    + 'static
{
    type Answer: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Answer = B;
}

/// Listens on an address; with `fallback_to_next` on the next free port, of 20 at most, when the
/// port is in use.
///
/// # Errors
/// When the address cannot be had, or all ports tried are in use.
pub async fn bind(listen: SocketAddr, fallback_to_next: bool) -> Result<TcpListener, BindError> {
    let tries = if fallback_to_next { PORTS_TRIED } else { 1 };
    let last = listen.port().saturating_add(tries - 1);
    for port in listen.port()..=last {
        let address = SocketAddr::new(listen.ip(), port);
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(error) if fallback_to_next && error.kind() == io::ErrorKind::AddrInUse => {
                debug!(%address, "port is in use, trying the next");
            }
            Err(source) => return Err(BindError::Listen { address, source }),
        }
    }
    Err(BindError::AllInUse { first: listen, last })
}

/// Serves until `shutdown`, then lets requests under way finish, for five seconds at most. Errors of
/// single connections and requests end nothing.
pub async fn serve(listener: TcpListener, service: impl HttpService, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    while let Some(Ok(place)) =
        shutdown.run_until_cancelled(Arc::clone(&places).acquire_owned()).await
    {
        let Some((stream, peer)) = shutdown.run_until_cancelled(accept(&listener)).await else {
            break;
        };
        let (service, shutdown) = (service.clone(), shutdown.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            service.call(request)
        });
        connections.spawn(async move {
            serve_connection(stream, service, shutdown).await;
            drop(place);
        });
    }
    drop(listener);
    debug!(open = connections.len(), "closing connections");
    connections.close();
    // Bounded: every connection ends within `CONNECTION_END_WAIT` of the shutdown.
    connections.wait().await;
}

async fn accept(listener: &TcpListener) -> (TcpStream, Peer) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Answers are written whole: the end of one must not wait until its start is acknowledged.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(error = %chain(&error), "answers may be sent late");
                }
                return (stream, Peer(address));
            }
            Err(error) => {
                warn!(error = %chain(&error), "failed to accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
            }
        }
    }
}

/// Serves one connection until it ends, or has to.
pub async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    service: impl HttpService,
    shutdown: CancellationToken,
) {
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_HEAD_WAIT)
            .max_buf_size(REQUEST_HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => Ok(ended),
        () = shutdown.cancelled() => Err("shutdown"),
        () = tokio::time::sleep(CONNECTION_AGE_MAX) => Err("age"),
    };
    let ended = match ended {
        Ok(ended) => ended,
        Err(reason) => {
            connection.as_mut().graceful_shutdown();
            let Ok(ended) = tokio::time::timeout(CONNECTION_END_WAIT, connection).await else {
                debug!(reason, "broke off a connection that did not end in time");
                return;
            };
            ended
        }
    };
    if let Err(error) = ended {
        debug!(error = %chain(&error), "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_an_answer_is_sent_at_once() {
        let listener = bind("127.0.0.1:0".parse().unwrap(), false).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, client) = tokio::join!(accept(&listener), TcpStream::connect(address));
        let (stream, Peer(peer)) = accepted;
        assert!(stream.nodelay().unwrap());
        assert_eq!(peer, client.unwrap().local_addr().unwrap());
    }
}
