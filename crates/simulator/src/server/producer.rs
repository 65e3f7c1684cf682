//! Moves messages from the source into the ring when they are due.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::Shared;
use crate::pacer::Pacer;
use crate::payload::Payload;
use crate::ring::Entry;
use crate::source::Source;

/// The most messages that are handed over together: a few milliseconds' worth at high rates.
const BATCH_MAX: usize = 256;
/// The shortest sleep. Messages due within it are handed over in one batch.
const TICK: Duration = Duration::from_millis(2);

/// Runs until the source ends or `stop`.
pub(super) async fn run(source: Source, shared: Arc<Shared>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = produce(source, &shared) => {
            shared.hub.end();
            info!(messages_made = shared.hub.progress().made, "the stream has ended");
        }
    }
}

async fn produce(mut source: Source, shared: &Shared) {
    shared.hub.clients(shared.config.wait_for_clients).await;
    let mut outlet =
        Outlet { shared, started: Instant::now(), batch: Vec::with_capacity(BATCH_MAX) };
    let mut pacer = Pacer::new(shared.config.pace);
    let mut left = shared.config.messages_max.unwrap_or(u64::MAX);
    while left > 0 {
        let due = pacer.due_to_make(outlet.started.elapsed());
        outlet.wait_until(due).await;
        let Some(message) = source.next() else { break };
        let due = pacer.due_to_send(&message, outlet.started.elapsed());
        outlet.wait_until(due).await;
        outlet.push(Entry { mtime_ms: message.mtime_ms, payload: message.payload }).await;
        left -= 1;
    }
    outlet.flush().await;
}

/// Collects due messages into batches.
struct Outlet<'a> {
    shared: &'a Shared,
    started: Instant,
    batch: Vec<Entry<Payload>>,
}

impl Outlet<'_> {
    /// Waits until `due` after the start. Sends what has been collected first, so that it need not
    /// wait.
    async fn wait_until(&mut self, due: Duration) {
        let wait = due.saturating_sub(self.started.elapsed());
        if wait.is_zero() {
            return;
        }
        self.flush().await;
        tokio::time::sleep(wait.max(TICK)).await;
    }

    async fn push(&mut self, entry: Entry<Payload>) {
        self.batch.push(entry);
        if self.batch.len() >= BATCH_MAX {
            self.flush().await;
            // An unlimited stream would otherwise keep its thread from the connections.
            tokio::task::yield_now().await;
        }
    }

    async fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.shared.hub.push_all(&mut self.batch).await;
        }
    }
}
