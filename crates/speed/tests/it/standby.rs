//! Instances that keep the same views take turns, and the views are those of one that never stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pulso_model::{Offsets, ViewDocument, WallTime};
use pulso_pipeline::memory::{MemoryCheckpoints, MemoryLog, MemorySource, MemoryViews};
use pulso_pipeline::{
    AdapterError, Batch, Checkpoints, ErrorKind, ManualClock, Retry, Sink, Source,
};
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_speed::{Options, Status, run};
use pulso_testkit::message::{EPOCH, message};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::ports::all_documents;

const MESSAGES: i64 = 60;

/// The turn was taken away.
#[derive(Debug, thiserror::Error)]
#[error("another instance may read now")]
struct Lost;

impl AdapterError for Lost {
    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
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

    fn may_write(&self) -> Result<(), Lost> {
        Ok(())
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Lost> {
        let Ok(first) = self.source.first_offsets().await;
        Ok(first)
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Lost> {
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

/// Every fifth message is late.
async fn log() -> MemoryLog<ManualClock> {
    let mut log = MemoryLog::new(2, ManualClock::at(WallTime(EPOCH)));
    for id in 0..MESSAGES {
        let time = EPOCH + (if id % 5 == 4 { id - 20 } else { id }) * 1000;
        let Ok(()) = log.write(vec![message(id, time).received(WallTime(EPOCH))]).await;
    }
    log
}

/// Starts an instance; tells where it is.
fn start(
    source: impl Source + 'static,
    shared: &Shared,
    stop: &CancellationToken,
) -> watch::Receiver<Status> {
    start_with("0s", source, shared.views.clone(), shared, stop)
}

/// The same with a sink of its own, and with an allowed lateness.
fn start_with(
    lateness: &str,
    source: impl Source + 'static,
    sink: impl Sink<ViewDocument> + 'static,
    shared: &Shared,
    stop: &CancellationToken,
) -> watch::Receiver<Status> {
    let settings = [
        ("window.size", "30s"),
        ("trends.count_above", "0"),
        ("window.allowed_lateness", lateness),
    ];
    let overrides = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let config = Config::load(&Layers { overrides, ..Layers::default() }).unwrap();
    let (sender, status) = watch::channel(Status::default());
    let options = Options { checkpoint_records_max: 3, ..Options::new(&config, sender) };
    let (checkpoints, stop) = (shared.checkpoints.clone(), stop.clone());
    tokio::spawn(async move {
        let clock = ManualClock::at(WallTime(EPOCH));
        Box::pin(run(source, sink, checkpoints, clock, &options, stop)).await.unwrap();
    });
    status
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

/// Reads until its turn is taken away while it stands still.
struct Overtaken {
    source: MemorySource,
    overtaken: Arc<AtomicBool>,
}

impl Source for Overtaken {
    type Error = Lost;

    fn partitions(&self) -> u32 {
        self.source.partitions()
    }

    async fn acquire(&mut self) -> Result<(), Lost> {
        match self.may_write() {
            Ok(()) => Ok(()),
            Err(_) => std::future::pending().await,
        }
    }

    fn may_write(&self) -> Result<(), Lost> {
        if self.overtaken.load(Ordering::SeqCst) { Err(Lost) } else { Ok(()) }
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Lost> {
        let Ok(first) = self.source.first_offsets().await;
        Ok(first)
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Lost> {
        let Ok(()) = self.source.seek(next_offsets).await;
        Ok(())
    }

    async fn next_batch(&mut self) -> Result<Batch, Lost> {
        self.may_write()?;
        let Ok(batch) = self.source.next_batch().await;
        Ok(batch)
    }
}

/// Views before which a writer stands still once, in the middle of a write or after it.
struct StandsStill {
    views: MemoryViews,
    writes_before: usize,
    in_the_middle: bool,
    stands: Arc<Semaphore>,
    goes_on: Arc<Semaphore>,
}

impl StandsStill {
    async fn stand(&self) {
        self.stands.add_permits(1);
        self.goes_on.acquire().await.unwrap().forget();
    }
}

impl Sink<ViewDocument> for StandsStill {
    type Error = Lost;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Lost> {
        let now = self.writes_before == 0;
        self.writes_before = self.writes_before.wrapping_sub(1);
        if now && self.in_the_middle {
            self.stand().await;
        }
        let Ok(()) = self.views.write(documents).await;
        if now && !self.in_the_middle {
            self.stand().await;
        }
        Ok(())
    }
}

/// An instance stands still at each of its writes in turn, while another one reads on to the end. A write
/// that it is in the middle of does no harm only where no window is shown twice.
#[tokio::test(start_paused = true)]
async fn p2_an_instance_that_was_overtaken_writes_nothing_old() {
    let log = log().await;
    for (lateness, in_the_middle) in [("0s", true), ("0s", false), ("1m", false)] {
        let (alone, stop) = (Shared::default(), CancellationToken::new());
        let sink = alone.views.clone();
        let mut status = start_with(lateness, log.source(1), sink, &alone, &stop);
        status.wait_for(read_all).await.unwrap();
        stop.cancel();
        let expected = all_documents(&alone.views).await;

        for writes_before in 0.. {
            let (shared, stop) = (Shared::default(), CancellationToken::new());
            let overtaken = Arc::<AtomicBool>::default();
            let [stands, goes_on] = [(); 2].map(|()| Arc::new(Semaphore::new(0)));
            let sink = StandsStill {
                views: shared.views.clone(),
                writes_before,
                in_the_middle,
                stands: Arc::clone(&stands),
                goes_on: Arc::clone(&goes_on),
            };
            let source = Overtaken { source: log.source(1), overtaken: Arc::clone(&overtaken) };
            let mut first = start_with(lateness, source, sink, &shared, &stop);
            tokio::select! {
                stood = stands.acquire() => drop(stood),
                read = first.wait_for(read_all) => {
                    assert!(read.is_ok() && writes_before > 50, "{writes_before}");
                    break;
                }
            }
            overtaken.store(true, Ordering::SeqCst);
            let source = log.source(1);
            let sink = shared.views.clone();
            let mut second = start_with(lateness, source, sink, &shared, &stop);
            second.wait_for(read_all).await.unwrap();
            goes_on.add_permits(1);
            tokio::time::sleep(Duration::from_secs(60)).await;
            stop.cancel();
            let found = all_documents(&shared.views).await;
            assert!(found == expected, "{lateness}, {in_the_middle}, {writes_before}");
            let Ok(saved) = shared.checkpoints.clone().load().await;
            let read = saved.unwrap().progress.iter().map(|p| p.next_offset).sum::<u64>();
            assert!(read + 3 > MESSAGES as u64, "no old checkpoint over a new one: {read}");
        }
    }
}
