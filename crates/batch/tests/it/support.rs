//! Lakes made of messages, and what the batch layer computes from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use pulso_batch::{
    ArchiveOptions, BatchLayer, Completeness, Computation, Days, Engine, Job, LayerOptions,
    Resources, WindowSettings,
};
use pulso_lake::Lake;
use pulso_model::{Decoder, Layer, View, ViewDocument, WallTime};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{Headers, LayerChoice, ManualClock, Record, Source, Views, partition_of};
use pulso_runtime::config::Retention;
use pulso_testkit::decoder;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// When all test messages were stored: 2017-07-14T02:40:00Z, after all their event times.
pub(crate) const LOG_TIME: WallTime = WallTime(1_500_000_000_000);

const MEMORY_MAX: usize = 256 * 1024 * 1024;

/// Bodies by `_id`.
pub(crate) type Bodies = BTreeMap<String, Value>;

/// Small windows, so that few messages fill many of them.
pub(crate) fn small_windows() -> WindowSettings {
    WindowSettings {
        size: Duration::from_secs(60),
        slide: Duration::from_secs(10),
        baseline: Duration::from_secs(120),
        count_above: 1,
        mute: BTreeSet::new(),
        unusual_from: 1.5,
        terms_max: 3,
        unusual_max: 2,
        scope_terms_max: 2,
        scope_unusual_max: 1,
    }
}

/// The jobs of the stream that most tests are about.
pub(crate) fn jobs() -> Vec<Job> {
    Job::all(pulso_testkit::stream())
}

/// Those that compute a day at a time.
pub(crate) fn jobs_by_day() -> Vec<Job> {
    jobs().into_iter().filter(Job::by_day).collect()
}

/// The messages as a log of some partitions stores them, one after the other.
pub(crate) fn records(messages: &[Bytes], partitions: u32) -> Vec<Record> {
    records_of(&decoder(), messages, partitions)
}

/// The same for messages of another stream.
pub(crate) fn records_of(decoder: &Decoder, messages: &[Bytes], partitions: u32) -> Vec<Record> {
    let mut next_offsets = BTreeMap::<u32, u64>::new();
    let record = |payload: &Bytes| {
        let partition = partition_of(decoder.head(payload).key.as_ref(), partitions);
        let next = next_offsets.entry(partition).or_default();
        let offset = *next;
        *next += 1;
        let headers = Headers { source: "test".into(), received_time: LOG_TIME, cursor: None };
        Record { partition, offset, log_time: LOG_TIME, headers, payload: payload.clone() }
    };
    messages.iter().map(record).collect()
}

/// A lake that holds the records; gone when dropped.
#[derive(Debug)]
pub(crate) struct TestLake {
    pub(crate) folder: TempDir,
    pub(crate) lake: Lake,
}

impl TestLake {
    pub(crate) async fn of(records: &[Record]) -> Self {
        Self::of_stream(&decoder(), records).await
    }

    pub(crate) async fn of_stream(decoder: &Decoder, records: &[Record]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("messages");
        let lake = Lake::open_or_create(path, decoder).await.unwrap();
        let mut lake = Self { folder, lake };
        lake.append(records).await;
        lake
    }

    pub(crate) async fn append(&mut self, records: &[Record]) {
        let partitions = records.iter().map(|record| record.partition + 1).max().unwrap_or(1);
        let next_offsets = self.lake.next_offsets(partitions).await.unwrap();
        let mut segment = self.lake.segment(&next_offsets);
        records.iter().for_each(|record| segment.push(record).unwrap());
        self.lake.append(segment.finish()).await.unwrap();
    }

    pub(crate) async fn engine(&self, windows: WindowSettings) -> Engine {
        self.engine_with_memory(windows, MEMORY_MAX).await
    }

    pub(crate) async fn engine_with_memory(
        &self,
        windows: WindowSettings,
        memory_max: usize,
    ) -> Engine {
        let scratch = self.folder.path().join("scratch");
        let resources = Resources { memory_max, threads: 2, scratch };
        let table = self.lake.table_provider().await.unwrap();
        Engine::new(self.lake.stream(), table, windows, &resources).unwrap()
    }

    /// All days that have rows, and the day after each: windows may end there.
    pub(crate) fn days(&self) -> Days {
        let days = self.lake.days().unwrap();
        let days = days.keys().flat_map(|day| [*day, day.next()]).collect();
        Days { days, complete_until: None }
    }
}

/// The batch layer over a log and views in memory, with its lake in a folder.
pub(crate) async fn batch_layer<S: Source>(
    folder: &Path,
    log: S,
    views: &MemoryViews,
    retention: Retention,
) -> BatchLayer<S, MemoryViews, ManualClock> {
    batch_layer_of(&decoder(), folder, log, views, retention).await
}

/// The same of another stream.
pub(crate) async fn batch_layer_of<S: Source>(
    decoder: &Decoder,
    folder: &Path,
    log: S,
    views: &MemoryViews,
    retention: Retention,
) -> BatchLayer<S, MemoryViews, ManualClock> {
    let lake = Lake::open_or_create(folder.join("messages"), decoder).await.unwrap();
    let scratch = folder.join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    let options = LayerOptions {
        windows: small_windows(),
        resources: Resources { memory_max: MEMORY_MAX, threads: 2, scratch },
        archive: ArchiveOptions::from(&pulso_runtime::Config::default().archive),
        completeness: Completeness {
            max_out_of_orderness: Duration::from_secs(2),
            idle_timeout: Duration::from_mins(1),
        },
        retention,
        honour_deletions: true,
    };
    let clock = ManualClock::at(LOG_TIME);
    BatchLayer::new(log, lake, views.clone(), clock, options, CancellationToken::new())
}

/// Runs jobs into a store of their own.
pub(crate) async fn run(engine: &Engine, jobs: &[Job], days: &Days) -> MemoryViews {
    let views = MemoryViews::default();
    let shutdown = CancellationToken::new();
    let computation =
        Computation::prepare(engine, jobs, &days.days, views.clone(), shutdown).await.unwrap();
    for job in jobs {
        computation.run(job, days).await.unwrap();
    }
    views
}

/// What a layer has written of a view.
pub(crate) async fn written(views: &MemoryViews, view: View, layer: Layer) -> Vec<ViewDocument> {
    let mut chunks = views.scan(view, LayerChoice::Only(layer)).await.unwrap();
    let mut documents = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        documents.extend(chunk.unwrap().into_iter().map(|stored| stored.document));
    }
    documents
}

pub(crate) fn bodies(documents: &[ViewDocument]) -> Bodies {
    let body = |document: &ViewDocument| serde_json::from_str(&document.body).unwrap();
    documents.iter().map(|document| (document.id.clone(), body(document))).collect()
}
