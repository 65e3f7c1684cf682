//! The in-memory adapters keep the contracts.

use std::collections::BTreeMap;

use pulso_pipeline::ManualClock;
use pulso_pipeline::memory::{MemoryCheckpoints, MemoryLog, MemorySource, MemoryViews};
use pulso_testkit::contract::{self, CheckpointsHost, LogHost, ViewsHost};

/// A host whose stores survive a "restart", because clones share their data.
#[derive(Default)]
struct Memory {
    log: Option<MemoryLog<ManualClock>>,
    views: MemoryViews,
    checkpoints: BTreeMap<String, MemoryCheckpoints>,
}

impl LogHost for Memory {
    type Log = MemoryLog<ManualClock>;
    type Source = MemorySource;

    fn open(&mut self, partitions: u32, clock: ManualClock) -> Self::Log {
        self.log.get_or_insert_with(|| MemoryLog::new(partitions, clock)).clone()
    }

    fn source(&mut self, log: &Self::Log, batch_records: usize) -> MemorySource {
        log.source(batch_records)
    }
}

impl ViewsHost for Memory {
    type Store = MemoryViews;

    fn open(&mut self) -> MemoryViews {
        self.views.clone()
    }
}

impl CheckpointsHost for Memory {
    type Checkpoints = MemoryCheckpoints;

    fn open(&mut self, name: &str) -> MemoryCheckpoints {
        self.checkpoints.entry(name.to_owned()).or_default().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn log() {
    contract::log(Memory::default).await;
}

#[tokio::test(start_paused = true)]
async fn views() {
    contract::views(Memory::default).await;
}

#[tokio::test(start_paused = true)]
async fn aggregation() {
    contract::aggregation(Memory::default).await;
}

#[tokio::test(start_paused = true)]
async fn batch_views() {
    contract::batch_views(Memory::default).await;
}

#[tokio::test(start_paused = true)]
async fn checkpoints() {
    contract::checkpoints(Memory::default).await;
}
