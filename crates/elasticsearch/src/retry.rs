//! How long to retry, and how long to wait in between.

use std::error::Error as _;
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;
use tracing::warn;

use crate::connection::Client;
use crate::error::{Error, Operation};
use crate::request::Request;
use crate::response::Response;

/// The first pause.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// The longest pause, so that a server that was busy for a while is used again soon after.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Pauses that double, each shortened at random by up to a half, until a deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { until: Instant::now() + limit, pause: PAUSE_MIN }
    }

    /// Waits for the next attempt. Returns `false` at once if there is no time for one. Logs when
    /// the wait gets long, because nobody else does so before the deadline.
    pub(crate) async fn pause(&mut self, failure: &Error) -> bool {
        let pause = self.pause.mul_f64(rand::rng().random_range(0.5..=1.0));
        if Instant::now() + pause > self.until {
            return false;
        }
        tokio::time::sleep(pause).await;
        let grown = (self.pause * 2).min(PAUSE_MAX);
        if self.pause < PAUSE_MAX && grown == PAUSE_MAX {
            warn!(error = %failure, reason = failure.source().map(tracing::field::display), "still trying");
        }
        self.pause = grown;
        true
    }
}

impl Client {
    /// Sends a request that is harmless to repeat, until the server accepts or refuses it or the
    /// time is over.
    pub(crate) async fn send_patiently(
        &self,
        operation: Operation,
        request: &Request,
        limit: Duration,
    ) -> Result<Response, Error> {
        let mut patience = Patience::new(limit);
        loop {
            let sent = self.send(operation, request).await;
            let again = match &sent {
                Ok(response) if matches!(response.status, 429 | 502 | 503 | 504) => {
                    patience.pause(&self.refused(operation, response)).await
                }
                Err(error) if transient(error) => patience.pause(error).await,
                _ => false,
            };
            if !again {
                return sent;
            }
        }
    }

    /// Like [`send_patiently`](Self::send_patiently), but every answer other than success is an
    /// error.
    pub(crate) async fn ask(
        &self,
        operation: Operation,
        request: &Request,
        limit: Duration,
    ) -> Result<Response, Error> {
        let response = self.send_patiently(operation, request, limit).await?;
        if response.succeeded() { Ok(response) } else { Err(self.refused(operation, &response)) }
    }

    pub(crate) fn refused(&self, operation: Operation, response: &Response) -> Error {
        Error::refused(operation, self.urls(), response.refusal())
    }

    pub(crate) fn parse<'a, T: serde::Deserialize<'a>>(
        &self,
        operation: Operation,
        response: &'a Response,
    ) -> Result<T, Error> {
        let unreadable = |source| Error::Unreadable { operation, urls: self.urls(), source };
        response.parse().map_err(unreadable)
    }
}

/// Whether no answer came for a reason that may pass.
pub(crate) fn transient(error: &Error) -> bool {
    use pulso_pipeline::{AdapterError, Retry};
    matches!(error, Error::Send { .. } | Error::Timeout { .. }) && error.retry() == Retry::Backoff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_has_an_end_and_pauses_grow() {
        let start = Instant::now();
        let mut patience = Patience::new(Duration::from_secs(60));
        let mut pauses = Vec::new();
        let mut last = start;
        while patience.pause(&Error::Address { url: String::new() }).await {
            pauses.push(last.elapsed());
            last = Instant::now();
        }
        assert!(start.elapsed() <= Duration::from_secs(60));
        assert!(start.elapsed() >= Duration::from_secs(50), "{:?}", start.elapsed());
        assert!(pauses[0] <= PAUSE_MIN && pauses[0] >= PAUSE_MIN / 2);
        assert!(pauses.iter().all(|pause| *pause <= PAUSE_MAX));
        assert!(pauses.len() > 12, "{pauses:?}");
    }
}
