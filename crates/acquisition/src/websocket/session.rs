//! One connection: receives until it is lost or no longer wanted.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use pulso_pipeline::Clock;
use pulso_runtime::config::Acquisition;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::liveness::{Due, Liveness};
use super::{from_frame, reason, say_goodbye};
use crate::buffer::{Buffer, Times};
use crate::connection::{Listener, Lost, Received};

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
                Some(Err(error)) => return Err(from_frame(&error)),
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
