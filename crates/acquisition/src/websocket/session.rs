//! One connection: receives until it is lost or no longer wanted.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::StatusCode;
use pulso_pipeline::Clock;
use pulso_runtime::config::Acquisition;
use rustls::CertificateError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::liveness::{Due, Liveness};
use super::protocol::jetstream::{CONSUMER_TOO_SLOW, REFUSALS};
use super::protocol::{Farewell, Mark};
use crate::buffer::{Buffer, Times};

/// How much of a refusal is shown.
const ANSWER_CHARACTERS_MAX: usize = 500;

/// How long the other side has to take note of a goodbye.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);

/// Why there is no connection (any more).
///
/// The library's errors are kept as text: they print their causes themselves.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("no connection within {limit:?}")]
    ConnectTimeout { limit: Duration },
    #[error("failed to connect: {reason}")]
    Connect { reason: String },
    /// Before there was a connection.
    #[error("the server refused the connection with {status}: {answer}")]
    Refused { status: StatusCode, answer: String },
    #[error("nothing of its own came for {limit:?}")]
    Idle { limit: Duration },
    #[error("no answer to a ping within {limit:?}")]
    Dead { limit: Duration },
    /// In the source's own words.
    #[error("the source ended the connection: {}: {}", .0.error, .0.message)]
    Ended(Farewell),
    #[error("the source closed the connection: {reason}")]
    Closed { reason: String },
    /// Larger than the limit, or text that is not UTF-8: the protocol has no way to go on after it.
    #[error("a message came that cannot be received: {reason}")]
    Unreceivable { reason: String },
    #[error("the connection broke: {reason}")]
    Broken { reason: String },
}

impl Lost {
    /// For metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Connect { .. } => "connect",
            Self::Refused { .. } => "refused",
            Self::Ended(_) => "ended",
            Self::Idle { .. } => "idle",
            Self::Dead { .. } => "dead",
            Self::Closed { .. } => "closed",
            Self::Unreceivable { .. } => "unreceivable",
            Self::Broken { .. } => "broken",
        }
    }

    /// Whether asking again will hardly help: the source does not take what it is asked.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                let passing = [
                    StatusCode::REQUEST_TIMEOUT,
                    StatusCode::TOO_EARLY,
                    StatusCode::TOO_MANY_REQUESTS,
                ];
                status.is_client_error() && !passing.contains(status)
            }
            Self::Ended(farewell) => REFUSALS.contains(&&*farewell.error),
            _ => false,
        }
    }

    pub(super) fn is_bad_request(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::BAD_REQUEST, .. })
    }

    /// Whether connections end so now and then: a source that gave messages before is asked again soon.
    pub(super) fn is_usual(&self) -> bool {
        !matches!(self, Self::Ended(farewell) if farewell.error != CONSUMER_TOO_SLOW)
    }

    pub(super) fn from_handshake(error: &tungstenite::Error) -> Self {
        let tungstenite::Error::Http(response) = error else {
            return Self::Connect { reason: reason(error) };
        };
        let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default());
        let printable = body.chars().map(|c| if c.is_control() { ' ' } else { c });
        let answer: String = printable.take(ANSWER_CHARACTERS_MAX).collect();
        let answer = answer.trim();
        let answer = if answer.is_empty() { "nothing more" } else { answer };
        Self::Refused { status: response.status(), answer: answer.to_owned() }
    }

    fn from_frame(error: &tungstenite::Error) -> Self {
        let reason = reason(error);
        match error {
            tungstenite::Error::Capacity(_) | tungstenite::Error::Utf8(_) => {
                Self::Unreceivable { reason }
            }
            _ => Self::Broken { reason },
        }
    }
}

/// What went wrong, in words for a person: the libraries tell of their own types and manuals.
fn reason(error: &tungstenite::Error) -> String {
    let tungstenite::Error::Io(error) = error else { return error.to_string() };
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "no authority that is trusted has signed the server's certificate; \
             `acquisition.trusted_certificates` names more of them"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(reason)) => {
            format!("the server's certificate is not valid: {reason}")
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            "the server does not speak TLS; is its url `ws://`?".to_owned()
        }
        _ if error.kind() == ErrorKind::UnexpectedEof => "it ended without a goodbye".to_owned(),
        _ => error.to_string(),
    }
}

/// What a connection gave.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) messages: u64,
    /// `None` when it is no longer wanted.
    pub(super) lost: Option<Lost>,
}

/// A frame that is a message, and what its source says of its place.
#[derive(Debug)]
pub(super) struct Heard(pub(super) Option<Mark>);

/// Understands what a connection brings.
pub(super) trait Listener {
    /// A message, or none. The error ends the connection.
    fn read(&mut self, frame: &[u8]) -> Result<Option<Heard>, Lost>;

    /// Where the source goes on after a message.
    fn cursor_after(&mut self, heard: Heard, times: Times) -> Option<Arc<str>>;

    /// Whether a source that sends nothing of its own for long may be well.
    fn may_be_silent(&self) -> bool;
}

/// Receives into the buffer until the connection is lost, `stop`, or nobody takes the messages.
pub(super) async fn receive<S, C>(
    socket: WebSocketStream<S>,
    buffer: &Buffer<C>,
    listener: &mut impl Listener,
    options: &Acquisition,
    stop: &CancellationToken,
) -> Received
where
    S: AsyncRead + AsyncWrite + Unpin,
    C: Clock,
{
    let liveness = Liveness::new(options, Instant::now());
    let mut session = Session { socket, liveness, options, messages: 0 };
    let lost = session.run(buffer, listener, stop).await.err();
    let Session { socket, messages, .. } = session;
    if !matches!(lost, Some(Lost::Broken { .. })) {
        say_goodbye(socket).await;
    }
    Received { messages, lost }
}

/// Closes a connection in the way of the protocol, if the other side does its part in time.
pub(super) async fn say_goodbye<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    match timeout(GOODBYE_WAIT, socket.close(None)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "the connection was closed without a goodbye"),
        Err(_) => debug!("the connection was closed without a goodbye"),
    }
}

struct Session<'a, S> {
    socket: WebSocketStream<S>,
    liveness: Liveness,
    options: &'a Acquisition,
    messages: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// The error is why the connection is lost.
    async fn run<C: Clock>(
        &mut self,
        buffer: &Buffer<C>,
        listener: &mut impl Listener,
        stop: &CancellationToken,
    ) -> Result<(), Lost> {
        loop {
            // While there is no room nothing is read, and the other side has to wait.
            let Some(slot) = stop.run_until_cancelled(buffer.slot()).await else { return Ok(()) };
            // That wait says nothing about the other side: its time begins now.
            self.liveness.heard(true, Instant::now());
            let frame = stop.run_until_cancelled(self.frame(listener)).await.transpose()?;
            let Some(frame) = frame else { return Ok(()) };
            let Some(heard) = listener.read(&frame)? else { continue };
            self.messages += 1;
            let cursor = |times: Times| listener.cursor_after(heard, times);
            if buffer.put(slot, frame, cursor).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The next frame with something in it. Dropping the future loses nothing.
    async fn frame(&mut self, listener: &impl Listener) -> Result<Bytes, Lost> {
        loop {
            let (when, due) = self.liveness.due();
            let frame = tokio::select! {
                frame = self.socket.next() => frame,
                () = sleep_until(when) => {
                    self.act(due, listener).await?;
                    continue;
                }
            };
            let own = match frame {
                None => return Err(Lost::Closed { reason: "without a goodbye".to_owned() }),
                Some(Err(error)) => return Err(Lost::from_frame(&error)),
                Some(Ok(Message::Text(text))) => return Ok(text.into()),
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Close(reason))) => {
                    let reason =
                        reason.map_or_else(|| "no reason given".to_owned(), |r| r.to_string());
                    return Err(Lost::Closed { reason });
                }
                Some(Ok(Message::Pong(_))) => false,
                // The library answers pings. It gives raw frames only to those who write them.
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => true,
            };
            self.liveness.heard(own, Instant::now());
        }
    }

    async fn act(&mut self, due: Due, listener: &impl Listener) -> Result<(), Lost> {
        let Acquisition { idle_timeout, pong_timeout, .. } = *self.options;
        match due {
            Due::Idle if listener.may_be_silent() => {
                self.liveness.excuse(Instant::now());
                Ok(())
            }
            Due::Idle => Err(Lost::Idle { limit: idle_timeout }),
            Due::Dead => Err(Lost::Dead { limit: pong_timeout }),
            Due::Ping => {
                let ping = self.socket.send(Message::Ping(Bytes::new()));
                match timeout(pong_timeout, ping).await {
                    Err(_) => return Err(Lost::Dead { limit: pong_timeout }),
                    Ok(Err(error)) => return Err(Lost::Broken { reason: reason(&error) }),
                    Ok(Ok(())) => self.liveness.asked(Instant::now()),
                }
                Ok(())
            }
        }
    }
}
