//! Rewriting replaces payloads, and what is decoded from them; everything else stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulso_lake::{Lake, Rewrite, Rewritten};
use pulso_model::{Position, WallTime};
use pulso_pipeline::{AdapterError, Record, Retry};

use crate::support::{
    DAY_MS, LOG_TIME, NOON, NOW, append, decoder, doubles_and_count, message, parquet_files, query,
    record, segment,
};

fn at(offsets: impl IntoIterator<Item = u64>) -> BTreeSet<Position> {
    offsets.into_iter().map(|offset| Position { partition: 0, offset }).collect()
}

/// Zoë becomes somebody else.
fn renamed(record: &Record) -> Option<Vec<u8>> {
    let text = str::from_utf8(&record.payload).unwrap();
    Some(text.replace("Zoë", "Somebody").into_bytes())
}

/// A table of three files: two of one day, one of another.
async fn three_files(folder: &Path) -> Lake {
    let mut lake = Lake::open_or_create(folder, &decoder()).await.unwrap();
    append(&mut lake, 3).await;
    append(&mut lake, 3).await;
    let older = record(0, 6, message(6, NOON - DAY_MS));
    lake.append(segment([6], &[older])).await.unwrap();
    lake
}

const NAMES: &str = "select \"offset\", member_name, payload like '%Zoë%' from messages order by 1";

/// All that a rewrite leaves as it is.
const REST: &str = "select * except (member_name, payload) from messages order by \"offset\"";

#[tokio::test]
async fn chosen_rows_get_another_payload_and_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = three_files(folder.path()).await;
    let rest = query(&lake, REST).await;
    let (version, before) = (lake.version(), parquet_files(folder.path()));

    let rewritten = lake.rewrite(&Rewrite::new(at([1, 6, 99]), renamed), NOW).await.unwrap();
    assert_eq!(rewritten, Rewritten { rows: 2, files: 2 });
    let old = |offset: u64| format!("{offset}|Zoë|true");
    let expected = [
        old(0),
        "1|Somebody|false".into(),
        old(2),
        old(3),
        old(4),
        old(5),
        "6|Somebody|false".into(),
    ];
    assert_eq!(query(&lake, NAMES).await, expected);
    assert_eq!(query(&lake, REST).await, rest);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "7".into()));
    assert!(lake.days_changed_since(version).await.unwrap().is_empty(), "nothing to compute");
    assert_eq!(lake.next_offsets(1).await.unwrap(), [7]);
    let after = parquet_files(folder.path());
    assert_eq!(after.iter().filter(|file| before.contains(file)).count(), 3, "kept for readers");
    assert_eq!(after.len(), 5);

    let mut lake = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(query(&lake, NAMES).await, expected);
    append(&mut lake, 1).await;
    assert_eq!(lake.compact(1 << 20, 2, NOW).await.unwrap().days, 1);
    assert_eq!(query(&lake, NAMES).await[..7], expected);
}

#[tokio::test]
async fn rewriting_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = three_files(folder.path()).await;
    let rewrite = Rewrite::new(at(0..7), renamed);
    assert_eq!(lake.rewrite(&rewrite, NOW).await.unwrap(), Rewritten { rows: 7, files: 3 });
    let (version, files) = (lake.version(), parquet_files(folder.path()));
    assert_eq!(lake.rewrite(&rewrite, NOW).await.unwrap(), Rewritten::default());
    let nowhere = Rewrite::new(at([99]), |_| panic!("there is no such message"));
    assert_eq!(lake.rewrite(&nowhere, NOW).await.unwrap(), Rewritten::default());
    assert_eq!((lake.version(), parquet_files(folder.path())), (version, files));
}

#[tokio::test]
async fn what_was_no_fact_stays_none_for_the_same_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    // The second was refused for its time; limits may have changed since.
    let ahead = message(2, LOG_TIME.0 + DAY_MS);
    let records =
        [record(0, 0, r#"{"name":"Zoë"}"#), record(0, 1, ahead), record(0, 2, message(2, NOON))];
    lake.append(segment([0], &records)).await.unwrap();
    let outcomes = "select outcome, reason, rsvp_id from messages order by \"offset\"";
    let expected = ["dead_letter|missing_field|", "dead_letter|future_time|", "fact||2"];
    assert_eq!(query(&lake, outcomes).await, expected);
    lake.rewrite(&Rewrite::new(at(0..2), |_| Some(b"{}".to_vec())), NOW).await.unwrap();
    assert_eq!(query(&lake, outcomes).await, expected);
    let details =
        "select payload = '{}', detail from messages where outcome <> 'fact' order by \"offset\"";
    assert_eq!(query(&lake, details).await, ["true|`rsvp_id` is missing", "true|"]);
}

#[tokio::test]
async fn a_message_that_cannot_change_leaves_the_table_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = three_files(folder.path()).await;
    let (version, files) = (lake.version(), parquet_files(folder.path()));
    let mut check = async |payload: fn(&Record) -> Option<Vec<u8>>, expected: &str| {
        // The files before it are written by then.
        let at_last = move |record: &Record| {
            if record.offset == 5 { payload(record) } else { renamed(record) }
        };
        let error = lake.rewrite(&Rewrite::new(at(0..7), at_last), NOW).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the message at partition `0`, offset `5` {expected}")
        );
        assert!(matches!(error.retry(), Retry::No));
        assert_eq!((lake.version(), parquet_files(folder.path())), (version, files.clone()));
    };
    check(|_| None, "cannot be without what it must not hold").await;
    check(|_| Some(b"{}".to_vec()), "would be no fact any more").await;
    check(|_| Some(message(5, NOON - 1000 * DAY_MS).into()), "would be of another day").await;
}

#[tokio::test]
async fn what_is_prepared_changes_nothing_before_it_is_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = three_files(folder.path()).await;
    let seen = |lake: &Lake| {
        let mut names = Vec::new();
        let see = |record: Record| {
            names.push(str::from_utf8(&record.payload).unwrap().contains("Zoë"));
        };
        lake.each_message(see).unwrap();
        names
    };
    let version = lake.version();
    let given_up = lake.prepare(&Rewrite::new(at(0..7), renamed)).await.unwrap();
    let prepared = lake.prepare(&Rewrite::new(at(0..7), renamed)).await.unwrap();
    lake.refresh().await.unwrap();
    assert_eq!((lake.version(), seen(&lake)), (version, vec![true; 7]));
    let done = lake.exchange(prepared, NOW).await.unwrap();
    assert_eq!(done, Some(Rewritten { rows: 7, files: 3 }));
    assert_eq!(seen(&lake), [false; 7]);
    assert_eq!(lake.exchange(given_up, NOW).await.unwrap(), None, "its files have gone");
    assert_eq!(seen(&lake), [false; 7]);
}

#[tokio::test]
async fn a_purge_leaves_nothing_of_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = three_files(folder.path()).await;
    drop(lake.writer().write(segment([9], &[record(0, 9, message(9, NOON))])).unwrap());
    lake.rewrite(&Rewrite::new(at(0..7), renamed), NOW).await.unwrap();
    let rows = query(&lake, "select * from messages order by \"offset\"").await;
    lake.purge().await.unwrap();
    assert_eq!(parquet_files(folder.path()).len(), 3);
    let version = lake.version();
    let log = fs::read_dir(folder.path().join("_delta_log")).unwrap();
    let mut log: Vec<_> =
        log.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    log.sort();
    let commit = format!("{version:020}.json");
    let checkpoint = format!("{version:020}.checkpoint.parquet");
    assert_eq!(log, [checkpoint, commit, "_last_checkpoint".into()]);

    let mut lake = Lake::open(folder.path(), &decoder()).await.unwrap();
    assert_eq!(query(&lake, "select * from messages order by \"offset\"").await, rows);
    assert_eq!(lake.next_offsets(1).await.unwrap(), [7]);
    let all: Vec<_> = lake.days().unwrap().into_keys().collect();
    let changed = lake.days_changed_since(0).await.unwrap();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), all, "nobody knows any more");
    append(&mut lake, 1).await;
    lake.purge().await.unwrap();
    lake.purge().await.unwrap();
    assert_eq!(doubles_and_count(&lake).await, (vec![], "8".into()));
    assert_eq!(lake.vacuum(std::time::Duration::ZERO, WallTime(NOW.0 + DAY_MS)).await.unwrap(), 0);
}

/// A program that keeps a schedule holds its table for days, and uses it now and then.
#[tokio::test]
async fn a_table_that_stays_open_goes_on_after_the_purge_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut idle = three_files(folder.path()).await;
    let mut lake = Lake::open(folder.path(), &decoder()).await.unwrap();
    append(&mut lake, 1).await;
    lake.rewrite(&Rewrite::new(at(0..7), renamed), NOW).await.unwrap();
    lake.purge().await.unwrap();
    idle.refresh().await.unwrap();
    assert_eq!(idle.version(), lake.version());
    append(&mut idle, 1).await;
    assert_eq!(doubles_and_count(&idle).await, (vec![], "9".into()));
}

#[tokio::test]
async fn appends_go_on_meanwhile_and_a_compaction_makes_it_begin_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = three_files(folder.path()).await;
    let path = folder.path().to_owned();
    let handle = tokio::runtime::Handle::current();
    let others = std::sync::Mutex::new(vec!["append", "compact", "append"]);
    let meanwhile = move |record: &Record| {
        if let Some(other) = others.lock().unwrap().pop() {
            handle.block_on(async {
                let mut lake = Lake::open(&path, &decoder()).await.unwrap();
                match other {
                    "append" => append(&mut lake, 1).await,
                    _ => assert_eq!(lake.compact(1 << 20, 2, NOW).await.unwrap().days, 1),
                }
            });
        }
        renamed(record)
    };
    let rewritten = lake.rewrite(&Rewrite::new(at(0..7), meanwhile), NOW).await.unwrap();
    assert_eq!(rewritten.rows, 7);
    assert_eq!(doubles_and_count(&lake).await, (vec![], "9".into()));
    let zoe = "select count(*) from messages where member_name = 'Zoë'";
    assert_eq!(query(&lake, zoe).await, ["2"], "those that came meanwhile");
}
