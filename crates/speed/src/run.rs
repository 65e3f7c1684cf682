//! Moves records from the log through the [`Processor`] to the views.

use std::time::Duration;

use pulso_model::{EventTime, ViewDocument, WallTime};
use pulso_pipeline::{
    Batch, Checkpoint, Checkpoints, Clock, Progress, Record, Retry, Sink, Source, observe,
};
use pulso_runtime::{Backoff, chain};
use pulso_window::Settings;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::SpeedError;
use crate::error::Failed;
use crate::idle::IdleTracker;
use crate::processor::{Processed, Processor};
use crate::saver::Saver;
use crate::state::RestoreError;

const COMPONENT: &str = "speed";

/// Pauses after an error that may pass: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How the speed layer runs.
#[derive(Debug)]
pub struct Options {
    pub settings: Settings,
    /// How long a partition must have been quiet to be idle.
    pub idle_timeout: Duration,
    /// The longest time between checkpoints while there are records.
    pub checkpoint_interval: Duration,
    /// The most records between checkpoints.
    pub checkpoint_records_max: u64,
    /// The time between documents of [`View::Health`](pulso_model::View::Health), also while nothing
    /// comes; `None`: there are none.
    pub health_interval: Option<Duration>,
    /// Told after every batch.
    pub status: watch::Sender<Status>,
}

/// Where the speed layer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub watermark: Option<EventTime>,
    /// Panes and windows that end at or before this time have been written.
    pub closed_until: Option<EventTime>,
    /// By partition.
    pub progress: Vec<Progress>,
    /// Records in the log that have not been read, over all partitions.
    pub lag: u64,
}

/// Runs until the input ends (a finite one) or `shutdown` is cancelled; then saves a checkpoint.
///
/// A stop closes nothing: the next start goes on. The end of a finite input closes everything.
///
/// # Errors
/// When an adapter fails in a way that trying again does not mend, or a checkpoint does not fit.
pub async fn run<S, V, C>(
    source: S,
    sink: V,
    checkpoints: C,
    clock: impl Clock,
    options: &Options,
    shutdown: CancellationToken,
) -> Result<(), SpeedError>
where
    S: Source,
    V: Sink<ViewDocument>,
    C: Checkpoints + 'static,
{
    let mut ports = Ports { source, sink, saver: Saver::new(checkpoints), unshown: None };
    let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
    loop {
        let mut progressed = false;
        let attempt = attempt(&mut ports, &clock, options, &shutdown, &mut progressed).await;
        let Err(Failed { error, retry }) = attempt else { return Ok(()) };
        if progressed {
            backoff.reset();
        }
        let delay = match retry {
            Retry::No => {
                ports.saver.settle().await;
                return Err(error);
            }
            Retry::Backoff => backoff.next_delay(&mut rand::rng()),
            Retry::After(delay) => delay,
        };
        observe::error(COMPONENT, "process", "retried");
        warn!(?delay, error = %chain(&error), "reading again from the last checkpoint");
        tokio::select! {
            () = shutdown.cancelled() => return Err(error),
            () = tokio::time::sleep(delay) => {}
        }
    }
}

/// From the last checkpoint to the end, a stop, or the first error, once this instance may read.
/// `progressed` tells that a checkpoint was saved on the way.
async fn attempt<S: Source, V: Sink<ViewDocument>, C: Checkpoints + 'static>(
    ports: &mut Ports<S, V, C>,
    clock: &impl Clock,
    options: &Options,
    shutdown: &CancellationToken,
    progressed: &mut bool,
) -> Result<(), Failed> {
    // Before the checkpoint is loaded: until then another instance may save a newer one.
    tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        acquired = ports.source.acquire() => acquired.map_err(Failed::source)?,
    }
    let partitions = ports.source.partitions();
    let mut processor = ports.restore(options).await?;
    ports.write(processor.health().into_iter().collect()).await?;
    let next_offsets: Vec<u64> =
        processor.progress().iter().map(|progress| progress.next_offset).collect();
    ports.source.seek(&next_offsets).await.map_err(Failed::source)?;
    info!(?next_offsets, "reading the log");
    let mut idle = IdleTracker::new(options.idle_timeout, partitions);
    let mut due = Due::new(options);
    let mut lag = None;
    loop {
        let batch = tokio::select! {
            () = shutdown.cancelled() => break,
            batch = ports.source.next_batch() => {
                batch.map_err(Failed::source)?
            }
        };
        within(&next_offsets, &batch.end_offsets)?;
        let now = clock.now();
        let mut processed = processor.process(&batch.records, now);
        let read_until = processor.progress().into_iter().map(|p| p.next_offset);
        for (partition, idle) in (0..).zip(idle.observe(&batch, read_until, now)) {
            processor.set_idle(partition, idle);
        }
        ports.show(&mut processed).await?;
        acknowledged(&batch, clock.now());
        lag = Some(report(&processor, &processed, &batch, now, options));
        if batch.finished {
            let mut processed = processor.finish();
            ports.show(&mut processed).await?;
            lag = Some(report(&processor, &processed, &Batch::default(), now, options));
            break;
        }
        due.read(batch.records.len());
        if ports.saver.finished() {
            ports.saved().await?;
            *progressed = true;
        }
        if ports.saver.saving() {
            continue;
        }
        let measured = due.health();
        if measured {
            processor.measure(lag, now);
        }
        if due.checkpoint() || measured {
            ports.save(&processor, measured)?;
            due.saved();
        }
    }
    ports.saved().await?;
    let untold = options.health_interval.is_some() && !processor.measured();
    if untold {
        processor.measure(lag, clock.now());
    }
    ports.save(&processor, untold)?;
    ports.saved().await
}

/// What the speed layer reads and writes.
struct Ports<S, V, C: Checkpoints> {
    source: S,
    sink: V,
    saver: Saver<C>,
    /// To be written when what is being saved is saved.
    unshown: Option<ViewDocument>,
}

impl<S: Source, V: Sink<ViewDocument>, C: Checkpoints + 'static> Ports<S, V, C> {
    async fn restore(&mut self, options: &Options) -> Result<Processor, Failed> {
        self.unshown = None;
        let checkpoint = self.saver.load().await.map_err(Failed::checkpoint)?;
        let Some(checkpoint) = checkpoint else {
            let first_offsets = self.source.first_offsets().await;
            let first_offsets = first_offsets.map_err(Failed::source)?;
            return Ok(Processor::beginning_at(options.settings.clone(), first_offsets));
        };
        Ok(Processor::restore(&checkpoint, &options.settings, self.source.partitions())?)
    }

    /// Writes the documents, and saves what was decided before it shows what follows from it: a
    /// message that is read after a crash is then judged as by a reader that had gone on (P2).
    async fn show(&mut self, processed: &mut Processed) -> Result<(), Failed> {
        self.write(std::mem::take(&mut processed.documents)).await?;
        if let Some(decided) = processed.decided.take() {
            self.saved().await?;
            self.begin(decided)?;
            self.saved().await?;
            self.write(std::mem::take(&mut processed.closed)).await?;
        }
        Ok(())
    }

    /// An instance that has stood still may have a successor that shows more already: it writes
    /// nothing.
    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Failed> {
        if documents.is_empty() {
            return Ok(());
        }
        self.source.may_write().map_err(Failed::source)?;
        let count = documents.len() as u64;
        let start = Instant::now();
        self.sink.write(documents).await.map_err(Failed::sink)?;
        observe::sink_write(COMPONENT, start.elapsed());
        observe::sent(COMPONENT, count);
        Ok(())
    }

    /// Begins to save a checkpoint. A document of health that was just measured is written when it is
    /// in the checkpoint: a restart writes it again, and a crash between the two neither loses nor
    /// adds one.
    fn save(&mut self, processor: &Processor, measured: bool) -> Result<(), Failed> {
        self.begin(processor.checkpoint())?;
        self.unshown = processor.health().filter(|_| measured);
        Ok(())
    }

    fn begin(&mut self, checkpoint: Checkpoint) -> Result<(), Failed> {
        self.source.may_write().map_err(Failed::source)?;
        self.saver.begin(checkpoint);
        Ok(())
    }

    /// Waits until the checkpoint that is being saved, if any, is saved; then writes what waited too.
    async fn saved(&mut self) -> Result<(), Failed> {
        self.saver.wait().await.map_err(Failed::checkpoint)?;
        let document = self.unshown.take();
        self.write(document.into_iter().collect()).await
    }
}

/// A log that ends before the checkpoint is not the one that was read.
pub(crate) fn within(next_offsets: &[u64], end_offsets: &[u64]) -> Result<(), RestoreError> {
    let both = next_offsets.iter().zip(end_offsets).enumerate();
    for (partition, (&next_offset, &end_offset)) in both {
        if end_offset < next_offset {
            return Err(RestoreError::Ahead { partition, next_offset, end_offset });
        }
    }
    Ok(())
}

/// Every message, not a sample: a sample of each batch would give a message of a small batch more
/// weight than one of a large batch, and one call a message takes some nanoseconds.
fn acknowledged(batch: &Batch, now: WallTime) {
    let since = |record: &Record| now.0.saturating_sub(record.headers.received_time.0);
    let latencies = batch.records.iter().map(|record| u64::try_from(since(record)).unwrap_or(0));
    observe::acknowledged_after(latencies.map(Duration::from_millis));
}

/// Tells where the speed layer is; returns the lag.
fn report(
    processor: &Processor,
    processed: &Processed,
    batch: &Batch,
    now: WallTime,
    options: &Options,
) -> u64 {
    observe::received(COMPONENT, batch.records.len() as u64);
    for (reason, count) in &processed.discarded {
        observe::discarded(COMPONENT, reason, *count);
    }
    observe::fired(processed.windows);
    observe::open_panes(processor.engine().open_panes());
    let watermark = processor.engine().watermark();
    if let Some(watermark) = watermark {
        let delay = u64::try_from(now.0 - watermark.0).unwrap_or(0);
        observe::watermark_delay(Duration::from_millis(delay));
    }
    let progress = processor.progress();
    let mut lag = 0;
    for ((partition, progress), end_offset) in (0..).zip(&progress).zip(&batch.end_offsets) {
        let behind = end_offset.saturating_sub(progress.next_offset);
        observe::lag(COMPONENT, partition, behind);
        lag += behind;
    }
    let closed_until = processor.engine().closed_until();
    options.status.send_replace(Status { watermark, closed_until, progress, lag });
    lag
}

/// When the next checkpoint and the next document of health are due.
struct Due {
    interval: Duration,
    records_max: u64,
    last: Instant,
    records: u64,
    health_interval: Option<Duration>,
    health_last: Instant,
}

impl Due {
    fn new(options: &Options) -> Self {
        let now = Instant::now();
        Self {
            interval: options.checkpoint_interval,
            records_max: options.checkpoint_records_max,
            last: now,
            records: 0,
            health_interval: options.health_interval,
            health_last: now,
        }
    }

    /// Whether a document of health is to be made now.
    fn health(&mut self) -> bool {
        let elapsed = self.health_last.elapsed();
        let due = self.health_interval.is_some_and(|interval| elapsed >= interval);
        if due {
            self.health_last = Instant::now();
        }
        due
    }

    /// So many more records have been written.
    fn read(&mut self, records: usize) {
        self.records += records as u64;
    }

    /// Whether a checkpoint is to be saved now.
    fn checkpoint(&self) -> bool {
        self.records >= self.records_max
            || (self.records > 0 && self.last.elapsed() >= self.interval)
    }

    fn saved(&mut self) {
        self.records = 0;
        self.last = Instant::now();
    }
}
