//! What `run` promises: order of writing and saving, retries, stops, refusals, what it tells.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use pulso_model::{EventTime, Offsets, View, ViewDocument, WallTime};
use pulso_pipeline::memory::{MemoryCheckpoints, MemoryLog, MemoryViews};
use pulso_pipeline::{
    AdapterError, Checkpoint, Checkpoints, ErrorKind, ManualClock, Message, Progress, Retry, Sink,
};
use pulso_runtime::config::Layers;
use pulso_runtime::{Config, chain};
use pulso_speed::{Options, SpeedError, Status, run};
use pulso_testkit::message::{EPOCH, MessageBuilder, message, received};
use pulso_testkit::view;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ports::{all_documents, documents};

const SETTINGS: [(&str, &str); 5] = [
    // The clock stands still while messages come.
    ("time.ahead_max", "1h"),
    ("window.size", "30s"),
    ("window.slide", "10s"),
    ("trends.baseline", "1m"),
    ("trends.count_above", "0"),
];

/// One pipeline over adapters in memory, whose program can be started again and again.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    log: MemoryLog<ManualClock>,
    pub(crate) clock: ManualClock,
    pub(crate) views: MemoryViews,
    pub(crate) checkpoints: MemoryCheckpoints,
}

pub(crate) type Running = JoinHandle<Result<(), SpeedError>>;

impl Bench {
    pub(crate) fn new(partitions: u32) -> Self {
        let clock = ManualClock::at(WallTime(EPOCH));
        Self {
            log: MemoryLog::new(partitions, clock.clone()),
            clock,
            views: MemoryViews::default(),
            checkpoints: MemoryCheckpoints::default(),
        }
    }

    /// With a message every second from the beginning, of ascending ids.
    pub(crate) async fn with_messages(partitions: u32, count: i64) -> Self {
        let bench = Self::new(partitions);
        for id in 0..count {
            bench.append(&message(id, EPOCH + id * 1000)).await;
        }
        bench
    }

    pub(crate) async fn append(&self, message: &MessageBuilder) {
        self.append_bytes(message.bytes()).await;
    }

    pub(crate) async fn append_bytes(&self, payload: Bytes) {
        let message: Message = received("test", WallTime(EPOCH), payload);
        let Ok(()) = self.log.clone().write(vec![message]).await;
    }

    /// Starts the program; it takes one message at a time and saves after every third.
    pub(crate) fn start<S>(
        &self,
        sink: S,
        settings: &[(&str, &str)],
    ) -> (Running, watch::Receiver<Status>, CancellationToken)
    where
        S: Sink<ViewDocument> + 'static,
    {
        self.start_with(sink, self.checkpoints.clone(), settings)
    }

    /// The same with other checkpoints.
    pub(crate) fn start_with<S, C>(
        &self,
        sink: S,
        checkpoints: C,
        settings: &[(&str, &str)],
    ) -> (Running, watch::Receiver<Status>, CancellationToken)
    where
        S: Sink<ViewDocument> + 'static,
        C: Checkpoints + 'static,
    {
        let (sender, status) = watch::channel(Status::default());
        let options =
            Options { checkpoint_records_max: 3, ..Options::new(&config(settings), sender) };
        let source = self.log.source(1);
        let (clock, shutdown) = (self.clock.clone(), CancellationToken::new());
        let stop = shutdown.clone();
        let running = async move {
            Box::pin(run(source, sink, checkpoints, clock, &options, shutdown)).await
        };
        (tokio::spawn(running), status, stop)
    }

    /// Runs until everything in the log is read, then stops.
    pub(crate) async fn run(&self, settings: &[(&str, &str)]) -> Result<(), SpeedError> {
        let (running, mut status, stop) = self.start(self.views.clone(), settings);
        let caught_up = status.wait_for(|status| !status.progress.is_empty() && status.lag == 0);
        drop(caught_up.await);
        stop.cancel();
        running.await.unwrap()
    }

    pub(crate) async fn saved(&self) -> Option<Checkpoint> {
        let Ok(checkpoint) = self.checkpoints.clone().load().await;
        checkpoint
    }

    pub(crate) async fn next_offsets(&self) -> Option<Offsets> {
        Some(self.saved().await?.next_offsets())
    }

    async fn all_documents(&self) -> Vec<ViewDocument> {
        all_documents(&self.views).await
    }
}

fn config(settings: &[(&str, &str)]) -> Config {
    let overrides = SETTINGS.iter().chain(settings);
    let overrides = overrides.map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Config::load(&Layers { overrides, ..Layers::default() }).unwrap()
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stored,
    /// Nobody hears of it any more.
    StoredUnheard,
    Fails(Retry),
    Hangs,
}

/// Views whose first writes end as told; all later ones are stored.
#[derive(Clone, Debug)]
pub(crate) struct Moody {
    views: MemoryViews,
    outcomes: Arc<Mutex<VecDeque<Outcome>>>,
    pub(crate) hanging: watch::Sender<bool>,
}

impl Moody {
    pub(crate) fn new(views: &MemoryViews, outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let outcomes = Arc::new(Mutex::new(outcomes.into_iter().collect()));
        Self { views: views.clone(), outcomes, hanging: watch::Sender::new(false) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
pub(crate) struct Full(Retry);

impl AdapterError for Full {
    fn retry(&self) -> Retry {
        self.0
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

impl Sink<ViewDocument> for Moody {
    type Error = Full;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Full> {
        let outcome = self.outcomes.lock().unwrap().pop_front().unwrap_or(Outcome::Stored);
        match outcome {
            Outcome::Fails(retry) => return Err(Full(retry)),
            Outcome::Stored => {
                let written: Result<(), Infallible> = self.views.write(documents).await;
                return written.map_err(|never| match never {});
            }
            Outcome::StoredUnheard => {
                let Ok(()) = self.views.write(documents).await;
            }
            Outcome::Hangs => {}
        }
        self.hanging.send_replace(true);
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn p1_a_sink_that_fails_for_good_ends_the_program_with_nothing_unwritten_behind_the_checkpoint()
 {
    let bench = Bench::with_messages(1, 10).await;
    let outcomes = [[Outcome::Stored; 4].as_slice(), &[Outcome::Fails(Retry::No)]].concat();
    let (running, _status, _stop) = bench.start(Moody::new(&bench.views, outcomes), &[]);
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, SpeedError::Sink(_)), "{error:?}");
    assert_eq!(bench.next_offsets().await, Some([3].into()), "after the third of four stored");
    assert_eq!(documents(&bench.views, view("responses")).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn p1_a_sink_that_hangs_at_shutdown_does_not_let_the_checkpoint_pass() {
    let bench = Bench::with_messages(1, 10).await;
    let outcomes = [[Outcome::Stored; 4].as_slice(), &[Outcome::Hangs]].concat();
    let sink = Moody::new(&bench.views, outcomes);
    let mut hanging = sink.hanging.subscribe();
    let (running, _status, stop) = bench.start(sink, &[]);
    hanging.wait_for(|hanging| *hanging).await.unwrap();
    stop.cancel();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(!running.is_finished(), "it waits for the documents to be acknowledged");
    assert_eq!(bench.next_offsets().await, Some([3].into()));
    running.abort();

    bench.run(&[]).await.unwrap();
    assert_eq!(documents(&bench.views, view("responses")).await.len(), 10);
    assert_eq!(bench.next_offsets().await, Some([10].into()));
}

#[tokio::test(start_paused = true)]
async fn errors_that_may_pass_are_waited_out_and_end_in_the_same_views() {
    let straight = Bench::with_messages(2, 40).await;
    straight.run(&[]).await.unwrap();

    let bench = Bench::with_messages(2, 40).await;
    let wait = Duration::from_secs(90);
    let again = Outcome::Fails(Retry::Backoff);
    let outcomes = [
        vec![again; 3],
        vec![Outcome::Stored; 5],
        vec![Outcome::Fails(Retry::After(wait)), Outcome::Stored, again],
    ];
    let begin = Instant::now();
    let (running, mut status, stop) = bench.start(Moody::new(&bench.views, outcomes.concat()), &[]);
    let read = |status: &Status| status.next_offsets().messages_before() == 40;
    status.wait_for(read).await.unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(begin.elapsed() >= wait, "{:?}", begin.elapsed());
    assert_eq!(bench.all_documents().await, straight.all_documents().await);
    assert_eq!(bench.saved().await.unwrap().progress, straight.saved().await.unwrap().progress);
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_an_outage_ends_with_its_error() {
    let bench = Bench::with_messages(1, 1).await;
    let outcomes = vec![Outcome::Fails(Retry::After(Duration::from_hours(1000)))];
    let sink = Moody::new(&bench.views, outcomes);
    let outcomes = Arc::clone(&sink.outcomes);
    let (running, _status, stop) = bench.start(sink, &[]);
    while !outcomes.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, SpeedError::Sink(_)), "{error:?}");
    assert_eq!(bench.saved().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_nothing_and_the_next_start_goes_on() {
    let bench = Bench::with_messages(2, 5).await;
    bench.run(&[]).await.unwrap();
    assert_eq!(documents(&bench.views, view("country-activity")).await.len(), 0);
    assert_eq!(bench.next_offsets().await, Some([3, 2].into()));
    for id in 5..40 {
        bench.append(&message(id, EPOCH + id * 1000)).await;
    }
    bench.run(&[]).await.unwrap();

    let straight = Bench::with_messages(2, 40).await;
    straight.run(&[]).await.unwrap();
    assert_eq!(documents(&bench.views, view("country-activity")).await.len(), 3);
    assert_eq!(bench.all_documents().await, straight.all_documents().await);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_saved_after_a_while_even_when_nothing_more_comes() {
    let bench = Bench::with_messages(1, 2).await;
    let (running, mut status, _stop) =
        bench.start(bench.views.clone(), &[("checkpoint.interval", "5s")]);
    status.wait_for(|status| status.progress.iter().any(|p| p.next_offset == 2)).await.unwrap();
    assert_eq!(bench.saved().await, None);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(bench.next_offsets().await, Some([2].into()));
    running.abort();
}

/// Closes something that the log alone does not close, is killed when the documents are out, and
/// starts again after the log has grown by responses for what was closed.
async fn p2_killed_after_closing(bench: &Bench) {
    let settings = [("trends.terms_max", "1"), ("checkpoint.interval", "1h")];
    let outcomes = [Outcome::Stored, Outcome::Stored, Outcome::StoredUnheard];
    let sink = Moody::new(&bench.views, outcomes);
    let mut hanging = sink.hanging.subscribe();
    let (running, _status, _stop) = bench.start(sink, &settings);
    hanging.wait_for(|hanging| *hanging).await.unwrap();
    running.abort();
    let shown = bench.all_documents().await;
    assert!(shown.iter().any(|document| document.view == view("trending-topics")), "{shown:?}");

    let topics = json!([{"urlkey": "go", "topic_name": "Go"}]);
    for id in 10..15 {
        let late = message(id, EPOCH + 5_000).set("/group/group_topics", topics.clone());
        bench.append(&late).await;
    }
    bench.run(&settings).await.unwrap();
    let mut found = bench.all_documents().await;
    found.retain(|document| shown.contains(document));
    assert_eq!(found, shown, "what was shown stays");
    assert_eq!(documents(&bench.views, View::LATE_FACTS).await.len(), 5);
    let progress = bench.saved().await.unwrap().progress;
    let expected = Progress { next_offset: 7, counted: 2, late: 5, ..Progress::default() };
    assert_eq!(progress, [expected]);
}

#[tokio::test(start_paused = true)]
async fn p2_what_the_clock_closes_is_saved_before_it_is_shown() {
    let bench = Bench::with_messages(1, 2).await;
    let clock = bench.clock.clone();
    let quiet = async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        clock.advance(Duration::from_secs(61));
    };
    tokio::spawn(quiet);
    p2_killed_after_closing(&bench).await;
}

#[tokio::test(start_paused = true)]
async fn p2_what_the_end_of_an_input_closes_is_saved_before_it_is_shown() {
    let bench = Bench::with_messages(1, 2).await;
    bench.log.finish();
    p2_killed_after_closing(&bench).await;
}

#[tokio::test(start_paused = true)]
async fn p3_settings_that_give_panes_another_meaning_are_refused() {
    let bench = Bench::with_messages(1, 5).await;
    bench.run(&[]).await.unwrap();
    let before = bench.all_documents().await;
    for (key, value, was) in [
        ("window.size", "40s", "30s"),
        ("window.slide", "5s", "10s"),
        ("window.max_out_of_orderness", "1m30s", "2s"),
        ("window.allowed_lateness", "1s", "0s"),
        ("trends.baseline", "2m", "1m"),
    ] {
        let error = bench.run(&[(key, value)]).await.unwrap_err();
        let SpeedError::Restore(error) = error else { panic!("{error:?}") };
        let text =
            format!("`{key}` was changed from {was} to {value} since the checkpoint was made");
        assert_eq!(error.to_string(), text);
        let hint = &error.hints()[0];
        assert!(hint.starts_with(&format!("set `{key}` back to \"{was}\"; ")), "{hint}");
    }
    assert_eq!(bench.all_documents().await, before);
    bench.run(&[]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_of_another_log_or_program_is_refused() {
    let bench = Bench::with_messages(2, 5).await;
    bench.run(&[]).await.unwrap();
    let checkpoint = bench.saved().await.unwrap();

    let other = Bench { log: MemoryLog::new(3, bench.clock.clone()), ..bench.clone() };
    let text = chain(&other.run(&[]).await.unwrap_err()).to_string();
    assert!(text.ends_with("the checkpoint has 2 partitions, the log has 3"), "{text}");

    let shorter = Bench::with_messages(2, 4).await;
    let shorter = Bench { checkpoints: bench.checkpoints.clone(), ..shorter };
    let text = chain(&shorter.run(&[]).await.unwrap_err()).to_string();
    let end = "has read partition 0 up to offset 3, the log has only 2 messages there";
    assert!(text.ends_with(end), "{text}");
    assert_eq!(bench.saved().await, Some(checkpoint.clone()));

    for (state, end) in [
        (vec![99], "another version of pulso (its format is 99, this one writes 9)"),
        (vec![], "the checkpoint is damaged: Hit the end of buffer, expected more data"),
        (checkpoint.state[..checkpoint.state.len() / 2].to_vec(), "expected more data"),
    ] {
        let Ok(()) =
            bench.checkpoints.clone().save(Checkpoint { state, ..checkpoint.clone() }).await;
        let text = chain(&bench.run(&[]).await.unwrap_err()).to_string();
        assert!(text.ends_with(end), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_and_remembered_may_change_at_a_start() {
    let bench = Bench::with_messages(1, 12).await;
    bench.run(&[]).await.unwrap();
    let trends = documents(&bench.views, view("trending-topics")).await;
    assert_eq!(trends.len(), 0);
    // Closes the first pane; the echo of the last response comes after a minute.
    bench.append(&message(12, EPOCH + 75_000)).await;
    bench.append(&message(11, EPOCH + 11_000)).await;
    bench.run(&[("trends.terms_max", "1"), ("echo.horizon", "30s")]).await.unwrap();
    let trends = documents(&bench.views, view("trending-topics")).await;
    assert!(!trends.is_empty() && trends.iter().all(|trend| trend.position == 1), "{trends:?}");
    let progress = bench.saved().await.unwrap().progress;
    let expected = Progress { next_offset: 14, counted: 13, late: 1, ..Progress::default() };
    assert_eq!(progress, [expected], "the echo is forgotten, so it looks late");
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_where_the_speed_layer_is() {
    let bench = Bench::with_messages(1, 13).await;
    bench.append_bytes(Bytes::from_static(b"{")).await;
    bench.append(&message(0, EPOCH)).await;
    bench.append(&message(99, EPOCH - 1)).await;
    let sink = Moody::new(&bench.views, [Outcome::Stored, Outcome::Hangs]);
    let (running, mut status, _stop) = bench.start(sink, &[]);
    let first = status.wait_for(|status| !status.progress.is_empty()).await.unwrap().clone();
    running.abort();
    assert_eq!((first.lag, first.closed_until), (15, None));
    assert_eq!(first.watermark, Some(EventTime(EPOCH - 2000)));

    let (running, mut status, stop) = bench.start(bench.views.clone(), &[]);
    let caught_up = |status: &Status| !status.progress.is_empty() && status.lag == 0;
    let last = status.wait_for(caught_up).await.unwrap().clone();
    stop.cancel();
    running.await.unwrap().unwrap();
    let counts = Progress { counted: 13, echoes: 1, late: 1, ..Progress::default() };
    let progress = Progress { next_offset: 16, dead_letters: 1, ..counts };
    let expected = Status {
        watermark: Some(EventTime(EPOCH + 10_000)),
        closed_until: Some(EventTime(EPOCH + 10_000)),
        progress: vec![progress],
        lag: 0,
    };
    assert_eq!(last, expected);
}
