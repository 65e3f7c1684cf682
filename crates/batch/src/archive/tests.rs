use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use pulso_lake::Archived;
use pulso_model::{Key, Offsets, WallTime};
use pulso_pipeline::memory::{MemoryLog, MemorySource};
use pulso_pipeline::{AdapterError, ErrorKind, Headers, ManualClock, Message, Retry, Sink};
use pulso_testkit::decoder;
use tempfile::TempDir;

use super::*;

const PARTITIONS: u32 = 2;
const NOON: i64 = 1_489_924_800_000;

/// 2100-01-01. Checkpoints of the table forget replaced files by the machine's clock, which is behind.
const LATER: WallTime = WallTime(4_102_444_800_000);

const OPTIONS: ArchiveOptions = ArchiveOptions {
    batch_bytes: 1 << 20,
    batch_delay: Duration::from_secs(60),
    target_file_bytes: 1 << 20,
    compact_files_min: 4,
    replaced_files_kept: Duration::from_mins(20),
};

/// Every tenth message is a dead letter.
async fn append(log: &mut MemoryLog<ManualClock>, ids: std::ops::Range<i64>) {
    let headers =
        Headers { source: Arc::from("test"), received_time: WallTime(NOON), cursor: None };
    let message = |id: i64| {
        let payload = if id % 10 == 9 {
            format!(r#"{{"rsvp_id":{id}}}"#)
        } else {
            format!(
                r#"{{"rsvp_id":{id},"mtime":{NOON},"response":"yes","guests":0,
                "member":{{"member_id":1}},"event":{{"event_id":"e"}},"group":{{"group_id":1,
                "group_country":"no","group_lat":1,"group_lon":1,"group_topics":[]}}}}"#
            )
        };
        Message { headers: headers.clone(), key: Some(Key::Integer(id)), payload: payload.into() }
    };
    log.write(ids.map(message).collect()).await.unwrap();
}

async fn log_of(ids: std::ops::Range<i64>) -> MemoryLog<ManualClock> {
    let mut log = MemoryLog::new(PARTITIONS, ManualClock::at(WallTime(NOON)));
    append(&mut log, ids).await;
    log
}

async fn lake_in(folder: &TempDir) -> Lake {
    Lake::open_or_create(folder.path(), &decoder()).await.unwrap()
}

/// The positions in the lake and how often each is there: (partition, offset, count).
async fn positions(lake: &Lake) -> Vec<(i64, i64, i64)> {
    let context = SessionContext::new();
    context.register_table("messages", lake.table_provider().await.unwrap()).unwrap();
    let sql = "select cast(partition as bigint) as partition, \"offset\", count(*) \
               from messages group by 1, 2 order by 1, 2";
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let column = |index: usize| -> Vec<i64> {
        let columns = batches.iter().map(|batch| batch.column(index).as_primitive::<Int64Type>());
        columns.flat_map(|column| column.values().to_vec()).collect()
    };
    column(0).into_iter().zip(column(1)).zip(column(2)).map(|((p, o), n)| (p, o, n)).collect()
}

/// What [`positions`] are when the messages with ids up to `count` are there once.
fn each_once(count: i64) -> Vec<(i64, i64, i64)> {
    let partitions = i64::from(PARTITIONS);
    let end = |partition| (count - partition + partitions - 1) / partitions;
    (0..partitions).flat_map(|p| (0..end(p)).map(move |offset| (p, offset, 1))).collect()
}

async fn archive_to_end(
    source: &mut impl Source,
    lake: &mut Lake,
    options: &ArchiveOptions,
) -> anyhow::Result<ArchiveSummary> {
    archive_at(&ManualClock::at(WallTime(NOON)), source, lake, options).await
}

async fn archive_at(
    clock: &ManualClock,
    source: &mut impl Source,
    lake: &mut Lake,
    options: &ArchiveOptions,
) -> anyhow::Result<ArchiveSummary> {
    let shutdown = CancellationToken::new();
    archive(source, lake, options, Until::EndOfLog, clock, shutdown, |_| ()).await
}

#[tokio::test]
async fn every_offset_is_archived_once_for_any_cut() {
    let log = log_of(0..40).await;
    for (max_records, batch_bytes) in [(1, 1), (3, 1), (7, 4000), (1000, 1), (1000, 1 << 20)] {
        let folder = tempfile::tempdir().unwrap();
        let mut lake = lake_in(&folder).await;
        let options = ArchiveOptions { batch_bytes, ..OPTIONS };
        let mut counts = Vec::new();
        let (mut source, shutdown) = (log.source(max_records), CancellationToken::new());
        let progress = |rows| counts.push(rows);
        let (until, clock) = (Until::EndOfLog, ManualClock::at(WallTime(NOON)));
        let summary = archive(&mut source, &mut lake, &options, until, &clock, shutdown, progress);
        let summary = summary.await.unwrap();

        assert_eq!(positions(&lake).await, each_once(40), "{max_records} {batch_bytes}");
        let archived = lake.archived(PARTITIONS).await.unwrap();
        let ends = archived.iter().map(|partition| (partition.next_offset, partition.end_offset));
        assert_eq!(ends.collect::<Vec<_>>(), [(20, 20), (20, 20)]);
        assert_eq!((summary.rows, summary.dead_letters), (40, 4));
        assert_eq!(summary.days, BTreeSet::from([WallTime(NOON).day()]));
        assert_eq!(summary.commits, counts.len() as u64);
        assert!(counts.is_sorted() && counts.last() == Some(&40), "{counts:?}");
        let again = archive_to_end(&mut source, &mut lake, &options).await.unwrap();
        assert_eq!(again, ArchiveSummary::default());
    }
}

#[tokio::test]
async fn a_run_ends_at_the_end_of_the_log_as_it_was_at_the_start() {
    let mut log = log_of(0..4).await;
    let folder = tempfile::tempdir().unwrap();
    let mut lake = lake_in(&folder).await;
    let mut source = log.source(1000);
    assert_eq!(archive_to_end(&mut source, &mut lake, &OPTIONS).await.unwrap().rows, 4);
    append(&mut log, 4..5).await;
    assert_eq!(archive_to_end(&mut source, &mut lake, &OPTIONS).await.unwrap().rows, 1);
    assert_eq!(positions(&lake).await, each_once(5));
}

#[tokio::test]
async fn an_empty_log_makes_an_empty_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = lake_in(&folder).await;
    let mut source = log_of(0..0).await.source(1000);
    let summary = archive_to_end(&mut source, &mut lake, &OPTIONS).await.unwrap();
    assert_eq!((summary, lake.version()), (ArchiveSummary::default(), 0));
}

/// Gives a number of batches, then fails.
struct Crashing {
    source: MemorySource,
    batches: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("crash")]
struct Crash;

impl AdapterError for Crash {
    fn retry(&self) -> Retry {
        Retry::No
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

fn cannot_fail<T>(result: Result<T, Infallible>) -> T {
    result.unwrap_or_else(|never| match never {})
}

impl Source for Crashing {
    type Error = Crash;

    fn partitions(&self) -> u32 {
        self.source.partitions()
    }

    async fn acquire(&mut self) -> Result<(), Crash> {
        Ok(())
    }

    fn may_write(&self) -> Result<(), Crash> {
        Ok(())
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Crash> {
        Ok(cannot_fail(self.source.first_offsets().await))
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Crash> {
        self.source.seek(next_offsets).await.map_err(|never| match never {})
    }

    async fn next_batch(&mut self) -> Result<Batch, Crash> {
        self.batches = self.batches.checked_sub(1).ok_or(Crash)?;
        Ok(cannot_fail(self.source.next_batch().await))
    }
}

#[tokio::test]
async fn a_crash_after_any_batch_neither_loses_nor_doubles() {
    let log = log_of(0..12).await;
    for batch_bytes in [1, 3000] {
        let options = ArchiveOptions { batch_bytes, ..OPTIONS };
        for batches in 0..12 {
            let folder = tempfile::tempdir().unwrap();
            let mut source = Crashing { source: log.source(1), batches };
            let mut lake = lake_in(&folder).await;
            let crash = archive_to_end(&mut source, &mut lake, &options).await.unwrap_err();
            assert_eq!(format!("{crash:#}"), "failed to read the log: crash");
            let archived = lake.archived(PARTITIONS).await.unwrap();
            let committed = archived.iter().any(|partition| partition.next_offset > 0);
            let behind = |partition: &Archived| partition.next_offset < partition.end_offset;
            assert_eq!(archived.iter().any(behind), committed, "it was not read to its end");
            drop(lake);

            let mut lake = lake_in(&folder).await;
            archive_to_end(&mut log.source(1000), &mut lake, &options).await.unwrap();
            assert_eq!(positions(&lake).await, each_once(12), "{batches} {batch_bytes}");
        }
    }
}

#[tokio::test]
async fn two_archivers_at_once_disturb_but_never_double() {
    let log = log_of(0..12).await;
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (lake_in(&folder).await, lake_in(&folder).await);
    let options = ArchiveOptions { batch_bytes: 1, ..OPTIONS };
    let mut conflicts = 0;
    while positions(&first).await != each_once(12) {
        let (mut by_one, mut by_three) = (log.source(1), log.source(3));
        let results = tokio::join!(
            archive_to_end(&mut by_one, &mut first, &options),
            archive_to_end(&mut by_three, &mut second, &options),
        );
        assert!(results.0.is_ok() || results.1.is_ok());
        for error in [results.0, results.1].into_iter().filter_map(Result::err) {
            assert!(error.to_string().contains("the segment begins at"), "{error:#}");
            conflicts += 1;
        }
        first.refresh().await.unwrap();
    }
    assert_eq!(conflicts, 1, "one of them was too late once");
}

#[tokio::test(start_paused = true)]
async fn a_small_segment_is_committed_when_it_is_old() {
    let mut log = log_of(0..1).await;
    let folder = tempfile::tempdir().unwrap();
    let mut lake = lake_in(&folder).await;
    let begun = Instant::now();
    let shutdown = CancellationToken::new();
    let mut commits = Vec::new();
    let mut source = log.source(1000);
    let progress = |rows| {
        commits.push((rows, begun.elapsed().as_secs()));
        if rows == 2 {
            shutdown.cancel();
        }
    };
    let stop = shutdown.clone();
    let (until, clock) = (Until::Shutdown, ManualClock::at(WallTime(NOON)));
    let archiver = archive(&mut source, &mut lake, &OPTIONS, until, &clock, stop, progress);
    let writer = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        append(&mut log, 1..2).await;
    };
    let (summary, ()) = tokio::join!(archiver, writer);
    assert_eq!(summary.unwrap().commits, 2);
    assert_eq!(commits, [(1, 60), (2, 160)]);
}

/// Gives one batch; then nothing more comes, and the program is stopped.
struct StoppedAfterOne {
    source: MemorySource,
    given: bool,
    shutdown: CancellationToken,
}

impl Source for StoppedAfterOne {
    type Error = Infallible;

    fn partitions(&self) -> u32 {
        self.source.partitions()
    }

    async fn acquire(&mut self) -> Result<(), Infallible> {
        self.source.acquire().await
    }

    fn may_write(&self) -> Result<(), Infallible> {
        self.source.may_write()
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Infallible> {
        self.source.first_offsets().await
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Infallible> {
        self.source.seek(next_offsets).await
    }

    async fn next_batch(&mut self) -> Result<Batch, Infallible> {
        if std::mem::replace(&mut self.given, true) {
            self.shutdown.cancel();
            std::future::pending::<()>().await;
        }
        self.source.next_batch().await
    }
}

#[tokio::test]
async fn a_shutdown_commits_what_was_read() {
    let log = log_of(0..6).await;
    let folder = tempfile::tempdir().unwrap();
    let mut lake = lake_in(&folder).await;
    let shutdown = CancellationToken::new();
    let (source, stop) = (log.source(3), shutdown.clone());
    let mut source = StoppedAfterOne { source, given: false, shutdown };
    let (until, clock) = (Until::Shutdown, ManualClock::at(WallTime(NOON)));
    let archiver = archive(&mut source, &mut lake, &OPTIONS, until, &clock, stop, |_| ());
    assert_eq!(archiver.await.unwrap().rows, 3);
    assert_eq!(positions(&lake).await, [(0, 0, 1), (0, 1, 1), (0, 2, 1)]);
}

#[tokio::test]
async fn a_long_run_compacts_as_it_goes() {
    let log = log_of(0..20).await;
    let folder = tempfile::tempdir().unwrap();
    let mut lake = lake_in(&folder).await;
    let options = ArchiveOptions { batch_bytes: 1, ..OPTIONS };
    let summary = archive_to_end(&mut log.source(2), &mut lake, &options).await.unwrap();
    assert_eq!(summary.commits, 10);
    assert!(lake.version() > summary.commits, "there are compactions among the versions");
    assert_eq!(positions(&lake).await, each_once(20));
}

/// How many Parquet files are on disk, in the table or not.
fn files_on_disk(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: std::path::PathBuf| match path.is_dir() {
        true => files_on_disk(&path),
        false => usize::from(path.to_str().unwrap().ends_with(".zstd.parquet")),
    };
    entries.map(count).sum()
}

async fn files_in_table(lake: &Lake) -> usize {
    let context = SessionContext::new();
    context.register_table("messages", lake.table_provider().await.unwrap()).unwrap();
    // Only a verbose plan names all files, and it does so more than once.
    let plan = context.sql("explain verbose select source from messages").await.unwrap();
    let plan = plan.to_string().await.unwrap();
    let names = plan.split(['/', ',', '[', ']', ':', ' ']);
    names.filter(|name| name.ends_with(".zstd.parquet")).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn the_folder_does_not_keep_what_compaction_replaced_and_no_query_is_cut_off() {
    let mut log = log_of(0..2).await;
    let folder = tempfile::tempdir().unwrap();
    let mut lake = lake_in(&folder).await;
    let (clock, mut source) = (ManualClock::at(LATER), log.source(1000));
    let (mut queries, mut most) = (VecDeque::new(), 0);
    for round in 1..=60_i64 {
        archive_at(&clock, &mut source, &mut lake, &OPTIONS).await.unwrap();
        most = most.max(files_on_disk(folder.path()));
        let context = SessionContext::new();
        context.register_table("messages", lake.table_provider().await.unwrap()).unwrap();
        let query = context.sql("select \"offset\" from messages").await.unwrap();
        queries.push_back((query.execute_stream().await.unwrap(), round * 2));
        // It has opened no file yet, and a quarter of an hour later most of them are replaced.
        if queries.len() > 3 {
            let (query, expected) = queries.pop_front().unwrap();
            let batches: Vec<RecordBatch> = query.try_collect().await.unwrap();
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(i64::try_from(rows).unwrap(), expected);
        }
        clock.advance(Duration::from_mins(5));
        append(&mut log, round * 2..round * 2 + 2).await;
    }
    // What the table holds, and what is replaced in twice the time that files are kept: three compactions of
    // a few files. All that were ever written are some eighty.
    assert!(most <= 30, "{most} files");

    // What the first run replaces goes with the second one.
    for _ in 0..2 {
        clock.advance(OPTIONS.replaced_files_kept * 2);
        archive_at(&clock, &mut source, &mut lake, &OPTIONS).await.unwrap();
    }
    assert_eq!(files_on_disk(folder.path()), files_in_table(&lake).await);
    assert_eq!(positions(&lake).await, each_once(122));
}
