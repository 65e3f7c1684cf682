use std::collections::BTreeMap;

use pulso_model::{EventTime, Key, Position, View, ViewDocument, WallTime};
use pulso_pipeline::{
    Amend, Change, Checkpoint, Checkpoints, ManualClock, Message, Record, Sink, Source,
};
use pulso_testkit::contract::document;
use pulso_testkit::message::{EPOCH, message};
use pulso_testkit::{view, views};
use tempfile::TempDir;

use super::*;
use crate::{Log, Spool, ViewStore};

const SECRET: &[u8] = b"nobody-must-find-this";

/// Whether any file of the folder has it.
fn holds(folder: &TempDir, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let has = |path: PathBuf| {
        std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    };
    files.into_iter().any(has)
}

fn secret() -> &'static str {
    std::str::from_utf8(SECRET).unwrap()
}

fn with_secret(id: i64) -> Message {
    let message = message(id, EPOCH).received(WallTime(EPOCH));
    Message { payload: secret().into(), key: Some(Key::Text(secret().into())), ..message }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_replaced_payload_stays_in_the_log() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.db");
    let mut log = Log::open(&path, 2, ManualClock::at(WallTime(7))).unwrap();
    let key = |id| Message { key: Some(Key::Integer(id)), ..with_secret(id) };
    log.write((0..50).map(key).collect()).await.unwrap();
    assert!(holds(&folder, SECRET));
    let refused = Alone::open(&path, Contents::Log).unwrap_err();
    assert!(matches!(refused, Error::InUse { .. }), "{refused}");
    drop(log);

    let mut alone = Alone::open(&path, Contents::Log).unwrap();
    assert!(Log::open(&path, 2, ManualClock::default()).is_err(), "somebody has it alone");
    let mut payloads = BTreeMap::new();
    let mut see = |record: Record| drop(payloads.insert(record.position(), b"{}".to_vec()));
    alone.each_message(&mut see).unwrap();
    let last = Position { partition: 1, offset: 24 };
    assert_eq!(payloads.last_key_value().unwrap().0, &last);
    alone.replace_payloads(&payloads).unwrap();
    alone.write_anew().unwrap();

    assert!(!holds(&folder, SECRET));
    let log = Log::open(&path, 2, ManualClock::default()).unwrap();
    let records = log.source(100).unwrap().next_batch().await.unwrap().records;
    assert_eq!(records.len(), 50);
    assert!(records.iter().all(|record| record.payload == "{}" && record.log_time == WallTime(7)));
}

#[tokio::test(start_paused = true)]
async fn documents_and_states_are_replaced_where_they_are() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("views.db");
    let view: View = view("responses");
    let mut store = ViewStore::open(&path, &views()).unwrap();
    let documents: Vec<ViewDocument> =
        (0..20).map(|id| document(view, EventTime(id), id, "DE", secret())).collect();
    store.write(documents).await.unwrap();
    let progress = Vec::new();
    let checkpoint = Checkpoint { progress, closed_until: None, state: SECRET.to_vec() };
    store.checkpoints("speed").save(checkpoint.clone()).await.unwrap();
    drop(store);

    let mut alone = Alone::open(&path, Contents::Views).unwrap();
    let rows = alone.rows_with(view, secret()).await.unwrap();
    assert_eq!(rows.len(), 20);
    let changes: Vec<Change> = (0..20)
        .zip(rows)
        .map(|(id, row)| {
            let new = document(view, EventTime(id), id + 100, "DE", "x");
            (row, Some(new).filter(|_| id > 0))
        })
        .collect();
    alone.amend(&changes).await.unwrap();
    assert_eq!(alone.checkpoint("speed").unwrap().as_ref(), Some(&checkpoint));
    let empty = Checkpoint { state: Vec::new(), ..checkpoint };
    alone.save_checkpoint("speed", &empty).unwrap();
    alone.finish(&[view]).await.unwrap();

    assert!(!holds(&folder, SECRET));
    let store = ViewStore::open(&path, &views()).unwrap();
    let query = pulso_pipeline::Query::newest(view, 100);
    let page = pulso_pipeline::Views::query(&store, query).await.unwrap();
    assert_eq!(page.documents.len(), 19);
    assert_eq!(store.checkpoints("speed").load().await.unwrap(), Some(empty));
}

#[tokio::test(start_paused = true)]
async fn messages_go_from_the_spool_for_good() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool.db");
    let spool = Spool::open(&path, u64::MAX).unwrap();
    let kept = message(1, EPOCH).received(WallTime(EPOCH));
    spool.append(vec![with_secret(0), kept.clone(), with_secret(2)]).await.unwrap();
    drop(spool);
    let mut alone = Alone::open(&path, Contents::Spool).unwrap();
    let mut found = Vec::new();
    alone
        .each_waiting(|waiting| {
            if waiting.payload == SECRET {
                found.push(waiting.position);
            }
        })
        .unwrap();
    alone.forget(&found).unwrap();
    alone.write_anew().unwrap();
    assert!(!holds(&folder, SECRET));
    let left = Spool::open(&path, u64::MAX).unwrap().first(10, usize::MAX).await.unwrap();
    assert_eq!(left.messages, [kept]);
}
