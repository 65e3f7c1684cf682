//! Errors name the file and say what to do.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use pulso_lake::{Error, Lake};
use pulso_pipeline::{AdapterError, Retry};

use crate::support::{NOW, append, decoder, parquet_files, records, segment};

async fn table_of(folder: &Path, commits: u64) -> Lake {
    let mut lake = Lake::open_or_create(folder, &decoder()).await.unwrap();
    for _ in 0..commits {
        append(&mut lake, 1).await;
    }
    lake
}

fn assert_damaged(error: &Error, file: &str) {
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains(file), "{error}");
    assert!(error.hint().unwrap().contains("restore"));
    assert_eq!(error.retry(), Retry::No);
}

#[tokio::test]
async fn a_missing_parquet_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    table_of(folder.path(), 2).await;
    let file = parquet_files(folder.path()).remove(1);
    fs::remove_file(folder.path().join(&file)).unwrap();
    assert_damaged(&Lake::open(folder.path(), &decoder()).await.unwrap_err(), &file);
    assert_damaged(&Lake::open_or_create(folder.path(), &decoder()).await.unwrap_err(), &file);
}

#[tokio::test]
async fn a_parquet_file_cut_short_is_named() {
    let folder = tempfile::tempdir().unwrap();
    table_of(folder.path(), 1).await;
    let file = parquet_files(folder.path()).remove(0);
    let path = folder.path().join(&file);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert_damaged(&Lake::open(folder.path(), &decoder()).await.unwrap_err(), &file);
}

#[tokio::test]
async fn a_parquet_file_with_another_footer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let lake = table_of(folder.path(), 2).await;
    assert!(lake.damage().is_none());
    let file = parquet_files(folder.path()).remove(1);
    let path = folder.path().join(&file);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 100..].fill(7);
    fs::write(&path, bytes).unwrap();
    assert_damaged(&lake.damage().unwrap(), &file);
}

#[tokio::test]
async fn a_broken_commit_is_named() {
    for broken in ["{\"add\":", "[]", "{\"add\":{\"path\":\"x\"}}"] {
        let folder = tempfile::tempdir().unwrap();
        table_of(folder.path(), 3).await;
        let commit = folder.path().join("_delta_log/00000000000000000003.json");
        fs::write(&commit, broken).unwrap();
        let error = Lake::open(folder.path(), &decoder()).await.unwrap_err();
        assert_damaged(&error, "_delta_log/00000000000000000003.json");
        // What the hint says: the last commit can be deleted.
        fs::remove_file(&commit).unwrap();
        let mut lake = Lake::open(folder.path(), &decoder()).await.unwrap();
        assert_eq!(lake.next_offsets(1).await.unwrap(), [2]);
        append(&mut lake, 1).await;
    }
}

#[tokio::test]
async fn a_missing_commit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    table_of(folder.path(), 3).await;
    fs::remove_file(folder.path().join("_delta_log/00000000000000000002.json")).unwrap();
    let error = Lake::open(folder.path(), &decoder()).await.unwrap_err();
    assert_damaged(&error, "_delta_log/00000000000000000002.json");
}

#[tokio::test]
async fn a_lost_file_is_found_when_it_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = table_of(folder.path(), 3).await;
    let file = parquet_files(folder.path()).remove(0);
    fs::remove_file(folder.path().join(&file)).unwrap();
    assert_damaged(&lake.compact(1 << 20, 3, NOW).await.unwrap_err(), &file);
    assert_eq!(parquet_files(folder.path()).len(), 2, "the unfinished file is removed");
}

#[tokio::test]
async fn folders_that_cannot_be_are_user_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lake");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("messages")] {
        let error = Lake::open_or_create(&path, &decoder()).await.unwrap_err();
        assert!(matches!(error, Error::CreateFolder { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("a file is where the folder should be"));
        assert_eq!(error.retry(), Retry::No);
        assert!(!error.to_string().contains(&error.source().unwrap().to_string()));
    }
    let error = Lake::open(folder.path().join("nothing"), &decoder()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    assert_eq!(error.hint().as_deref(), Some("run `archive` first"));
}

#[tokio::test]
async fn a_folder_that_disappears_is_an_error_and_not_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = table_of(folder.path(), 1).await;
    fs::remove_dir_all(folder.path()).unwrap();
    fs::write(folder.path(), "").unwrap();
    let error = lake.append(segment([1], &records(0, 1..2))).await.unwrap_err();
    assert!(matches!(error, Error::WriteFile { .. }), "{error:?}");
    fs::remove_file(folder.path()).unwrap();
}

#[tokio::test]
async fn a_table_of_something_else_is_refused() {
    use deltalake::kernel::DataType;
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().to_str().unwrap();
    let create = deltalake::operations::create::CreateBuilder::new().with_location(location);
    create.with_column("id", DataType::LONG, true, None).await.unwrap();
    let error = Lake::open_or_create(folder.path(), &decoder()).await.unwrap_err();
    assert!(matches!(error, Error::OtherColumns { .. }), "{error:?}");
    assert!(error.hint().is_some());
}
