//! Passes bytes in both directions until there is a fault.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::sync::watch;

use super::{Fault, State};

pub(super) async fn serve(
    state: &State,
    client: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut lasting = state.lasting.subscribe();
    let (up_max, down_max) = match state.fault() {
        Fault::Refuse => return Ok(()),
        Fault::Stall => return changed(&mut lasting).await,
        Fault::CutRequest(bytes) => (bytes, u64::MAX),
        Fault::CutResponse(bytes) => (u64::MAX, bytes),
        Fault::None | Fault::Answer { .. } => (u64::MAX, u64::MAX),
    };
    let server = state.connect().await?;
    let (from_client, mut to_client) = split(client);
    let (from_server, mut to_server) = server.into_split();
    // The end of either direction closes both, as a cut does. A fault that was set before bytes came
    // holds them up, so it is looked at first.
    tokio::select! {
        biased;
        () = broken(&mut lasting) => {}
        ended = pass(from_client, &mut to_server, up_max) => return ended,
        ended = pass(from_server, &mut to_client, down_max) => return ended,
    }
    // Both are still open, but nothing passes.
    stall(&mut lasting).await
}

async fn pass(
    from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    bytes_max: u64,
) -> io::Result<()> {
    copy(&mut from.take(bytes_max), to).await?;
    to.flush().await
}

/// Waits until open connections must not pass anything any more.
pub(super) async fn broken(lasting: &mut watch::Receiver<Fault>) {
    // An error means that the proxy is at its end, and everything with it.
    drop(lasting.wait_for(|fault| matches!(fault, Fault::Refuse | Fault::Stall)).await);
}

/// Waits until a stall is over, if there is one.
pub(super) async fn stall(lasting: &mut watch::Receiver<Fault>) -> io::Result<()> {
    lasting.wait_for(|fault| *fault != Fault::Stall).await.map(drop).map_err(io::Error::other)
}

/// Waits until another fault, or none, is set.
pub(super) async fn changed(lasting: &mut watch::Receiver<Fault>) -> io::Result<()> {
    lasting.changed().await.map_err(io::Error::other)
}
