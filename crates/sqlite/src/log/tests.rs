use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use pulso_model::Position;
use pulso_pipeline::{AdapterError, ManualClock, Retry, Source};
use pulso_testkit::message::{EPOCH, message, received};
use rusqlite::ErrorCode;
use tempfile::TempDir;

use super::*;
use crate::database::begin;

fn open(folder: &TempDir, partitions: u32, clock: &ManualClock) -> Log {
    Log::open(&folder.path().join("log.db"), partitions, clock.clone()).unwrap()
}

fn clock() -> ManualClock {
    ManualClock::at(WallTime(EPOCH))
}

fn messages(ids: impl IntoIterator<Item = i64>) -> Vec<Message> {
    ids.into_iter().map(|id| message(id, EPOCH + id).received(WallTime(EPOCH))).collect()
}

/// Checks the setting, because only a power failure would show its effect.
#[test]
fn a_commit_is_on_disk_before_it_is_acknowledged() {
    const FULL: i32 = 2;
    let folder = TempDir::new().unwrap();
    let log = open(&folder, 1, &clock());
    let connection = log.database.idle().unwrap();
    let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    assert_eq!(value("synchronous"), Ok(FULL));
    let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    assert_eq!(mode, Ok("wal".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumped_ahead_does_not_stamp_later_messages() {
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let mut log = open(&folder, 2, &clock);
    for (now, id) in [(10, 0), (1_000_000, 1), (20, 2), (30, 3)] {
        clock.set(WallTime(now));
        log.write(messages([id])).await.unwrap();
    }
    drop(log);
    clock.set(WallTime(40));
    let mut log = open(&folder, 2, &clock);
    log.write(messages([4])).await.unwrap();
    let records = log.source(10).unwrap().next_batch().await.unwrap().records;
    let times = |partition| -> Vec<_> {
        let of = records.iter().filter(|record| record.partition == partition);
        of.map(|record| record.log_time.0).collect()
    };
    assert_eq!((times(0), times(1)), (vec![10, 20, 40], vec![1_000_000, 30]));
}

#[tokio::test(start_paused = true)]
async fn a_source_goes_on_after_its_last_stored_message() {
    let (folder, clock) = (TempDir::new().unwrap(), clock());
    let mut log = open(&folder, 2, &clock);
    let at = |source: &str, received_time, cursor: Option<&str>| {
        let mut stored = received(source, WallTime(received_time), message(1, EPOCH).bytes());
        stored.headers.cursor = cursor.map(Into::into);
        stored
    };
    let cursor = |received_time, cursor: &str| {
        Some(SourceCursor { received_time: WallTime(received_time), cursor: cursor.into() })
    };
    assert_eq!(log.last_cursor("a").await.unwrap(), None);
    log.write(vec![at("a", 1, None)]).await.unwrap();
    assert_eq!(log.last_cursor("a").await.unwrap(), None, "a message may have none");

    log.write(vec![at("a", 2, Some("5")), at("b", 3, Some("b 9")), at("a", 4, Some("10"))])
        .await
        .unwrap();
    log.write(vec![at("b", 5, Some("b 10")), at("a", 6, None)]).await.unwrap();
    assert_eq!(log.last_cursor("a").await.unwrap(), cursor(4, "10"), "one without changes nothing");
    drop(log);
    let mut log = open(&folder, 2, &clock);
    assert_eq!(log.last_cursor("a").await.unwrap(), cursor(4, "10"));
    assert_eq!(log.last_cursor("b").await.unwrap(), cursor(5, "b 10"));
    assert_eq!(log.last_cursor("c").await.unwrap(), None);
    log.write(vec![at("a", 7, Some("0"))]).await.unwrap();
    assert_eq!(log.last_cursor("a").await.unwrap(), cursor(7, "0"), "a source may begin anew");
}

#[tokio::test(start_paused = true)]
async fn a_full_partition_does_not_starve_another() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder, 4, &clock());
    log.write(messages((0..1_000).map(|id| id * 4))).await.unwrap();
    log.write(messages([1, 5, 2, 3])).await.unwrap();
    let mut source = log.source(8).unwrap();
    let records = source.next_batch().await.unwrap().records;
    let from = |partition| records.iter().filter(|record| record.partition == partition).count();
    assert_eq!([from(1), from(2), from(3)], [2, 1, 1], "each has its share");
    assert!(from(0) > 0 && records.len() <= 8);
    assert_eq!(source.next_batch().await.unwrap().records.len(), 8, "unused shares are used");

    let mut one_by_one = log.source(1).unwrap();
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(one_by_one.next_batch().await.unwrap().records[0].partition);
    }
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2, 3], "each has its turn");
}

#[tokio::test(start_paused = true)]
async fn batches_are_bounded_in_bytes_too() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder, 2, &clock());
    let megabytes = |count: usize| received("test", WallTime(0), vec![b'x'; count << 20]);
    log.write(vec![megabytes(3), megabytes(3), megabytes(12), megabytes(1)]).await.unwrap();
    log.write((0..1_000).map(|id| message(id * 2 + 1, EPOCH).received(WallTime(0))).collect())
        .await
        .unwrap();
    let mut source = log.source(1_000_000).unwrap();
    let (mut sizes, mut small) = (Vec::new(), 0);
    while sizes.len() < 4 || small < 1_000 {
        let records = source.next_batch().await.unwrap().records;
        assert!(!records.is_empty());
        let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
        assert!(bytes <= 8 << 20 || records.len() == 1, "{bytes} bytes");
        small += records.iter().filter(|record| record.partition == 1).count();
        sizes.extend(records.iter().filter(|r| r.partition == 0).map(|r| r.payload.len() >> 20));
    }
    assert_eq!(sizes, [3, 3, 12, 1], "a message larger than a batch has one to itself");
}

/// Polls the future once and drops it, as a caller does that stops.
#[tokio::test(start_paused = true)]
async fn a_dropped_write_is_done_or_not_but_never_half() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder, 2, &clock());
    for _ in 0..20 {
        let before = log.end_offsets().await.unwrap().messages_before();
        drop_after_one_poll(log.write(messages(0..1_000)));
        let after = log.end_offsets().await.unwrap().messages_before();
        // One write may end during the next round.
        assert_eq!((after - before) % 1_000, 0);
    }
}

/// `max_page_count` makes SQLite itself report a full disk.
#[tokio::test(start_paused = true)]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder, 2, &clock());
    let limit = |log: &Log, pages: i64| {
        let connection = log.database.idle().unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    };
    limit(&log, 20);
    let mut stored = 0;
    let error = loop {
        match log.write(messages(0..10)).await {
            Ok(()) => stored += 10,
            Err(error) => break error,
        }
    };
    assert!(stored > 0);
    assert_eq!(error.retry(), Retry::No);
    let hint = error.hint().unwrap();
    assert!(hint.contains("free space"), "{hint}");
    assert_eq!(log.end_offsets().await.unwrap(), [stored / 2, stored / 2]);

    limit(&log, 1_000_000);
    log.write(messages(0..10)).await.unwrap();
    assert_eq!(log.end_offsets().await.unwrap(), [stored / 2 + 5, stored / 2 + 5]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_of_another_program_is_waited_for() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder, 2, &clock());
    log.database.idle().unwrap().busy_timeout(Duration::ZERO).unwrap();
    let mut other = Connection::open(folder.path().join("log.db")).unwrap();
    let lock = begin(&mut other).unwrap();
    let error = log.write(messages([1])).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Backoff);
    assert!(matches!(
        &error,
        Error::Append { source, .. } if source.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
    ));
    assert!(error.hint().unwrap().contains("another program"));
    assert_eq!(log.source(1).unwrap().next_batch().await.unwrap().records, [], "readers go on");
    drop(lock);
    log.write(messages([1])).await.unwrap();
}

/// An abandoned write that has begun ends before the next one begins.
#[tokio::test(start_paused = true)]
async fn writes_are_stored_in_the_order_of_the_calls() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder, 1, &clock());
    for number in 0..20 {
        drop_after_one_poll(log.write(messages(number * 2..=number * 2)));
        log.write(messages(number * 2 + 1..=number * 2 + 1)).await.unwrap();
    }
    let records = log.source(1_000).unwrap().next_batch().await.unwrap().records;
    let ids: Vec<_> =
        records.iter().map(|record| pulso_testkit::rsvp_id(&record.payload)).collect();
    assert!(ids.len() >= 20 && ids.is_sorted(), "{ids:?}");
}

/// Drops the operation as a caller does that stops. It may just have ended already.
fn drop_after_one_poll(operation: impl Future) {
    let mut operation = pin!(operation);
    drop(operation.as_mut().poll(&mut Context::from_waker(Waker::noop())));
}

#[tokio::test]
async fn single_messages_are_found_by_place_and_by_text() {
    let folder = TempDir::new().unwrap();
    let mut log = open(&folder, 2, &clock());
    log.write(messages(0..20)).await.unwrap();
    let mut source = log.source(100).unwrap();
    let all = source.next_batch().await.unwrap().records;
    assert_eq!(all.len(), 20);
    for record in &all {
        let found = source.message(record.position()).await.unwrap();
        assert_eq!(found.as_ref(), Some(record));
    }
    for (partition, offset) in [(0, 1_000), (2, 0), (u32::MAX, u64::MAX)] {
        let none = source.message(Position { partition, offset }).await.unwrap();
        assert_eq!(none, None);
    }
    let text = std::str::from_utf8(&all[3].payload).unwrap().to_owned();
    let found = source.messages_with(text.clone(), 5, 1_000).await.unwrap();
    assert_eq!(found, [all[3].clone()]);
    let [state] = &*source.sources(1).await.unwrap() else { panic!("there is one source") };
    assert_eq!((&*state.name, state.messages), ("test", 2), "one of each partition");
    assert_eq!(state.last_received, Some(WallTime(EPOCH)));
    let common = "rsvp_id".to_owned();
    let (few, newest) = (
        source.messages_with(common.clone(), 2, 1_000).await.unwrap(),
        source.messages_with(common, 100, 1).await.unwrap(),
    );
    assert_eq!((few.len(), newest.len()), (4, 2));
    assert_eq!(source.messages_with("no such text".to_owned(), 5, 1_000).await.unwrap(), []);
}
