//! Brings what waits in the spool to the log.

use std::sync::Arc;
use std::time::Duration;

use pulso_pipeline::{AdapterError, Message, Retry, Sink, observe};
use pulso_runtime::{Backoff, chain};
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use super::Shared;
use crate::COMPONENT;
use crate::throttle::Throttle;

/// How much is taken at once: enough that removing it costs little beside writing it.
const MESSAGES: usize = 2_000;
const BYTES: usize = 4 * 1024 * 1024;

/// Pauses while the log is away: at first, and at most. What comes in meanwhile has a place.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// How often it is logged that the log is still away.
const AWAY_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Drains as long as it is let.
pub(super) async fn run<S: Sink<Message> + 'static>(shared: Arc<Shared<S>>) {
    let mut level = shared.level.subscribe();
    let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
    let mut away = Throttle::new(AWAY_LOG_INTERVAL);
    let mut drained = 0;
    // The sender is in `shared`, so there is always a next change.
    while level.wait_for(|level| level.messages > 0).await.is_ok() {
        match drain_some(&shared).await {
            Ok(Some(count)) => {
                backoff.reset();
                drained += count;
            }
            Ok(None) => {
                info!(messages = drained, "the spool is drained; messages go to the log again");
                drained = 0;
            }
            Err(Failure::Log(source)) if source.retry() == Retry::No => {
                error!(error = %chain(&source), "the log refuses what waits in the spool");
                *shared.refusal.lock().await = Some(source);
                shared.refused.send_replace(true);
                return;
            }
            Err(failure) => {
                observe::error_of_stream(COMPONENT, shared.stream, "drain", "retried");
                if away.pass(Instant::now()).is_some() {
                    warn!(error = %failure.chain(), "messages wait in the spool");
                }
                let delay = match &failure {
                    Failure::Log(source) => source.retry(),
                    Failure::Spool(_) => Retry::Backoff,
                };
                let next = backoff.next_delay(&mut rand::rng());
                sleep(if let Retry::After(delay) = delay { delay } else { next }).await;
            }
        }
    }
    debug!("nothing will be drained any more");
}

enum Failure<E> {
    Log(E),
    Spool(pulso_sqlite::Error),
}

impl<E: AdapterError> Failure<E> {
    fn chain(&self) -> String {
        match self {
            Self::Log(error) => chain(error).to_string(),
            Self::Spool(error) => chain(error).to_string(),
        }
    }
}

/// Moves the oldest messages; `None` when none is left.
async fn drain_some<S: Sink<Message>>(
    shared: &Shared<S>,
) -> Result<Option<u64>, Failure<S::Error>> {
    let spooled = shared.spool.lock().await.first(MESSAGES, BYTES).await.map_err(Failure::Spool)?;
    let count = spooled.messages.len() as u64;
    // Not under the spool's lock: what comes in meanwhile is kept.
    if count > 0 {
        let written = shared.log.lock().await.write(spooled.messages).await;
        written.map_err(Failure::Log)?;
    }
    let spool = shared.spool.lock().await;
    if count > 0 {
        spool.remove(spooled.last).await.map_err(Failure::Spool)?;
    }
    let level = shared.tell_level(&spool).await.map_err(Failure::Spool)?;
    Ok((level.messages > 0).then_some(count))
}
