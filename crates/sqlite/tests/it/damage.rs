//! Damaged files give an error that says which file, why, and what to do; never a panic.

use std::fs;
use std::path::{Path, PathBuf};

use pulso_model::{EventTime, WallTime};
use pulso_pipeline::{AdapterError, LayerChoice, ManualClock, Query, Retry, Sink, Source, Views};
use pulso_sqlite::{Error, Log, LogSource, ViewStore};
use pulso_testkit::contract::document;
use pulso_testkit::message::message;
use pulso_testkit::view;
use tempfile::TempDir;

/// A closed log of some megabytes.
async fn log(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("log.db");
    let mut log = Log::open(&path, 2, ManualClock::at(WallTime(0))).unwrap();
    let messages = (0..3_000).map(|id| message(id, id).received(WallTime(0))).collect();
    log.write(messages).await.unwrap();
    path
}

/// A closed view store of some megabytes.
async fn view_file(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("views.db");
    let mut store = ViewStore::open(&path, &[view("responses")]).unwrap();
    let written = |number| document(view("responses"), EventTime(number), number, "DE", "text");
    store.write((0..5_000).map(written).collect()).await.unwrap();
    path
}

/// Overwrites a part of a file, given in percent of its length.
fn damage(path: &Path, percent: std::ops::Range<usize>) {
    let mut bytes = fs::read(path).unwrap();
    let (from, to) = (bytes.len() * percent.start / 100, bytes.len() * percent.end / 100);
    bytes[from..to.max(from + 100)].fill(0xaa);
    fs::write(path, bytes).unwrap();
}

fn check(error: &Error, path: &Path, remedy: &str) {
    assert_eq!(error.retry(), Retry::No);
    let hint = error.hint().unwrap();
    assert!(hint.contains("damaged") && hint.contains(remedy), "{hint}");
    assert!(hint.contains(&*path.to_string_lossy()), "{hint}");
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_header_is_refused_at_opening() {
    let folder = TempDir::new().unwrap();
    let path = log(&folder).await;
    damage(&path, 0..0);
    let error = Log::open(&path, 2, ManualClock::default()).unwrap_err();
    check(&error, &path, ".recover");
    let error = LogSource::open_read_only(&path, 10).unwrap_err();
    check(&error, &path, ".recover");

    let path = view_file(&folder).await;
    damage(&path, 0..0);
    check(&ViewStore::open(&path, &[view("responses")]).unwrap_err(), &path, "delete it");
    check(&ViewStore::open_read_only(&path).unwrap_err(), &path, "delete it");
}

#[tokio::test(start_paused = true)]
async fn damage_in_the_middle_is_found_when_it_is_read() {
    let folder = TempDir::new().unwrap();
    let path = log(&folder).await;
    damage(&path, 40..60);
    let mut source = LogSource::open_read_only(&path, 100).unwrap();
    let mut read = 0;
    let error = loop {
        match source.next_batch().await {
            Ok(batch) => read += batch.records.len(),
            Err(error) => break error,
        }
        assert!(read < 3_000, "the damage was not noticed");
    };
    assert!(read > 0, "what is whole can be read");
    check(&error, &path, ".recover");

    let path = view_file(&folder).await;
    damage(&path, 30..70);
    let store = ViewStore::open(&path, &[view("responses")]).unwrap();
    let query = Query::newest(view("responses"), 10_000);
    check(&store.query(query).await.unwrap_err(), &path, "delete it");
    let mut chunks = store.scan(view("responses"), LayerChoice::Current).await.unwrap();
    let error = loop {
        match chunks.recv().await.expect("the error comes before the end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    check(&error, &path, "delete it");
    assert!(chunks.recv().await.is_none(), "an error ends it");
}

#[tokio::test(start_paused = true)]
async fn a_cut_off_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = log(&folder).await;
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    check(&LogSource::open_read_only(&path, 10_000).unwrap_err(), &path, ".recover");
    check(&Log::open(&path, 2, ManualClock::default()).unwrap_err(), &path, ".recover");
}

#[tokio::test(start_paused = true)]
async fn a_file_of_something_else_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.db");
    fs::write(&path, "not a database, but a text of more than a hundred bytes: ".repeat(9))
        .unwrap();
    let error = Log::open(&path, 2, ManualClock::default()).unwrap_err();
    check(&error, &path, ".recover");
    assert!(fs::read_to_string(&path).unwrap().starts_with("not a database"), "it is left alone");
}
