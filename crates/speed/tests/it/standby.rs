//! Instances that keep the same views take turns, and the views are those of one that never stopped.

use std::sync::Arc;
use std::time::Duration;

use pulso_model::ViewDocument;
use pulso_model::WallTime;
use pulso_pipeline::memory::{MemoryCheckpoints, MemoryLog, MemorySource, MemoryViews};
use pulso_pipeline::{AdapterError, Batch, Checkpoints, ManualClock, Retry, Sink, Source};
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_speed::{Options, Status, run};
use pulso_testkit::message::{EPOCH, message};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::ports::{VIEWS_OF_THE_LOG, documents};

const MESSAGES: i64 = 60;

/// The turn was taken away.
#[derive(Debug, thiserror::Error)]
#[error("another instance may read now")]
struct Lost;

impl AdapterError for Lost {
    fn retry(&self) -> Retry {
        Retry::Backoff
    }
}

/// Reads while it has the only turn, which ends after a few batches.
struct InTurns {
    source: MemorySource,
    turns: Arc<Semaphore>,
    turn: Option<OwnedSemaphorePermit>,
    batches_left: usize,
}

impl Source for InTurns {
    type Error = Lost;

    fn partitions(&self) -> u32 {
        self.source.partitions()
    }

    async fn acquire(&mut self) -> Result<(), Lost> {
        self.turn = Some(Arc::clone(&self.turns).acquire_owned().await.unwrap());
        self.batches_left = 7;
        Ok(())
    }

    async fn seek(&mut self, next_offsets: &[u64]) -> Result<(), Lost> {
        assert!(self.turn.is_some(), "it goes to an offset that another one may have passed");
        let Ok(()) = self.source.seek(next_offsets).await;
        Ok(())
    }

    async fn next_batch(&mut self) -> Result<Batch, Lost> {
        if self.batches_left == 0 {
            self.turn = None;
            return Err(Lost);
        }
        self.batches_left -= 1;
        let Ok(batch) = self.source.next_batch().await;
        Ok(batch)
    }
}

/// What all instances write to.
#[derive(Clone, Default)]
struct Shared {
    views: MemoryViews,
    checkpoints: MemoryCheckpoints,
}

async fn log() -> MemoryLog<ManualClock> {
    let mut log = MemoryLog::new(2, ManualClock::at(WallTime(EPOCH)));
    for id in 0..MESSAGES {
        let Ok(()) =
            log.write(vec![message(id, EPOCH + id * 1000).received(WallTime(EPOCH))]).await;
    }
    log
}

/// Starts an instance; tells where it is.
fn start(
    source: impl Source + 'static,
    shared: &Shared,
    stop: &CancellationToken,
) -> watch::Receiver<Status> {
    let settings = [("window.size", "30s"), ("trends.count_above", "0")];
    let overrides = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let config = Config::load(&Layers { overrides, ..Layers::default() }).unwrap();
    let (sender, status) = watch::channel(Status::default());
    let options = Options { checkpoint_records_max: 3, ..Options::new(&config, sender) };
    let (Shared { views, checkpoints }, stop) = (shared.clone(), stop.clone());
    tokio::spawn(async move {
        let clock = ManualClock::at(WallTime(EPOCH));
        Box::pin(run(source, views, checkpoints, clock, &options, stop)).await.unwrap();
    });
    status
}

async fn all_documents(views: &MemoryViews) -> Vec<ViewDocument> {
    let mut all = Vec::new();
    for view in VIEWS_OF_THE_LOG {
        all.extend(documents(views, view).await);
    }
    all
}

fn read_all(status: &Status) -> bool {
    status.progress.iter().map(|progress| progress.next_offset).sum::<u64>() == MESSAGES as u64
}

#[tokio::test(start_paused = true)]
async fn p2_instances_that_take_turns_keep_the_views_of_one() {
    let log = log().await;
    let (alone, stop) = (Shared::default(), CancellationToken::new());
    let mut status = start(log.source(1), &alone, &stop);
    status.wait_for(read_all).await.unwrap();
    stop.cancel();

    let (shared, stop) = (Shared::default(), CancellationToken::new());
    let turns = Arc::new(Semaphore::new(1));
    let mut instances: Vec<_> = (0..3)
        .map(|_| {
            let (source, turns) = (log.source(1), Arc::clone(&turns));
            start(InTurns { source, turns, turn: None, batches_left: 0 }, &shared, &stop)
        })
        .collect();
    let mut checkpoints = shared.checkpoints.clone();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Ok(saved) = checkpoints.load().await;
        let read = |saved: &pulso_pipeline::Checkpoint| {
            saved.progress.iter().map(|progress| progress.next_offset).sum::<u64>()
        };
        if saved.as_ref().map_or(0, read) >= MESSAGES as u64 {
            break;
        }
    }
    stop.cancel();
    let took_part = instances.iter_mut().filter(|status| !status.borrow().progress.is_empty());
    assert_eq!(took_part.count(), 3, "each had its turns");
    assert_eq!(all_documents(&shared.views).await, all_documents(&alone.views).await);
}
