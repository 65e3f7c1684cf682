//! Websockets as sources.

mod liveness;
mod session;
#[cfg(test)]
mod tests;

use std::time::Duration;

use pulso_pipeline::Clock;
use pulso_runtime::config::Acquisition;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, client::ClientRequestBuilder};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::buffer::Buffer;
use crate::connection::{Listener, Lost, Received, Request, Transport};
use crate::network::{self, Network};

/// How long the other side has to take note of a goodbye.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);

/// Over this network.
#[derive(Clone, Debug)]
pub(crate) struct Websocket<N>(pub(crate) N);

impl<N: Network> Transport for Websocket<N> {
    type Connection = WebSocketStream<N::Stream>;

    async fn open(
        &self,
        request: &Request,
        options: &Acquisition,
    ) -> Result<Self::Connection, Lost> {
        let bytes_max = Some(options.message_bytes_max.as_usize());
        let config =
            WebSocketConfig::default().max_message_size(bytes_max).max_frame_size(bytes_max);
        let handshake = ClientRequestBuilder::new(request.url.clone());
        let handshake = request
            .subprotocol
            .into_iter()
            .fold(handshake, ClientRequestBuilder::with_sub_protocol);
        let stream = self.0.dial(&request.url).await.map_err(|error| Lost::connect(&error))?;
        let greeted = client_async_with_config(handshake, stream, Some(config)).await;
        greeted.map(|(socket, _)| socket).map_err(|error| from_handshake(&error))
    }

    async fn receive<C: Clock>(
        &self,
        connection: Self::Connection,
        buffer: &Buffer<C>,
        listener: &mut impl Listener,
        options: &Acquisition,
        stop: &CancellationToken,
    ) -> Received {
        session::receive(connection, buffer, listener, options, stop).await
    }

    async fn close(&self, connection: Self::Connection) {
        say_goodbye(connection).await;
    }
}

/// Closes a connection in the way of the protocol, if the other side does its part in time.
async fn say_goodbye<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    match timeout(GOODBYE_WAIT, socket.close(None)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "the connection was closed without a goodbye"),
        Err(_) => debug!("the connection was closed without a goodbye"),
    }
}

fn from_handshake(error: &tungstenite::Error) -> Lost {
    let tungstenite::Error::Http(response) = error else {
        return Lost::Connect { reason: reason(error) };
    };
    Lost::refused(response.status(), response.body().as_deref().unwrap_or_default())
}

fn from_frame(error: &tungstenite::Error) -> Lost {
    let reason = reason(error);
    match error {
        tungstenite::Error::Capacity(_) | tungstenite::Error::Utf8(_) => {
            Lost::Unreceivable { reason }
        }
        _ => Lost::Broken { reason },
    }
}

fn reason(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => network::reason(error),
        _ => error.to_string(),
    }
}
