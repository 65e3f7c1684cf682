//! Trying again after an adapter's error, with pauses that grow.

use std::time::Duration;

use pulso_pipeline::{AdapterError, Retry, observe};
use rand::{Rng, RngExt};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::chain;

/// The most attempts of an operation after shutdown was asked for. Long enough for a database that
/// is briefly busy, short enough for a program that was told to stop.
const ATTEMPTS_AT_SHUTDOWN: u32 = 5;

/// Exponential backoff with full jitter: the n-th pause is a random part of `initial * 2^n`, at most
/// of `max`, so that many clients of a restarted server do not all come back at once.
///
/// (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    ceiling: Duration,
}

impl Backoff {
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, ceiling: initial.min(max) }
    }

    /// The next pause.
    pub fn next_delay(&mut self, random: &mut impl Rng) -> Duration {
        let delay = self.ceiling.mul_f64(random.random::<f64>());
        self.ceiling = self.ceiling.saturating_mul(2).min(self.max);
        delay
    }

    /// Begins anew, after a success.
    pub fn reset(&mut self) {
        *self = Self::new(self.initial, self.max);
    }
}

/// How an operation is tried again, and under which names its errors are counted.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    pub component: &'static str,
    pub stream: &'static str,
    /// `receive`, `process` or `send`, as for [`observe::error_of_stream`].
    pub stage: &'static str,
    /// The ceiling of the first pause.
    pub initial: Duration,
    /// The ceiling of any pause.
    pub max: Duration,
}

impl RetryPolicy {
    /// The usual pauses: half a second at first, 30 s at most.
    pub fn new(component: &'static str, stream: &'static str, stage: &'static str) -> Self {
        let (initial, max) = (Duration::from_millis(500), Duration::from_secs(30));
        Self { component, stream, stage, initial, max }
    }
}

/// Decides after each error of one operation whether to try again, and waits before that.
///
/// ```
/// # use pulso_runtime::{Retries, RetryPolicy};
/// # use pulso_pipeline::Sink;
/// # use tokio_util::sync::CancellationToken;
/// # async fn write<S: Sink<u8>>(sink: &mut S, shutdown: CancellationToken) -> Result<(), S::Error> {
/// let mut retries = Retries::new(RetryPolicy::new("speed", "posts", "send"), shutdown);
/// while let Err(error) = sink.write(vec![1, 2, 3]).await {
///     retries.after(error).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Retries {
    policy: RetryPolicy,
    backoff: Backoff,
    shutdown: CancellationToken,
    attempts_at_shutdown: u32,
}

impl Retries {
    pub fn new(policy: RetryPolicy, shutdown: CancellationToken) -> Self {
        let backoff = Backoff::new(policy.initial, policy.max);
        Self { policy, backoff, shutdown, attempts_at_shutdown: 0 }
    }

    /// Counts and logs the error, and returns when it is time to try again.
    ///
    /// # Errors
    /// The error itself when trying again is of no use, or when it still comes some attempts after
    /// shutdown was asked for.
    pub async fn after<E: AdapterError>(&mut self, error: E) -> Result<(), E> {
        let RetryPolicy { component, stream, stage, .. } = self.policy;
        let stopping = self.shutdown.is_cancelled();
        if stopping && self.attempts_at_shutdown == 0 {
            self.backoff.reset();
        }
        let delay = match error.retry() {
            Retry::No => return Err(error),
            Retry::After(delay) if !stopping => delay,
            _ => self.backoff.next_delay(&mut rand::rng()),
        };
        observe::error_of_stream(component, stream, stage, "retried");
        self.attempts_at_shutdown += u32::from(stopping);
        if self.attempts_at_shutdown == ATTEMPTS_AT_SHUTDOWN {
            return Err(error);
        }
        let hint = error.hint();
        warn!(component, stage, ?delay, error = %chain(&error), hint, "trying again");
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.shutdown.cancelled(), if !stopping => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
