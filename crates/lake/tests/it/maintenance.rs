//! Checkpoints and the removal of unused files.

use std::fs;

use pulso_lake::{Lake, RETENTION, Removed, Retained};
use pulso_model::{EventTime, WallTime};
use pulso_pipeline::Record;

use crate::support::{
    DAY_MS, NOON, append, doubles_and_count, message, parquet_files, record, records, segment,
};

/// Far after any file was written.
const FUTURE: WallTime = WallTime(253_402_300_799_999);

#[tokio::test]
async fn a_checkpoint_stands_for_the_log_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path()).await.unwrap();
    for _ in 0..33 {
        append(&mut lake, 1).await;
    }
    let log = folder.path().join("_delta_log");
    assert!(log.join("00000000000000000032.checkpoint.parquet").exists());
    for version in 0..32 {
        fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let mut lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.next_offsets(1).await.unwrap(), [33]);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "33".into()));
    assert_eq!(lake.compact(1 << 20, 3).await.unwrap().files_removed, 33);
    append(&mut lake, 1).await;
    assert_eq!(doubles_and_count(&lake).await, (vec![], "34".into()));
}

#[tokio::test]
async fn vacuum_removes_what_nobody_needs_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path()).await.unwrap();
    for _ in 0..3 {
        append(&mut lake, 1).await;
    }
    assert_eq!(lake.compact(1 << 20, 3).await.unwrap().files_added, 1);
    append(&mut lake, 1).await;
    drop(lake.writer().write(segment(&[9], &records(0, 9..10))).unwrap());
    assert_eq!(parquet_files(folder.path()).len(), 6);

    let before = WallTime(0);
    assert_eq!(lake.vacuum(RETENTION, before).await.unwrap(), 0);
    assert_eq!(lake.vacuum(RETENTION, FUTURE).await.unwrap(), 4);
    assert_eq!(parquet_files(folder.path()).len(), 2);
    let lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(doubles_and_count(&lake).await, (vec![], "4".into()));
}

#[tokio::test]
async fn a_day_that_is_removed_is_accounted_for_in_the_same_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path()).await.unwrap();
    append(&mut lake, 2).await;
    // Stored on that day: from before it, it would be a dead letter.
    let log_time = WallTime(NOON + DAY_MS);
    let next_day = Record { log_time, ..record(0, 2, message(7, NOON + DAY_MS)) };
    lake.append(segment(&[2], &[next_day])).await.unwrap();
    assert_eq!(
        lake.retained(1).await.unwrap(),
        Retained { removed: vec![Removed::default()], ..Retained::default() }
    );
    let version = lake.version();
    let first = EventTime(NOON).day();
    let removed = Removed { until: 3, end: 2, messages: 2, echoes: 1, ..Removed::default() };
    assert_eq!(removed.seen_from(0), Some(removed));
    assert_eq!(removed.seen_from(1), None, "nobody knows which of the two was read again");
    let unseen = Removed { until: 3, end: 2, from: 5, ..Removed::default() };
    assert_eq!(removed.seen_from(5), Some(unseen), "both were gone by then");
    let retained = Retained {
        kept_from: Some(first.next()),
        speed_views_from: Some(first),
        batch_views_from: None,
        removed: vec![removed],
    };
    assert_eq!(lake.remove_before(first.next(), &retained).await.unwrap(), 1);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "1".into()));
    assert_eq!(
        lake.days_changed_since(version).await.unwrap().into_iter().collect::<Vec<_>>(),
        [first]
    );
    let mut lake = Lake::open(folder.path()).await.unwrap();
    assert_eq!(lake.retained(1).await.unwrap(), retained);
    assert!(retained.accounts_for(first, 0, 2) && !retained.accounts_for(first, 0, 3));
    assert!(!retained.accounts_for(first.next(), 0, 2));
    assert_eq!(lake.next_offsets(1).await.unwrap(), [3]);
    assert_eq!(lake.vacuum(RETENTION, FUTURE).await.unwrap(), 1);
    // It still grows, and what is removed again is nothing.
    append(&mut lake, 1).await;
    assert_eq!(lake.remove_before(first, &retained).await.unwrap(), 0);
}
