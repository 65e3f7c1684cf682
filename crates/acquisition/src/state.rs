//! What each source is doing: counts for everybody to see, and a switch by which it is paused.
//!
//! A pause is a file ([`Sources`]), so that it outlasts the program. It is looked for twice a second.

#[cfg(test)]
mod tests;

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pulso_pipeline::observe;
use pulso_runtime::health::Health;
use pulso_runtime::sources::{SourceCounts, SourceState, Sources};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long it takes at most until a source is paused, or goes on.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Where it is said what sources do, and asked which are paused.
#[derive(Clone, Debug)]
pub struct Keeping {
    pub sources: Sources,
    pub health: Health,
}

/// Counts what becomes of the messages of a source.
#[derive(Debug)]
pub(crate) struct Counts {
    metrics: observe::Admitted,
    read: AtomicU64,
    filtered: AtomicU64,
    sampled_out: AtomicU64,
    filter_errors: AtomicU64,
}

impl Counts {
    pub(crate) fn of(stream: &'static str, source: &str) -> Self {
        let [read, filtered, sampled_out, filter_errors] = [const { AtomicU64::new(0) }; 4];
        let metrics = observe::Admitted::of(stream, source);
        Self { metrics, read, filtered, sampled_out, filter_errors }
    }

    pub(crate) fn read(&self) {
        self.metrics.read();
        self.read.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn filtered(&self) {
        self.metrics.filtered();
        self.filtered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sampled_out(&self) {
        self.metrics.sampled_out();
        self.sampled_out.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn filter_error(&self) {
        self.metrics.filter_error();
        self.filter_errors.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> SourceCounts {
        SourceCounts {
            read: self.read.load(Ordering::Relaxed),
            filtered: self.filtered.load(Ordering::Relaxed),
            sampled_out: self.sampled_out.load(Ordering::Relaxed),
            filter_errors: self.filter_errors.load(Ordering::Relaxed),
        }
    }
}

/// Whether a source is paused, for those who follow it.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    /// Since when.
    paused: watch::Receiver<Option<String>>,
    stop: CancellationToken,
}

impl Switch {
    /// With what switches it.
    pub(crate) fn new(stop: CancellationToken) -> (watch::Sender<Option<String>>, Self) {
        let (sender, paused) = watch::channel(None);
        (sender, Self { paused, stop })
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.borrow().is_some()
    }

    /// Waits until the source may be read, or is told to stop.
    pub(crate) async fn resumed(&self) {
        let mut paused = self.paused.clone();
        tokio::select! {
            () = self.stop.cancelled() => {}
            // Where nobody switches any more, it stays as it is: not paused, or about to stop.
            _ = paused.wait_for(Option::is_none) => {}
        }
    }

    /// Waits until the source is paused.
    pub(crate) async fn pausing(&self) {
        let mut paused = self.paused.clone();
        if paused.wait_for(Option::is_some).await.is_err() {
            pending::<()>().await;
        }
    }
}

/// A source whose state is kept.
struct Kept {
    stream: &'static str,
    source: Arc<str>,
    counts: Arc<Counts>,
    paused: watch::Sender<Option<String>>,
    told: Option<SourceState>,
}

/// Keeps the states of all sources of a stream.
pub(crate) struct Keeper {
    keeping: Keeping,
    kept: Vec<Kept>,
    /// Whether the folder could be used at the last look.
    failed: bool,
}

impl Keeper {
    pub(crate) fn new(keeping: Keeping) -> Self {
        Self { keeping, kept: Vec::new(), failed: false }
    }

    pub(crate) fn add(
        &mut self,
        (stream, source): (&'static str, Arc<str>),
        counts: Arc<Counts>,
        paused: watch::Sender<Option<String>>,
    ) {
        self.kept.push(Kept { stream, source, counts, paused, told: None });
    }

    /// Looks until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            let looked = spawn_blocking(move || {
                self.look();
                self
            });
            self = match looked.await {
                Ok(keeper) => keeper,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// Switches sources as they are to be, and says what they do.
    pub(crate) fn look(&mut self) {
        let Keeping { sources, health } = &self.keeping;
        let looked: io::Result<()> =
            self.kept.iter_mut().try_for_each(|kept| kept.look(sources, health));
        // What they do is not lost with it: they go on as they are.
        if let Err(error) = &looked
            && !self.failed
        {
            warn!(%error, "the states of sources cannot be kept; they can be neither paused nor resumed");
        }
        self.failed = looked.is_err();
    }
}

impl Kept {
    fn look(&mut self, sources: &Sources, health: &Health) -> io::Result<()> {
        let source = &self.source;
        let paused_since = sources.paused_since(source)?;
        let changed = self.paused.send_if_modified(|paused| {
            let changed = *paused != paused_since;
            paused.clone_from(&paused_since);
            changed
        });
        if changed || self.told.is_none() {
            observe::paused(self.stream, source, paused_since.is_some());
            health.paused(source, paused_since.clone());
        }
        match &paused_since {
            Some(since) if changed => info!(%source, since, "a source is paused"),
            None if changed => info!(%source, "a source goes on"),
            _ => {}
        }
        let state = SourceState { counts: self.counts.now(), paused_since };
        if self.told.as_ref() != Some(&state) {
            sources.tell(source, &state)?;
            self.told = Some(state);
        }
        Ok(())
    }
}
