//! One connection: receives until it ends, or until the stop.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use pulso_pipeline::Clock;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use super::Intake;

/// How much is read at once: a record of TLS.
const PIECE_BYTES: usize = 16 * 1024;

/// How long the end of a line may still come after the stop, and a goodbye take.
const STOP_WAIT: Duration = Duration::from_secs(1);

pub(super) async fn receive<C: Clock>(
    mut stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    peer: SocketAddr,
    intake: &Intake<C>,
) {
    let ended = receive_lines(&mut stream, intake).await;
    let source = intake.source();
    match ended {
        Ok(()) => debug!(%source, %peer, "a connection ended"),
        // Many senders leave TLS without a goodbye.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            debug!(%source, %peer, "a connection ended without a goodbye");
        }
        Err(error) => {
            if let Some(suppressed) = intake.failed("broken") {
                warn!(%source, %peer, suppressed, %error, "a connection broke");
            }
        }
    }
    let goodbye = timeout_at(Instant::now() + STOP_WAIT, stream.shutdown()).await;
    if let Ok(Err(error)) = goodbye {
        debug!(%source, %peer, %error, "a sender did not wait for a goodbye");
    }
}

/// The error is why nothing more comes; all that came is stored.
async fn receive_lines<C: Clock>(
    stream: &mut (impl AsyncRead + Unpin),
    intake: &Intake<C>,
) -> io::Result<()> {
    let mut lines = intake.lines();
    let mut piece = vec![0; PIECE_BYTES];
    let mut deadline: Option<Instant> = None;
    let ended = loop {
        // While the source is paused nothing is read, and the sender has to wait.
        intake.switch().resumed().await;
        let now = Instant::now();
        let read = match deadline {
            None => intake.stop().run_until_cancelled(stream.read(&mut piece)).await,
            Some(deadline) if now >= deadline => break Ok(()),
            // After the stop, what has come already, and the end of a line that has begun.
            Some(deadline) => {
                let until = if lines.is_empty() { now } else { deadline };
                timeout_at(until, stream.read(&mut piece)).await.ok()
            }
        };
        match read {
            None if deadline.is_none() => {
                deadline = Some(now + STOP_WAIT);
                // The runtime has to hear of what has come.
                tokio::task::yield_now().await;
            }
            None | Some(Ok(0)) => break Ok(()),
            Some(Ok(count)) => lines.push(&piece[..count]),
            Some(Err(error)) => break Err(error),
        }
        // While there is no room nothing is read, and the sender has to wait.
        while let Some(line) = lines.next() {
            if intake.put(line).await.is_err() {
                return Ok(());
            }
        }
    };
    if let Some(line) = lines.rest() {
        intake.put(line).await.ok();
    }
    ended
}
