//! Each offset is in the table once, whatever fails and whoever else writes.

use pulso_lake::{Appended, Error, Lake};
use pulso_model::Offsets;
use pulso_pipeline::{AdapterError, Retry};

use crate::support::{
    append, decoder, doubles_and_count, next_offset, parquet_files, records, segment,
};

#[tokio::test]
async fn offsets_are_found_again_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    assert_eq!(lake.next_offsets(3).await.unwrap(), [0, 0, 0]);
    let both = [records(0, 0..5), records(2, 0..3)].concat();
    let appended = lake.append(segment([0; 3], &both)).await.unwrap();
    assert_eq!(appended, Appended::Committed(1));
    assert_eq!(lake.next_offsets(3).await.unwrap(), [5, 0, 3]);

    let reopened = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    assert_eq!(reopened.next_offsets(3).await.unwrap(), [5, 0, 3]);
    assert_eq!(reopened.version(), 1);
}

#[tokio::test]
async fn a_crash_before_the_commit_leaves_only_an_unused_file() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let written = lake.writer().write(segment([0], &records(0, 0..5))).unwrap();
    drop((written, lake));
    assert_eq!(parquet_files(folder.path()).len(), 1);

    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    assert_eq!(lake.next_offsets(1).await.unwrap(), [0]);
    lake.append(segment([0], &records(0, 0..7))).await.unwrap();
    assert_eq!(doubles_and_count(&lake).await, (vec![], "7".into()));
}

#[tokio::test]
async fn a_segment_committed_before_is_not_added_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    append(&mut lake, 4).await;
    let again = lake.append(segment([0], &records(0, 0..4))).await.unwrap();
    assert_eq!(again, Appended::AlreadyThere);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "4".into()));
    assert_eq!(parquet_files(folder.path()).len(), 1, "the second file is removed");
}

#[tokio::test]
async fn a_segment_that_does_not_follow_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    append(&mut lake, 4).await;
    let check = async |lake: &mut Lake, next: Offsets, records: &[_]| {
        let error = lake.append(segment(next, records)).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { .. }), "{error}");
        assert_eq!(error.retry(), Retry::Backoff);
    };
    check(&mut lake, [3].into(), &records(0, 3..6)).await;
    check(&mut lake, [5].into(), &records(0, 5..6)).await;
    check(&mut lake, [0].into(), &records(0, 0..3)).await;
    let both = [records(0, 0..4), records(1, 0..2)].concat();
    check(&mut lake, [0, 0].into(), &both).await;
    assert_eq!(lake.next_offsets(2).await.unwrap(), [4, 0]);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "4".into()));
    assert_eq!(parquet_files(folder.path()).len(), 1);
}

#[tokio::test]
async fn of_two_archivers_one_wins_and_the_other_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let mut second = Lake::open(folder.path(), &decoder()).await.unwrap();
    let slow = second.writer().write(segment([0], &records(0, 0..9))).unwrap();
    append(&mut first, 5).await;
    let error = second.commit(slow).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { partition: 0, next_offset: 5, segment_offset: 0 }));
    append(&mut second, 4).await;
    assert_eq!(doubles_and_count(&second).await, (vec![], "9".into()));
}

#[tokio::test]
async fn archivers_of_different_partitions_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let mut second = Lake::open(folder.path(), &decoder()).await.unwrap();
    let other = second.writer().write(segment([0, 0], &records(1, 0..2))).unwrap();
    append(&mut first, 5).await;
    assert_eq!(second.commit(other).await.unwrap(), Appended::Committed(2));
    assert_eq!(second.next_offsets(2).await.unwrap(), [5, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_archivers_at_once_add_every_offset_once() {
    const OFFSETS: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let mut archivers = tokio::task::JoinSet::new();
    for number in 0..4 {
        let path = folder.path().to_owned();
        archivers.spawn(async move {
            let mut lake = Lake::open(path, &decoder()).await.unwrap();
            let mut wins = 0;
            loop {
                let next = next_offset(&lake).await;
                if next >= OFFSETS {
                    return wins;
                }
                let end = (next + 1 + number).min(OFFSETS);
                match lake.append(segment([next], &records(0, next..end))).await {
                    Ok(Appended::Committed(_)) => wins += 1,
                    Ok(Appended::AlreadyThere) | Err(Error::Conflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    let wins: u64 = archivers.join_all().await.into_iter().sum();
    let lake = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(doubles_and_count(&lake).await, (vec![], OFFSETS.to_string()));
    assert_eq!(lake.version(), wins, "every commit is somebody's");
    assert_eq!(parquet_files(folder.path()).len() as u64, wins, "losers clean up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_created_at_once_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/messages");
    let create = || {
        let path = path.clone();
        tokio::spawn(async { Lake::open_or_create(path, &decoder()).await })
    };
    let (first, second) = tokio::join!(create(), create());
    append(&mut first.unwrap().unwrap(), 2).await;
    append(&mut second.unwrap().unwrap(), 2).await;
    let lake = Lake::open(path, &decoder()).await.unwrap();
    assert_eq!(doubles_and_count(&lake).await, (vec![], "2".into()));
}

#[tokio::test]
async fn offsets_that_the_log_lost_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let written = lake.writer().write(segment([0], &records(0, 100..103))).unwrap();
    assert_eq!((written.rows(), written.missing()), (3, 100));
    lake.commit(written).await.unwrap();
    assert_eq!(lake.next_offsets(1).await.unwrap(), [103]);
}
