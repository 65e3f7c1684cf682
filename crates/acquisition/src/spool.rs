//! Keeps messages on disk while the log is away, and brings them to it afterwards, in order.
//!
//! ```text
//! log answers, spool empty     messages ──► log
//! log fails, or spool in use   messages ──► spool ──(drain)──► log
//! ```
//!
//! As long as anything waits in the spool, all messages go through it, so none overtakes another.
//! What is in the spool is durable and counts as stored; it is removed only when the log has
//! acknowledged it. So a program that is killed at any moment loses nothing that was acknowledged, and
//! its next start drains what was left. What the log had stored without saying so comes to it twice
//! and is an echo.
//!
//! Only errors after which trying again may help lead into the spool; others end the program, as they
//! do without one. When the spool is full, messages wait where they come from, or are dropped and
//! counted ([`AtLimit`]).

mod drain;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pulso_pipeline::{AdapterError, ErrorKind, Message, Retry, Sink, SourceCursor, observe};
use pulso_runtime::chain;
use pulso_sqlite::{Appended, Spool, SpoolLevel};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::COMPONENT;
use crate::throttle::Throttle;

/// How long a write waits for room before it says that there is none.
const ROOM_WAIT: Duration = Duration::from_secs(1);

/// How often it is noted in the spool how far sources are stored in the log, for a start at which the
/// log cannot be asked.
const REMEMBER_INTERVAL: Duration = Duration::from_secs(10);

/// How long a start waits for the log to say how far a source is stored.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it is logged that messages are dropped.
const DROP_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What happens to messages for which the spool has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtLimit {
    /// They are not read from their source until there is.
    #[default]
    Wait,
    /// They are lost, and counted.
    Drop,
}

/// `E` is the error of the log.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError<E: AdapterError> {
    #[error("failed to write to the log")]
    Log { source: E },
    #[error("failed to store messages in the spool")]
    Spool { source: pulso_sqlite::Error },
    #[error("the log is unavailable and the spool is full")]
    Full,
}

impl<E: AdapterError> AdapterError for SpoolError<E> {
    fn retry(&self) -> Retry {
        match self {
            Self::Log { source } => source.retry(),
            Self::Spool { source } => source.retry(),
            Self::Full => Retry::Backoff,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Log { source } => source.kind(),
            Self::Spool { source } => source.kind(),
            Self::Full => ErrorKind::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Log { source } => source.hint(),
            Self::Spool { source } => source.hint(),
            Self::Full => None,
        }
    }
}

impl<E: AdapterError> From<pulso_sqlite::Error> for SpoolError<E> {
    fn from(source: pulso_sqlite::Error) -> Self {
        Self::Spool { source }
    }
}

/// A log behind a spool.
#[derive(Debug)]
pub struct SpooledLog<S: Sink<Message>> {
    shared: Arc<Shared<S>>,
    handle: SpoolHandle,
    at_limit: AtLimit,
    /// When it was last noted how far sources are stored.
    remembered: Option<Instant>,
    dropping: Throttle,
}

/// What others need of a spooled log that is at work. The spool is drained as long as it, or the log,
/// is there.
#[derive(Clone, Debug)]
pub struct SpoolHandle {
    spool: Spool,
    level: watch::Receiver<SpoolLevel>,
    /// Whether the log will never take what waits.
    refused: watch::Receiver<bool>,
    dropped: Arc<AtomicU64>,
    /// Sources that go on from what is noted here alone.
    exact: Arc<BTreeSet<Arc<str>>>,
    _drain: Arc<Drain>,
}

/// Ends the task when nobody needs it any more.
#[derive(Debug)]
struct Drain(AbortHandle);

impl Drop for Drain {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug)]
pub(crate) struct Shared<S: Sink<Message>> {
    /// Whose messages these are.
    stream: &'static str,
    log: Mutex<S>,
    /// Locked for a change and for telling the level that follows from it.
    spool: Mutex<Spool>,
    level: watch::Sender<SpoolLevel>,
    refused: watch::Sender<bool>,
    /// Why, until somebody has been told.
    refusal: Mutex<Option<S::Error>>,
}

impl<S: Sink<Message>> Shared<S> {
    async fn tell_level(
        &self,
        spool: &MutexGuard<'_, Spool>,
    ) -> Result<SpoolLevel, pulso_sqlite::Error> {
        let level = spool.level().await?;
        observe::spooled(self.stream, level.messages, level.bytes);
        self.level.send_replace(level);
        Ok(level)
    }

    /// Why the log will never take what waits in the spool.
    pub(crate) async fn refusal(&self) -> Result<(), SpoolError<S::Error>> {
        let refusal = self.refusal.lock().await.take();
        refusal.map_or(Ok(()), |source| Err(SpoolError::Log { source }))
    }

    async fn append(&self, messages: Vec<Message>) -> Result<Appended, pulso_sqlite::Error> {
        let spool = self.spool.lock().await;
        let appended = spool.append(messages).await?;
        // One that waits for room waits for this to be told.
        if appended == Appended::Stored {
            self.tell_level(&spool).await?;
        }
        Ok(appended)
    }
}

impl<S: Sink<Message> + 'static> SpooledLog<S> {
    /// Begins to drain what an earlier run has left of the stream.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub async fn open(
        stream: &'static str,
        log: S,
        spool: Spool,
        at_limit: AtLimit,
    ) -> Result<Self, pulso_sqlite::Error> {
        let (sender, level) = watch::channel(spool.level().await?);
        let shared = Arc::new(Shared {
            stream,
            log: Mutex::new(log),
            spool: Mutex::new(spool.clone()),
            level: sender,
            refused: watch::Sender::new(false),
            refusal: Mutex::new(None),
        });
        let SpoolLevel { messages, bytes } = *level.borrow();
        observe::spooled(stream, messages, bytes);
        if messages > 0 {
            info!(messages, "messages of an earlier run wait in the spool");
        }
        let drain = tokio::spawn(drain::run(Arc::clone(&shared))).abort_handle();
        let handle = SpoolHandle {
            spool,
            level,
            refused: shared.refused.subscribe(),
            dropped: Arc::default(),
            exact: Arc::default(),
            _drain: Arc::new(Drain(drain)),
        };
        let dropping = Throttle::new(DROP_LOG_INTERVAL);
        Ok(Self { shared, handle, at_limit, remembered: None, dropping })
    }

    /// Notes with every write how far these sources are stored. The log, of several partitions, may have the last
    /// message of a write that failed without an earlier one.
    #[must_use]
    pub fn exact(mut self, sources: BTreeSet<Arc<str>>) -> Self {
        self.handle.exact = Arc::new(sources);
        self
    }

    pub fn handle(&self) -> SpoolHandle {
        self.handle.clone()
    }

    pub(crate) fn shared(&self) -> Arc<Shared<S>> {
        Arc::clone(&self.shared)
    }

    /// Straight to the log; what fails goes into the spool.
    async fn write_to_log(&mut self, messages: Vec<Message>) -> Result<(), SpoolError<S::Error>> {
        let written = self.shared.log.lock().await.write(messages.clone()).await;
        let Err(source) = written else { return self.remember(messages).await };
        if source.retry() == Retry::No {
            return Err(SpoolError::Log { source });
        }
        observe::error_of_stream(COMPONENT, self.shared.stream, "send", "spooled");
        warn!(error = %chain(&source), "the log is unavailable; storing messages in the spool");
        self.write_to_spool(messages).await
    }

    async fn write_to_spool(&mut self, messages: Vec<Message>) -> Result<(), SpoolError<S::Error>> {
        self.shared.refusal().await?;
        let deadline = Instant::now() + ROOM_WAIT;
        loop {
            self.handle.level.mark_unchanged();
            if self.shared.append(messages.clone()).await? == Appended::Stored {
                return Ok(());
            }
            match self.at_limit {
                AtLimit::Drop => {
                    self.drop_newest(messages.len() as u64);
                    return Ok(());
                }
                AtLimit::Wait => {
                    let changed = self.handle.level.changed();
                    if tokio::time::timeout_at(deadline, changed).await.is_err() {
                        return Err(SpoolError::Full);
                    }
                }
            }
        }
    }

    fn drop_newest(&mut self, count: u64) {
        self.handle.dropped.fetch_add(count, Ordering::SeqCst);
        observe::discarded(COMPONENT, self.shared.stream, "spool_full", count);
        if let Some(suppressed) = self.dropping.pass(Instant::now()) {
            tracing::error!(
                count,
                suppressed,
                "the log is unavailable and the spool is full; messages are lost"
            );
        }
    }

    async fn remember(&mut self, messages: Vec<Message>) -> Result<(), SpoolError<S::Error>> {
        let due = |last: Instant| last.elapsed() >= REMEMBER_INTERVAL;
        let exact =
            messages.iter().any(|message| self.handle.exact.contains(&message.headers.source));
        if exact || self.remembered.is_none_or(due) {
            self.handle.spool.remember(messages).await?;
            self.remembered = Some(Instant::now());
        }
        Ok(())
    }
}

impl<S: Sink<Message> + 'static> Sink<Message> for SpooledLog<S> {
    type Error = SpoolError<S::Error>;

    /// Returns when the messages are durable, in the log or in the spool; or dropped, where that is
    /// configured.
    async fn write(&mut self, messages: Vec<Message>) -> Result<(), Self::Error> {
        // Only this adds to the spool: when it is empty now, it stays so.
        let empty = self.handle.level.borrow().messages == 0;
        if empty { self.write_to_log(messages).await } else { self.write_to_spool(messages).await }
    }
}

impl SpoolHandle {
    /// How much waits, at any moment.
    pub fn level(&self) -> watch::Receiver<SpoolLevel> {
        self.level.clone()
    }

    /// How many messages were dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::SeqCst)
    }

    /// Waits until nothing waits in the spool, or the log refuses it for ever.
    pub async fn drained(&self) {
        let (mut level, mut refused) = (self.level.clone(), self.refused.clone());
        // Both end when nothing is drained any more.
        tokio::select! {
            _ = level.wait_for(|level| level.messages == 0) => {}
            _ = refused.wait_for(|refused| *refused) => {}
        }
    }

    /// From where to ask a source for more: what the log says, or what waits here. While the log is
    /// away, what was last noted of it, which may be somewhat earlier and then makes echoes.
    pub async fn last_stored<E: AdapterError>(
        &self,
        source: &str,
        log_says: impl Future<Output = Result<Option<SourceCursor>, E>>,
    ) -> Result<Option<SourceCursor>, SpoolError<E>> {
        let noted = self.spool.last_cursor(source).await?;
        if self.exact.contains(source) {
            return match noted {
                Some(noted) => Ok(Some(noted)),
                None => log_says.await.map_err(|source| SpoolError::Log { source }),
            };
        }
        match timeout(ASK_TIMEOUT, log_says).await {
            Ok(Ok(stored)) => Ok(stored.max(noted)),
            Ok(Err(error)) if error.retry() == Retry::No => Err(SpoolError::Log { source: error }),
            Ok(Err(error)) => {
                warn!(source, error = %chain(&error), "the log does not say where a source goes on");
                Ok(noted)
            }
            Err(_) => {
                warn!(source, "the log does not say in time where a source goes on");
                Ok(noted)
            }
        }
    }
}
