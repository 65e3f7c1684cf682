//! Files that cannot be used, for a reason that a person can change.

use std::fs;
use std::path::Path;

use pulso_model::WallTime;
use pulso_pipeline::{AdapterError, ManualClock, Retry, Source};
use pulso_sqlite::{CheckpointStore, Error, Log, LogSource, Spool, ViewStore};
use pulso_testkit::views;
use rusqlite::Connection;
use tempfile::TempDir;

fn open_log(path: &Path, partitions: u32) -> Result<Log, Error> {
    Log::open(path, partitions, ManualClock::at(WallTime(0)))
}

fn check(error: &Error, retry: Retry, text: &str, hint: &str) {
    assert_eq!(error.retry(), retry, "{error}");
    assert!(error.to_string().contains(text), "{error}");
    let found = error.hint().unwrap();
    assert!(found.contains(hint), "{found}");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_partitions_is_fixed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.db");
    drop(open_log(&path, 4).unwrap());
    let error = open_log(&path, 8).unwrap_err();
    check(&error, Retry::No, "has 4 partitions, not 8", "configure 4 partitions");
    for count in [0, 65] {
        let error = open_log(&folder.path().join("other.db"), count).unwrap_err();
        check(&error, Retry::No, "1 to 64 partitions", "4 are enough");
    }
    assert!(!folder.path().join("other.db").exists(), "nothing is made for a wrong number");
    let mut source = open_log(&path, 4).unwrap().source(10).unwrap();
    let error = source.seek(&[0, 0].into()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::No);
    assert!(error.to_string().starts_with("2 offsets were given for the 4 partitions"));
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let (log, view_file) = (folder.path().join("log.db"), folder.path().join("views.db"));
    drop(open_log(&log, 1).unwrap());
    drop(ViewStore::open(&view_file, &views()).unwrap());
    for path in [&log, &view_file] {
        Connection::open(path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    }
    let errors = [
        open_log(&log, 1).unwrap_err(),
        LogSource::open_read_only(&log, 1).unwrap_err(),
        ViewStore::open(&view_file, &views()).unwrap_err(),
        ViewStore::open_read_only(&view_file).unwrap_err(),
        CheckpointStore::open(&view_file, "speed").unwrap_err(),
        CheckpointStore::open_read_only(&view_file, "speed").unwrap_err(),
    ];
    for error in errors {
        check(&error, Retry::No, "schema version 99", "newer program");
    }
}

/// Nothing is migrated: the messages are recorded elsewhere, and all else follows from them.
#[test]
fn an_older_file_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (log, view_file, spool) = (path("log.db"), path("views.db"), path("spool.db"));
    drop(open_log(&log, 1).unwrap());
    drop(ViewStore::open(&view_file, &views()).unwrap());
    drop(Spool::open(&spool, 1_000_000).unwrap());
    let before = [&log, &view_file, &spool].map(|path| {
        Connection::open(path).unwrap().pragma_update(None, "user_version", 1).unwrap();
        fs::read(path).unwrap()
    });
    let errors = [
        open_log(&log, 1).unwrap_err(),
        LogSource::open_read_only(&log, 1).unwrap_err(),
        ViewStore::open(&view_file, &views()).unwrap_err(),
        ViewStore::open_read_only(&view_file).unwrap_err(),
        CheckpointStore::open(&view_file, "speed").unwrap_err(),
        CheckpointStore::open_read_only(&view_file, "speed").unwrap_err(),
        Spool::open(&spool, 1_000_000).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::OlderSchema { found: 1, .. }), "{error:?}");
        check(&error, Retry::No, "made by an older version of Pulso", "pulso replay");
    }
    let after = [&log, &view_file, &spool].map(|path| fs::read(path).unwrap());
    assert!(before == after, "a file that is refused does not change");
}

#[test]
fn the_two_files_are_not_taken_for_each_other() {
    let folder = TempDir::new().unwrap();
    let (log, view_file) = (folder.path().join("log.db"), folder.path().join("views.db"));
    let foreign = folder.path().join("foreign.db");
    drop(open_log(&log, 1).unwrap());
    drop(ViewStore::open(&view_file, &views()).unwrap());
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    let data = "check the data directory";
    check(&open_log(&view_file, 1).unwrap_err(), Retry::No, "does not hold the log", data);
    check(
        &ViewStore::open(&log, &views()).unwrap_err(),
        Retry::No,
        "does not hold the views",
        data,
    );
    check(&open_log(&foreign, 1).unwrap_err(), Retry::No, "does not hold the log", data);
    check(
        &ViewStore::open(&foreign, &views()).unwrap_err(),
        Retry::No,
        "does not hold the views",
        data,
    );
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables = Connection::open(&foreign).unwrap().query_row(tables, [], |row| row.get(0));
    assert_eq!(tables, Ok(1), "a foreign file is left alone");
}

#[test]
fn a_reader_may_come_before_the_writer() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("some.db");
    let start = "start the program that writes it first";
    let missing = |path: &Path| {
        let error = LogSource::open_read_only(path, 1).unwrap_err();
        check(&error, Retry::Backoff, "does not hold the log yet", start);
        let error = ViewStore::open_read_only(path).unwrap_err();
        check(&error, Retry::Backoff, "does not hold the views yet", start);
    };
    missing(&path);
    assert!(!path.exists(), "a reader makes nothing");
    fs::write(&path, "").unwrap();
    missing(&path);
}

/// Nobody can create a file below a regular file, whoever runs the test.
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    for path in [file.join("log.db"), folder.path().join("missing/log.db")] {
        let named = format!("`{}`", path.parent().unwrap().display());
        check(&open_log(&path, 1).unwrap_err(), Retry::No, "failed to open the log", &named);
        let error = ViewStore::open(&path, &views()).unwrap_err();
        check(&error, Retry::No, "failed to open the views", &named);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_log_can_be_read_without_its_writer() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.db");
    drop(open_log(&path, 2).unwrap());
    assert!(!folder.path().join("log.db-wal").exists(), "a closed log is one file");
    let mut source = LogSource::open_read_only(&path, 1).unwrap();
    assert_eq!(source.next_batch().await.unwrap().end_offsets, [0, 0]);
}
