//! Checkpoints and the removal of unused files.

use std::fs;

use pulso_lake::{Lake, RETENTION};
use pulso_model::WallTime;

use crate::support::{append, doubles_and_count, parquet_files, records, segment};

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
