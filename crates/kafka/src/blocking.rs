//! Runs calls that block until a broker answers, away from the runtime's threads.

use std::time::Duration;

use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use crate::Error;

/// How long Kafka's client may stay silent after a call's own time limit.
///
/// The client measures its waits by the machine's clock. If that clock is set back during a wait,
/// the wait gets longer by as much, and only an event ends it. So the caller has to.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// Runs a job that takes at most `limit`, unless the client is stuck.
///
/// # Errors
/// The job's, or [`Error::Stalled`].
pub(crate) async fn run<T: Send + 'static>(
    limit: Duration,
    job: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let waited = limit + GRACE;
    match timeout(waited, spawn_blocking(job)).await {
        Ok(ended) => outcome(ended),
        Err(_) => Err(Error::Stalled { waited }),
    }
}

pub(crate) fn outcome<T>(ended: Result<Result<T, Error>, JoinError>) -> Result<T, Error> {
    match ended {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Stopping),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_returns_is_given_up() {
        let (end, ended) = mpsc::channel::<()>();
        let limit = Duration::from_secs(5);
        let running = tokio::spawn(run(limit, move || {
            ended.recv().expect_err("nothing is sent");
            Ok(())
        }));
        tokio::task::yield_now().await;
        advance(limit + GRACE / 2).await;
        assert!(!running.is_finished(), "it has been given up too soon");
        advance(GRACE).await;
        let error = running.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Stalled { .. }), "{error}");
        drop(end);
    }
}
