//! A crash at any moment: however much of the WAL had reached the disk, the file opens, and
//! contains the acknowledged writes up to some moment, each of them completely.

use std::fs;
use std::path::Path;

use pulso_model::{Day, EventTime, Layer, Offsets, WallTime};
use pulso_pipeline::{
    BatchViews, Checkpoint, Checkpoints, LayerChoice, ManualClock, Part, Query, Sink, Source,
    StoredDocument, Views,
};
use pulso_sqlite::{Log, Spool, ViewStore};
use pulso_testkit::contract::document;
use pulso_testkit::message::message;
use pulso_testkit::{view, views};
use tempfile::TempDir;

/// The number of places at which the WAL is cut off, evenly over its length.
const CUTS: u64 = 60;

/// Copies an open database as a crash would leave it, with the WAL cut off, and opens the copy.
fn crashed_copies(file: &Path, mut check: impl FnMut(&Path)) {
    let wal = |file: &Path| file.with_extension("db-wal");
    let length = fs::metadata(wal(file)).unwrap().len();
    for cut in 0..=CUTS {
        let folder = TempDir::new().unwrap();
        let copy = folder.path().join(file.file_name().unwrap());
        fs::copy(file, &copy).unwrap();
        fs::copy(wal(file), wal(&copy)).unwrap();
        let kept = fs::OpenOptions::new().write(true).open(wal(&copy)).unwrap();
        kept.set_len(length * cut / CUTS).unwrap();
        check(&copy);
    }
}

/// Blocks on one operation, without a runtime around it.
fn block_on<T>(operation: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(operation)
}

#[test]
fn the_log_holds_whole_writes_and_goes_on() {
    const WRITES: i64 = 30;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.db");
    let clock = ManualClock::at(WallTime(0));
    let messages = |write: i64| -> Vec<_> {
        let ids = (0..=write).map(|id| id + write * 100);
        ids.map(|id| message(id, id).received(WallTime(0))).collect()
    };
    // Opened twice, so that the file itself, and not the WAL, holds the schema.
    drop(Log::open(&path, 3, clock.clone()).unwrap());
    let mut log = Log::open(&path, 3, clock.clone()).unwrap();
    // After so many writes the log has so many records.
    let mut whole = vec![0];
    for write in 0..WRITES {
        block_on(log.write(messages(write))).unwrap();
        whole.push(block_on(log.end_offsets()).unwrap().messages_before());
    }
    let mut seen = Vec::new();
    crashed_copies(&path, |copy| {
        let mut log = Log::open(copy, 3, clock.clone()).unwrap();
        let stored = block_on(log.end_offsets()).unwrap().messages_before();
        let writes = whole.iter().position(|whole| *whole == stored);
        seen.push(writes.expect("no write is half there"));
        block_on(log.write(messages(99))).unwrap();
        let batch = block_on(async { log.source(10_000)?.next_batch().await }).unwrap();
        assert_eq!(u64::try_from(batch.records.len()), Ok(stored + 100));
        let mut next_offsets = Offsets::zero(3);
        for record in &batch.records {
            assert_eq!(next_offsets.get(record.partition), Some(record.offset));
            next_offsets.pass(record.position());
        }
    });
    assert!(seen.is_sorted(), "more of the WAL holds more writes");
    assert_eq!((seen[0], seen[seen.len() - 1]), (0, whole.len() - 1));
}

/// The documents that a checkpoint presumes are there after a crash. The layers rely on this.
#[test]
fn a_checkpoint_is_never_ahead_of_the_documents_before_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("views.db");
    drop(ViewStore::open(&path, &views()).unwrap());
    let mut store = ViewStore::open(&path, &views()).unwrap();
    let mut checkpoints = store.checkpoints("speed");
    let view = view("trending-topics");
    let checkpoint = |number: u8| Checkpoint {
        closed_until: Some(EventTime(number.into())),
        state: vec![number; 2_000 * usize::from(number)],
        ..Checkpoint::default()
    };
    for number in 1..=20 {
        let time = EventTime(number.into());
        let written = (0..5).map(|n| document(view, time, n, "", "text")).collect();
        block_on(store.write(written)).unwrap();
        block_on(checkpoints.save(checkpoint(number))).unwrap();
    }
    let mut seen = Vec::new();
    crashed_copies(&path, |copy| {
        let store = ViewStore::open(copy, &views()).unwrap();
        let found = block_on(store.checkpoints("speed").load()).unwrap();
        let number = match &found {
            None => 0,
            Some(found) => (1..=20).find(|number| checkpoint(*number) == *found).expect("no mix"),
        };
        let documents = block_on(store.query(Query::newest(view, 1_000))).unwrap().documents.len();
        assert_eq!(documents % 5, 0, "no write is half there");
        assert!(documents / 5 >= number.into(), "{documents} documents at checkpoint {number}");
        seen.push(number);
    });
    assert!(seen.is_sorted());
    assert_eq!((seen[0], seen[seen.len() - 1]), (0, 20));
}

#[test]
fn a_day_has_the_old_documents_or_the_new_ones() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("views.db");
    let (view, day) = (view("country-activity"), Day(17_000));
    let of = |count: i64, text| -> Vec<_> {
        (0..count).map(|number| document(view, day.start(), number, "DE", text)).collect()
    };
    let mut store = ViewStore::open(&path, &views()).unwrap();
    block_on(store.write(of(7, "speed"))).unwrap();
    drop(store);
    let store = ViewStore::open(&path, &views()).unwrap();
    for (count, text) in [(300, "first"), (200, "second")] {
        block_on(async {
            let stage = store.begin(view, Part::Day(day)).await?;
            store.stage(stage, of(count, text)).await?;
            store.publish(stage, true).await
        })
        .unwrap();
    }
    let stored = |layer: Layer, documents: Vec<_>| -> Vec<_> {
        documents.into_iter().map(|document| StoredDocument { layer, document }).collect()
    };
    let mut states =
        [(Layer::Speed, 7, "speed"), (Layer::Batch, 300, "first"), (Layer::Batch, 200, "second")]
            .map(|(layer, count, text)| stored(layer, of(count, text)));
    let by_id = |documents: &mut Vec<StoredDocument>| {
        documents.sort_by(|a, b| a.document.id.cmp(&b.document.id));
    };
    states.iter_mut().for_each(by_id);
    let mut seen = Vec::new();
    crashed_copies(&path, |copy| {
        let store = ViewStore::open(copy, &views()).unwrap();
        let mut found = block_on(store.query(Query::newest(view, 1_000))).unwrap().documents;
        by_id(&mut found);
        let state = states.iter().position(|state| *state == found);
        seen.push(state.expect("a day is never answered by a part of a layer"));
        // The next attempt works, whatever the last one left.
        block_on(async {
            let stage = store.begin(view, Part::Day(day)).await?;
            store.stage(stage, of(3, "third")).await?;
            store.publish(stage, true).await
        })
        .unwrap();
        let query = Query { layer: LayerChoice::Only(Layer::Batch), ..Query::newest(view, 1_000) };
        assert_eq!(block_on(store.query(query)).unwrap().documents.len(), 3);
    });
    assert!(seen.is_sorted());
    assert_eq!((seen[0], seen[seen.len() - 1]), (0, 2));
    assert!(seen.contains(&1), "some cut lies between the two attempts");
}

/// Whatever part of the WAL is lost, the waiting messages are a contiguous piece of all messages:
/// none is missing from the middle, and none is there twice.
#[test]
fn the_spool_holds_what_was_acknowledged_and_not_removed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("spool.db");
    drop(Spool::open(&path, u64::MAX).unwrap());
    let spool = Spool::open(&path, u64::MAX).unwrap();
    let messages = |ids: std::ops::Range<i64>| -> Vec<_> {
        ids.map(|id| message(id, id).received(WallTime(id))).collect()
    };
    // By step: the first message that waits, and the first that does not yet.
    let mut steps = vec![(0, 0)];
    for step in 0..20 {
        let (begin, end) = steps[steps.len() - 1];
        block_on(spool.append(messages(end..end + 5))).unwrap();
        steps.push((begin, end + 5));
        if step % 3 == 2 {
            let first = block_on(spool.first(4, usize::MAX)).unwrap();
            block_on(spool.remove(first.last)).unwrap();
            steps.push((begin + 4, end + 5));
        }
    }
    let mut seen = Vec::new();
    crashed_copies(&path, |copy| {
        let spool = Spool::open(copy, u64::MAX).unwrap();
        let waiting = block_on(spool.first(1_000, usize::MAX)).unwrap().messages;
        let step = steps.iter().position(|(begin, end)| messages(*begin..*end) == waiting);
        seen.push(step.expect("no step is half there"));
    });
    assert!(seen.is_sorted(), "more of the WAL holds more steps");
    assert_eq!((seen[0], seen[seen.len() - 1]), (0, steps.len() - 1));
}
