use std::path::{Path, PathBuf};

use pulso_model::WallTime;
use pulso_pipeline::ManualClock;

use super::*;

const LIMIT: usize = 1000;

/// Two files with the lines 0 to 4 and an empty one.
fn files(folder: &Path) -> Vec<FileInput> {
    let paths: Vec<PathBuf> = ["a.jsonl", "b.jsonl"].map(|name| folder.join(name)).into();
    std::fs::write(&paths[0], "0\n\n1\n2\n").unwrap();
    std::fs::write(&paths[1], "3\n4").unwrap();
    paths.into_iter().map(FileInput::Path).collect()
}

fn open(inputs: Vec<FileInput>, batch_records: usize) -> FileSource<ManualClock> {
    FileSource::open(inputs, LIMIT, batch_records, ManualClock::at(WallTime(7))).unwrap()
}

/// The offset, payload and file of all records up to the end, batch by batch.
async fn rest(source: &mut FileSource<ManualClock>) -> Vec<Vec<(u64, String, String)>> {
    let mut batches = Vec::new();
    loop {
        let batch = source.next_batch().await.unwrap();
        assert_eq!(batch.end_offsets, [source.next_offset]);
        if batch.finished {
            assert!(batch.records.is_empty());
            return batches;
        }
        let record = |record: &Record| {
            assert_eq!((record.partition, record.log_time), (0, WallTime(7)));
            let payload = String::from_utf8(record.payload.to_vec()).unwrap();
            (record.offset, payload, record.headers.source.to_string())
        };
        batches.push(batch.records.iter().map(record).collect());
    }
}

#[tokio::test]
async fn files_follow_one_another_with_ascending_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = open(files(folder.path()), 2);
    assert_eq!(source.partitions(), 1);
    let batches = rest(&mut source).await;
    for batch in &batches {
        let one_file = batch.iter().all(|(.., file)| *file == batch[0].2);
        assert!(batch.len() <= 2 && one_file, "{batch:?}");
    }
    for (number, (offset, payload, file)) in (0..).zip(batches.concat()) {
        assert_eq!((offset, payload), (number, number.to_string()));
        assert_eq!(file, if number < 3 { "a.jsonl" } else { "b.jsonl" });
    }
    assert!(source.next_batch().await.unwrap().finished, "it stays at its end");
}

#[tokio::test]
async fn a_source_goes_to_any_offset() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = open(files(folder.path()), 100);
    for next_offset in [0, 2, 4, 1, 3, 0, 5, 3] {
        source.seek(&[next_offset].into()).await.unwrap();
        let offsets = rest(&mut source).await.concat().into_iter().map(|(offset, ..)| offset);
        assert_eq!(offsets.collect::<Vec<_>>(), (next_offset..5).collect::<Vec<_>>());
    }
    source.seek(&[99].into()).await.unwrap();
    assert_eq!(rest(&mut source).await.len(), 0);
}

#[tokio::test]
async fn a_missing_file_is_known_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = files(folder.path());
    inputs.push(FileInput::Path(folder.path().join("missing")));
    let opened = FileSource::open(inputs, LIMIT, 1, ManualClock::default());
    assert!(matches!(opened, Err(FileError::Open { .. })));
}

#[tokio::test]
async fn standard_input_cannot_go_back() {
    let mut source = open(vec![FileInput::Standard], 1);
    source.seek(&[0].into()).await.unwrap();
    source.next_offset = 3;
    let error = source.seek(&[2].into()).await.unwrap_err();
    assert!(matches!(error, FileError::GoBack), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pipe_that_is_quiet_gives_an_empty_batch_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let mut source = open(vec![FileInput::Path(path.clone())], 10);
    let (send, receive) = std::sync::mpsc::channel::<&str>();
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut pipe = std::fs::File::create(path).unwrap();
        for text in receive {
            pipe.write_all(text.as_bytes()).unwrap();
        }
    });
    let batch = source.next_batch().await.unwrap();
    assert!(batch.records.is_empty() && !batch.finished);
    send.send("0\n1\n").unwrap();
    drop(send);
    let mut read = 0;
    while read < 2 {
        read += source.next_batch().await.unwrap().records.len();
    }
    writer.join().unwrap();
}
