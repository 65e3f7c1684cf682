//! Tells operators and other layers where the speed layer is.

use std::time::Duration;

use pulso_model::{EventTime, Offsets, WallTime};
use pulso_pipeline::{Batch, Progress, Record, observe};
use tokio::sync::watch;

use super::COMPONENT;
use crate::processor::{Processed, Processor};

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

impl Status {
    /// Up to where the log has been read.
    pub fn next_offsets(&self) -> Offsets {
        self.progress.iter().map(|progress| progress.next_offset).collect()
    }
}

/// Tells what became of a batch whose documents are written; returns the lag.
pub(super) fn report(
    processor: &Processor,
    processed: &Processed,
    batch: &Batch,
    now: WallTime,
    status: &watch::Sender<Status>,
) -> u64 {
    let stream = processor.stream().name;
    observe::received(COMPONENT, stream, batch.records.len() as u64);
    for (reason, count) in &processed.discarded {
        observe::discarded(COMPONENT, stream, reason, *count);
    }
    observe::fired(stream, processed.windows);
    observe::open_panes(stream, processor.windows().open_panes());
    if !processor.stream().sessions.is_empty() {
        let refused = processor.windows().refused().facts;
        observe::sessions(stream, processor.windows().open_sessions(), refused);
    }
    let watermark = processor.windows().watermark();
    if let Some(watermark) = watermark {
        let delay = u64::try_from(now.0 - watermark.0).unwrap_or(0);
        observe::watermark_delay(stream, Duration::from_millis(delay));
    }
    let mut lag = 0;
    for (partition, behind) in processor.next_offsets().lags(&batch.end_offsets) {
        observe::lag(COMPONENT, stream, partition, behind);
        lag += behind;
    }
    let (closed_until, progress) = (processor.windows().closed_until(), processor.progress());
    status.send_replace(Status { watermark, closed_until, progress, lag });
    lag
}

/// Tells how long messages took from their receipt to their acknowledged documents.
///
/// Every message, not a sample: a sample of each batch would give a message of a small batch more
/// weight than one of a large batch, and one call a message takes some nanoseconds.
pub(super) fn report_latencies(stream: &'static str, batch: &Batch, now: WallTime) {
    let since = |record: &Record| now.0.saturating_sub(record.headers.received_time.0);
    let latencies = batch.records.iter().map(|record| u64::try_from(since(record)).unwrap_or(0));
    observe::acknowledged_after(stream, latencies.map(Duration::from_millis));
}
