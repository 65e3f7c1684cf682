//! SQLite keeps the contracts of the ports.

use pulso_pipeline::ManualClock;
use pulso_sqlite::{Alone, CheckpointStore, Contents, Log, LogSource, ViewStore};
use pulso_testkit::contract::{self, AmendHost, CheckpointsHost, LogHost, ViewsHost};
use pulso_testkit::views;
use tempfile::TempDir;

/// A data directory of its own.
struct Files {
    folder: TempDir,
}

fn files() -> Files {
    Files { folder: TempDir::new().unwrap() }
}

impl LogHost for Files {
    type Log = Log;
    type Source = LogSource;

    fn open(&mut self, partitions: u32, clock: ManualClock) -> Log {
        Log::open(&self.folder.path().join("log.db"), partitions, clock).unwrap()
    }

    fn source(&mut self, log: &Log, batch_records: usize) -> LogSource {
        log.source(batch_records).unwrap()
    }
}

/// Like [`Files`], but the readers are those of another process.
struct FilesReadFromOutside(Files);

impl LogHost for FilesReadFromOutside {
    type Log = Log;
    type Source = LogSource;

    fn open(&mut self, partitions: u32, clock: ManualClock) -> Log {
        LogHost::open(&mut self.0, partitions, clock)
    }

    fn source(&mut self, _: &Log, batch_records: usize) -> LogSource {
        let path = self.0.folder.path().join("log.db");
        LogSource::open_read_only(&path, batch_records).unwrap()
    }
}

impl ViewsHost for Files {
    type Store = ViewStore;

    fn open(&mut self) -> ViewStore {
        ViewStore::open(&self.folder.path().join("views.db"), &views()).unwrap()
    }
}

impl AmendHost for Files {
    type Own = Alone;

    fn own(&mut self) -> Alone {
        Alone::open(&self.folder.path().join("views.db"), Contents::Views).unwrap()
    }
}

impl CheckpointsHost for Files {
    type Checkpoints = CheckpointStore;

    fn open(&mut self, name: &str) -> CheckpointStore {
        CheckpointStore::open(&self.folder.path().join("views.db"), name).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn log() {
    contract::log(files).await;
}

#[tokio::test(start_paused = true)]
async fn log_of_another_process() {
    contract::log(|| FilesReadFromOutside(files())).await;
}

#[tokio::test(start_paused = true)]
async fn view_store() {
    contract::views(files).await;
}

#[tokio::test(start_paused = true)]
async fn aggregation() {
    contract::aggregation(files).await;
}

#[tokio::test(start_paused = true)]
async fn batch_views() {
    contract::batch_views(files).await;
}

#[tokio::test(start_paused = true)]
async fn amend() {
    contract::amend(files).await;
}

#[tokio::test(start_paused = true)]
async fn checkpoints() {
    contract::checkpoints(files).await;
}
