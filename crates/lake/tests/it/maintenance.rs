//! Checkpoints and the removal of unused files.

use std::fs;
use std::time::Duration;

use pulso_lake::{Lake, Removed, Retained};
use pulso_model::{EventTime, WallTime};
use pulso_pipeline::Record;

use crate::support::{
    DAY_MS, NOON, NOW, append, decoder, doubles_and_count, message, parquet_files, record, records,
    segment,
};

const KEPT: Duration = Duration::from_hours(6);

/// Far after any file was written.
const FUTURE: WallTime = WallTime(253_402_300_799_999);

#[tokio::test]
async fn a_checkpoint_stands_for_the_log_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    for _ in 0..33 {
        append(&mut lake, 1).await;
    }
    let log = folder.path().join("_delta_log");
    assert!(log.join("00000000000000000032.checkpoint.parquet").exists());
    for version in 0..32 {
        fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let mut lake = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(lake.next_offsets(1).await.unwrap(), [33]);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "33".into()));
    assert_eq!(lake.compact(1 << 20, 3, NOW).await.unwrap().files_removed, 33);
    append(&mut lake, 1).await;
    assert_eq!(doubles_and_count(&lake).await, (vec![], "34".into()));
}

#[tokio::test]
async fn vacuum_removes_what_nobody_needs_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    for _ in 0..3 {
        append(&mut lake, 1).await;
    }
    assert_eq!(lake.compact(1 << 20, 3, NOW).await.unwrap().files_added, 1);
    append(&mut lake, 1).await;
    drop(lake.writer().write(segment([9], &records(0, 9..10))).unwrap());
    assert_eq!(parquet_files(folder.path()).len(), 6);

    let after = |millis: i64| WallTime(NOW.0 + millis);
    let kept_ms = i64::try_from(KEPT.as_millis()).unwrap();
    assert_eq!(lake.vacuum(KEPT, after(kept_ms)).await.unwrap(), 0);
    assert_eq!(lake.vacuum(KEPT, after(kept_ms + 1)).await.unwrap(), 3);
    assert_eq!(lake.vacuum(KEPT, after(kept_ms + 1)).await.unwrap(), 0, "they are gone");
    // The one without a commit is as old as the file system says.
    assert_eq!(lake.vacuum(KEPT, FUTURE).await.unwrap(), 1);
    assert_eq!(parquet_files(folder.path()).len(), 2);
    let lake = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(doubles_and_count(&lake).await, (vec![], "4".into()));
}

#[tokio::test]
async fn the_table_says_how_long_replaced_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let said = || async {
        let url = deltalake::ensure_table_uri(folder.path().to_str().unwrap()).unwrap();
        let table = deltalake::open_table(url).await.unwrap();
        let properties = table.snapshot().unwrap().metadata().configuration().clone();
        properties["delta.deletedFileRetentionDuration"].clone()
    };
    assert_eq!(said().await, "interval 604800 seconds");
    lake.vacuum(KEPT, NOW).await.unwrap();
    assert_eq!((said().await.as_str(), lake.version()), ("interval 21600 seconds", 1));
    lake.vacuum(KEPT, NOW).await.unwrap();
    assert_eq!(lake.version(), 1, "it is said once");
    append(&mut lake, 1).await;
}

#[tokio::test]
async fn a_vacuum_is_due_once_in_the_time_that_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let hour = |hours: i64| WallTime(NOW.0 + hours * 60 * 60 * 1000);
    let files_after = async |lake: &mut Lake, now| {
        lake.vacuum_when_due(KEPT, hour(now)).await;
        parquet_files(folder.path()).len()
    };
    let replace_three = async |lake: &mut Lake, now| {
        append(lake, 1).await;
        append(lake, 1).await;
        append(lake, 1).await;
        lake.compact(1 << 20, 3, hour(now)).await.unwrap();
    };
    replace_three(&mut lake, 0).await;
    assert_eq!(files_after(&mut lake, 0).await, 4);
    assert_eq!(files_after(&mut lake, 5).await, 4, "not due");
    assert_eq!(files_after(&mut lake, 7).await, 1);
    replace_three(&mut lake, 8).await;
    assert_eq!(files_after(&mut lake, 13).await, 5, "due, but all are younger");
    assert_eq!(files_after(&mut lake, 18).await, 5, "not due");
    assert_eq!(files_after(&mut lake, 3).await, 5, "the clock was set back");
    assert_eq!(files_after(&mut lake, 15).await, 1);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "6".into()));
}

#[tokio::test]
async fn a_day_that_is_removed_is_accounted_for_in_the_same_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    append(&mut lake, 2).await;
    // Stored on that day: from before it, it would be a dead letter.
    let log_time = WallTime(NOON + DAY_MS);
    let next_day = Record { log_time, ..record(0, 2, message(7, NOON + DAY_MS)) };
    lake.append(segment([2], &[next_day])).await.unwrap();
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
    assert_eq!(lake.remove_before(first.next(), &retained, NOW).await.unwrap(), 1);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "1".into()));
    assert_eq!(
        lake.days_changed_since(version).await.unwrap().into_iter().collect::<Vec<_>>(),
        [first]
    );
    let mut lake = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(lake.retained(1).await.unwrap(), retained);
    assert!(retained.accounts_for(first, 0, 2) && !retained.accounts_for(first, 0, 3));
    assert!(!retained.accounts_for(first.next(), 0, 2));
    assert_eq!(lake.next_offsets(1).await.unwrap(), [3]);
    assert_eq!(lake.vacuum(KEPT, FUTURE).await.unwrap(), 1);
    // It still grows, and what is removed again is nothing.
    append(&mut lake, 1).await;
    assert_eq!(lake.remove_before(first, &retained, NOW).await.unwrap(), 0);
}
