//! Moves records from the log through the [`Processor`](crate::Processor) to the views.
//!
//! What is written, and in which order, makes the result exact. After a crash between any two steps the
//! log is read again from the last checkpoint, and the same documents are written under the same ids.
//!
//! | step | after | because |
//! |---|---|---|
//! | write the documents of a batch | it was read | - |
//! | start a checkpoint | all documents before it are acknowledged | what the checkpoint has read is not read again (P1) |
//! | save a decision, as a checkpoint of its own | the documents of its batch | the clock or the end of the input made it: reading again would not repeat it (P2) |
//! | write what follows from a decision | the decision is saved | a reader after a crash must close the same panes and windows (P2) |
//! | write a document of health | the checkpoint that contains it is saved | whoever goes on from there writes it again, so that the sums stay exact (W4) |
//!
//! A checkpoint is saved while further batches are read; there is never more than one on its way.
//! [`ports`] keeps this order, [`due`] says when, [`status`] tells others.

mod due;
mod ports;
mod saver;
mod status;

use std::time::Duration;

use pulso_model::ViewDocument;
use pulso_pipeline::{Batch, Checkpoints, Clock, Retry, Sink, Source, observe};
use pulso_runtime::{Backoff, chain};
use pulso_window::Settings;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::SpeedError;
use crate::error::Failed;
use crate::idle::IdleTracker;
use crate::processor::StreamSettings;
use crate::state::fits_log;
use due::Due;
use ports::Ports;
pub use status::Status;
use status::{report, report_latencies};

const COMPONENT: &str = "speed";

/// Pauses after an error that may pass: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How the speed layer runs.
#[derive(Debug)]
pub struct Options {
    pub stream: StreamSettings,
    pub settings: Settings,
    /// How long a partition must have been quiet to be idle.
    pub idle_timeout: Duration,
    /// The longest time between checkpoints while there are records.
    pub checkpoint_interval: Duration,
    /// The most records between checkpoints.
    pub checkpoint_records_max: u64,
    /// The time between documents of [`View::HEALTH`](pulso_model::View::HEALTH), also while nothing
    /// comes; `None`: there are none.
    pub health_interval: Option<Duration>,
    /// Told after every batch.
    pub status: watch::Sender<Status>,
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
    let stream = options.stream.decoder.stream().name;
    let mut ports = Ports::new(stream, source, sink, checkpoints);
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
                ports.abandon_checkpoint().await;
                return Err(error);
            }
            Retry::Backoff => backoff.next_delay(&mut rand::rng()),
            Retry::After(delay) => delay,
        };
        observe::error_of_stream(COMPONENT, stream, "process", "retried");
        let hint = error.hint();
        warn!(?delay, error = %chain(&error), hint, "reading again from the last checkpoint");
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
        acquired = ports.acquire() => acquired?,
    }
    let mut processor = ports.restore(options).await?;
    let restored = processor.next_offsets();
    ports.seek(&restored).await?;
    info!(next_offsets = %restored, "reading the log");
    let mut idle_tracker = IdleTracker::new(options.idle_timeout, ports.partitions());
    let mut due = Due::new(options);
    let mut lag = None;
    loop {
        let batch = tokio::select! {
            () = shutdown.cancelled() => break,
            batch = ports.next_batch() => batch?,
        };
        fits_log(&restored, &batch.end_offsets)?;
        let now = clock.now();
        let mut processed = processor.process(&batch.records, now);
        let idle_partitions = idle_tracker.observe(&batch, &processor.next_offsets(), now);
        for (partition, idle) in (0..).zip(idle_partitions) {
            processor.set_idle(partition, idle);
        }
        ports.write_processed(&mut processed).await?;
        report_latencies(processor.stream().name, &batch, clock.now());
        lag = Some(report(&processor, &processed, &batch, now, &options.status));
        if batch.finished {
            let mut processed = processor.finish();
            ports.write_processed(&mut processed).await?;
            let nothing = Batch::default();
            lag = Some(report(&processor, &processed, &nothing, now, &options.status));
            break;
        }
        due.records_written(batch.records.len());
        if ports.checkpoint_saved() {
            ports.finish_checkpoint().await?;
            *progressed = true;
        }
        if ports.checkpoint_started() {
            continue;
        }
        let health_due = due.take_health();
        if health_due {
            processor.measure(lag, now);
        }
        if health_due || due.checkpoint() {
            ports.start_checkpoint(&processor, health_due)?;
            due.checkpoint_started();
        }
    }
    ports.finish_checkpoint().await?;
    // The sums of health then say all that the last checkpoint does (W4).
    let health_incomplete = options.health_interval.is_some() && !processor.measured();
    if health_incomplete {
        processor.measure(lag, clock.now());
    }
    ports.start_checkpoint(&processor, health_incomplete)?;
    ports.finish_checkpoint().await
}
