//! Compaction changes files, never rows.

use pulso_lake::{Compaction, Lake};

use crate::support::{
    DAY_MS, NOON, NOW, append, decoder, doubles_and_count, message, parquet_files, query, record,
    segment,
};

const TARGET: u64 = 1 << 20;

async fn files_in_table(lake: &Lake) -> usize {
    let plan = query(lake, "explain select rsvp_id from messages").await;
    plan.concat().matches(".zstd.parquet").count()
}

#[tokio::test]
async fn small_files_of_a_day_become_one_with_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    for _ in 0..5 {
        append(&mut lake, 3).await;
    }
    let older = record(0, 15, message(1, NOON - DAY_MS));
    lake.append(segment([15], &[older])).await.unwrap();
    let all = "select * from messages order by \"offset\"";
    let (rows, days) = (query(&lake, all).await, lake.days().unwrap());

    let compaction = lake.compact(TARGET, 5, NOW).await.unwrap();
    assert_eq!(compaction, Compaction { days: 1, files_removed: 5, files_added: 1 });
    assert_eq!(files_in_table(&lake).await, 2);
    assert_eq!(query(&lake, all).await, rows);
    assert_eq!(lake.days().unwrap(), days);
    assert_eq!(lake.next_offsets(1).await.unwrap(), [16]);
    assert_eq!(lake.compact(TARGET, 2, NOW).await.unwrap(), Compaction::default());

    let reopened = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(query(&reopened, all).await, rows);
    assert_eq!(reopened.next_offsets(1).await.unwrap(), [16]);
}

#[tokio::test]
async fn a_day_with_few_files_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    for _ in 0..4 {
        append(&mut lake, 1).await;
    }
    assert_eq!(lake.compact(TARGET, 5, NOW).await.unwrap(), Compaction::default());
    assert_eq!(lake.version(), 4);
}

#[tokio::test]
async fn readers_of_an_older_version_are_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    for _ in 0..3 {
        append(&mut lake, 2).await;
    }
    let reader = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(lake.compact(TARGET, 3, NOW).await.unwrap().files_removed, 3);
    append(&mut lake, 2).await;
    assert_eq!(doubles_and_count(&reader).await, (vec![], "6".into()));
    assert_eq!(doubles_and_count(&lake).await, (vec![], "8".into()));
}

#[tokio::test]
async fn an_append_goes_on_top_of_a_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    for _ in 0..3 {
        append(&mut lake, 2).await;
    }
    let mut archiver = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(lake.compact(TARGET, 3, NOW).await.unwrap().files_removed, 3);
    append(&mut archiver, 2).await;
    assert_eq!(doubles_and_count(&archiver).await, (vec![], "8".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archiver_compactors_and_readers_at_once_neither_lose_nor_double_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    append(&mut lake, 1).await;
    let mut compactors = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let path = folder.path().to_owned();
        compactors.spawn(async move {
            let mut lake = Lake::open(path, &decoder()).await.unwrap();
            let mut seen = 0;
            while seen < 12 {
                lake.compact(TARGET, 3, NOW).await.unwrap();
                let (doubles, count) = doubles_and_count(&lake).await;
                assert_eq!(doubles, [""; 0]);
                let count = count.parse().unwrap();
                assert!(count >= seen, "{count} rows after {seen}");
                seen = count;
            }
        });
    }
    for _ in 0..11 {
        append(&mut lake, 1).await;
    }
    compactors.join_all().await;
    lake.refresh().await.unwrap();
    assert_eq!(doubles_and_count(&lake).await, (vec![], "12".into()));
    assert_eq!(lake.next_offsets(1).await.unwrap(), [12]);
    assert!(parquet_files(folder.path()).len() > files_in_table(&lake).await);
}
