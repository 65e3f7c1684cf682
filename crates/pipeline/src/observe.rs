//! Every metric of Pulso: one function per fact, called once per batch, never per event.
//!
//! Only the facade; the applications install an exporter. What is of a stream has its name as a label.
//! Topics, urls and other values without a bound are never labels.

use std::fmt;
use std::time::Duration;

use metrics::{Counter, counter, gauge, histogram};

/// Messages of a stream that a component read.
pub fn received(component: &'static str, stream: &'static str, count: u64) {
    counter!("pulso_received_events_total", "component" => component, "stream" => stream)
        .increment(count);
}

/// Messages or documents that a component wrote, acknowledged.
pub fn sent(component: &'static str, stream: &'static str, count: u64) {
    counter!("pulso_sent_events_total", "component" => component, "stream" => stream)
        .increment(count);
}

/// Messages that count nowhere, by reason (`echo`, `late`, why it was skipped, or a dead letter's reason).
pub fn discarded(component: &'static str, stream: &'static str, reason: &str, count: u64) {
    let reason = reason.to_owned();
    counter!("pulso_discarded_events_total", "component" => component, "stream" => stream, "reason" => reason)
        .increment(count);
}

/// Documents that a server will never take; their views tell the streams.
pub fn rejected(component: &'static str, reason: &'static str, count: u64) {
    counter!("pulso_discarded_events_total", "component" => component, "reason" => reason)
        .increment(count);
}

/// An error that was survived; `stage` is `receive`, `process` or `send`.
pub fn error(component: &'static str, stage: &'static str, kind: &'static str) {
    counter!("pulso_errors_total", "component" => component, "stage" => stage, "kind" => kind)
        .increment(1);
}

/// The same where it is of one stream.
pub fn error_of_stream(
    component: &'static str,
    stream: &'static str,
    stage: &'static str,
    kind: &'static str,
) {
    counter!("pulso_errors_total", "component" => component, "stream" => stream, "stage" => stage, "kind" => kind)
        .increment(1);
}

/// A connection to a source that was made again.
pub fn reconnected(stream: &'static str, source: &str) {
    counter!("pulso_acquisition_reconnects_total", "stream" => stream, "source" => source.to_owned())
        .increment(1);
}

/// A source that is followed from now on. Its gaps are shown as none: a counter that appears with its
/// first one has not increased, as far as an alert can tell.
pub fn followed(stream: &'static str, source: &str) {
    gaps(stream, source).increment(0);
    gap_seconds(stream, source).increment(0);
}

/// A stretch of a source in which messages may be missing, and how long it was at most. Nobody knows
/// whether there were any.
pub fn gap(stream: &'static str, source: &str, length: Duration) {
    gaps(stream, source).increment(1);
    // Begun seconds: the counter has whole ones, and a short gap is one, too.
    let seconds = length.as_secs() + u64::from(length.subsec_nanos() > 0);
    gap_seconds(stream, source).increment(seconds);
}

fn gaps(stream: &'static str, source: &str) -> Counter {
    counter!("pulso_acquisition_gaps_total", "stream" => stream, "source" => source.to_owned())
}

fn gap_seconds(stream: &'static str, source: &str) -> Counter {
    counter!("pulso_acquisition_gap_seconds_total", "stream" => stream, "source" => source.to_owned())
}

/// Whether somebody has paused a source.
pub fn paused(stream: &'static str, source: &str, paused: bool) {
    gauge!("pulso_acquisition_paused", "stream" => stream, "source" => source.to_owned())
        .set(if paused { 1.0 } else { 0.0 });
}

/// What became of the messages of a source at the door. Counted one by one, so that the counters are kept.
#[derive(Clone)]
pub struct Admitted {
    read: Counter,
    filtered: Counter,
    sampled_out: Counter,
    filter_errors: Counter,
}

impl Admitted {
    /// All are shown from the beginning, as nothing.
    pub fn of(stream: &'static str, source: &str) -> Self {
        let of = |counter: Counter| {
            counter.increment(0);
            counter
        };
        let source = || source.to_owned();
        Self {
            read: of(
                counter!("pulso_acquisition_read_events_total", "stream" => stream, "source" => source()),
            ),
            filtered: of(
                counter!("pulso_acquisition_filtered_events_total", "stream" => stream, "source" => source()),
            ),
            sampled_out: of(
                counter!("pulso_acquisition_sampled_out_events_total", "stream" => stream, "source" => source()),
            ),
            filter_errors: of(
                counter!("pulso_acquisition_filter_errors_total", "stream" => stream, "source" => source()),
            ),
        }
    }

    /// A message that was read from the source.
    pub fn read(&self) {
        self.read.increment(1);
    }

    /// One that the filter keeps out.
    pub fn filtered(&self) {
        self.filtered.increment(1);
    }

    /// One whose actor is not in the sample.
    pub fn sampled_out(&self) {
        self.sampled_out.increment(1);
    }

    /// One on which the filter fails; it comes in.
    pub fn filter_error(&self) {
        self.filter_errors.increment(1);
    }
}

impl fmt::Debug for Admitted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Admitted").finish_non_exhaustive()
    }
}

/// Messages waiting in acquisition's buffer.
pub fn buffered(stream: &'static str, source: &str, messages: usize) {
    gauge!("pulso_acquisition_buffered_events", "stream" => stream, "source" => source.to_owned())
        .set(u32::try_from(messages).unwrap_or(u32::MAX));
}

/// Messages waiting on disk for a log that is away, and the room that they take.
pub fn spooled(stream: &'static str, messages: u64, bytes: u64) {
    gauge!("pulso_acquisition_spooled_events", "stream" => stream).set(messages as f64);
    gauge!("pulso_acquisition_spooled_bytes", "stream" => stream).set(bytes as f64);
}

/// How much room the messages on disk may take.
pub fn spool_limit(stream: &'static str, bytes_max: u64) {
    gauge!("pulso_acquisition_spool_bytes_max", "stream" => stream).set(bytes_max as f64);
}

/// How many messages of a partition a component has not read yet; 0 means caught up.
pub fn lag(component: &'static str, stream: &'static str, partition: u32, messages: u64) {
    let partition = partition.to_string();
    gauge!("pulso_consumer_lag", "component" => component, "stream" => stream, "partition" => partition)
        .set(messages as f64);
}

/// How far the watermark is behind the clock.
pub fn watermark_delay(stream: &'static str, delay: Duration) {
    gauge!("pulso_speed_watermark_delay_seconds", "stream" => stream).set(delay.as_secs_f64());
}

/// Panes that may still change.
pub fn open_panes(stream: &'static str, count: usize) {
    gauge!("pulso_speed_open_panes", "stream" => stream)
        .set(u32::try_from(count).unwrap_or(u32::MAX));
}

/// Keys with open sessions, and facts that found no room for theirs since the checkpoint was begun.
pub fn sessions(stream: &'static str, open: usize, refused: u64) {
    gauge!("pulso_speed_open_sessions", "stream" => stream)
        .set(u32::try_from(open).unwrap_or(u32::MAX));
    counter!("pulso_speed_refused_session_facts_total", "stream" => stream).absolute(refused);
}

/// Windows fired, late firings included.
pub fn fired(stream: &'static str, windows: u64) {
    counter!("pulso_speed_fired_windows_total", "stream" => stream).increment(windows);
}

/// How long a sink took to acknowledge a batch.
pub fn sink_write(component: &'static str, stream: &'static str, took: Duration) {
    histogram!("pulso_sink_write_seconds", "component" => component, "stream" => stream)
        .record(took.as_secs_f64());
}

/// From the receipt of messages to the acknowledgement of all views that they changed: each message
/// counts once, in one call a batch. While a backlog is read, that is mostly how long they waited.
pub fn acknowledged_after(stream: &'static str, latencies: impl IntoIterator<Item = Duration>) {
    let histogram = histogram!("pulso_speed_end_to_end_seconds", "stream" => stream);
    latencies.into_iter().for_each(|latency| histogram.record(latency.as_secs_f64()));
}

/// Days, indices or files that were past their age, by what they held.
pub fn removed(stream: &'static str, what: &'static str, count: u64) {
    counter!("pulso_retention_removed_total", "stream" => stream, "what" => what).increment(count);
}

/// Items of bulk requests that are sent again: the server was busy or away.
pub fn bulk_retried(items: u64) {
    counter!("pulso_elasticsearch_retried_items_total").increment(items);
}

/// A batch run that ended.
pub fn batch_run(stream: &'static str, job: &str, outcome: &'static str, took: Duration) {
    batch_runs(stream, job, outcome).increment(1);
    histogram!("pulso_batch_run_seconds", "stream" => stream, "job" => job.to_owned())
        .record(took.as_secs_f64());
}

/// A job that runs by schedule from now on. That it has not succeeded yet is shown, so that an alert can
/// tell if it never does.
pub fn batch_scheduled(stream: &'static str, job: &str) {
    batch_runs(stream, job, "succeeded").increment(0);
}

fn batch_runs(stream: &'static str, job: &str, outcome: &'static str) -> Counter {
    let job = job.to_owned();
    counter!("pulso_batch_runs_total", "stream" => stream, "job" => job, "outcome" => outcome)
}

/// An answered API request.
pub fn request(route: &str, status: u16, took: Duration) {
    histogram!("pulso_web_request_seconds", "route" => route.to_owned(), "status" => status.to_string())
        .record(took.as_secs_f64());
}
