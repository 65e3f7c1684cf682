//! Checkpoints are saved beside the stream, but for what waits for them.

use std::convert::Infallible;
use std::time::Duration;

use pulso_pipeline::memory::MemoryCheckpoints;
use pulso_pipeline::{Checkpoint, Checkpoints};
use pulso_testkit::view;
use tokio::sync::watch;

use crate::ports::documents;
use crate::running::Bench;

/// Checkpoints that are saved only while the gate is open.
#[derive(Clone, Debug)]
struct Gated {
    checkpoints: MemoryCheckpoints,
    open: watch::Sender<bool>,
    /// How many have been begun to be saved.
    begun: watch::Sender<usize>,
}

impl Gated {
    fn closed(bench: &Bench) -> Self {
        let checkpoints = bench.checkpoints.clone();
        Self { checkpoints, open: watch::Sender::new(false), begun: watch::Sender::new(0) }
    }
}

impl Checkpoints for Gated {
    type Error = Infallible;

    async fn load(&mut self) -> Result<Option<Checkpoint>, Infallible> {
        self.checkpoints.load().await
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), Infallible> {
        self.begun.send_modify(|begun| *begun += 1);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        self.checkpoints.save(checkpoint).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_is_shown_while_a_checkpoint_is_saved() {
    let bench = Bench::with_messages(1, 20).await;
    let gated = Gated::closed(&bench);
    let views = bench.views.clone();
    let (running, mut status, stop) = bench.start_with(views, gated.clone(), &[]);
    let all = status.wait_for(|status| status.progress.iter().any(|p| p.next_offset == 20));
    drop(all.await.unwrap());
    assert_eq!(documents(&bench.views, view("responses")).await.len(), 20);
    assert_eq!(*gated.begun.borrow(), 1, "one at a time, however many would be due");
    assert_eq!(bench.next_offsets().await, None);

    stop.cancel();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(!running.is_finished(), "a stop waits for it");
    gated.open.send_replace(true);
    running.await.unwrap().unwrap();
    assert_eq!(bench.next_offsets().await, Some([20].into()));
}

#[tokio::test(start_paused = true)]
async fn p2_what_closes_in_quiet_waits_for_its_checkpoint() {
    let bench = Bench::with_messages(1, 2).await;
    let gated = Gated::closed(&bench);
    let views = bench.views.clone();
    let settings = [("checkpoint.interval", "1h")];
    let (running, mut status, _stop) = bench.start_with(views, gated.clone(), &settings);
    let read = status.wait_for(|status| status.progress.iter().any(|p| p.next_offset == 2));
    drop(read.await.unwrap());
    // Long enough for the partition to be idle, and for the clock to have passed the window.
    bench.clock.advance(Duration::from_mins(10));
    gated.begun.subscribe().wait_for(|begun| *begun > 0).await.unwrap();
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(documents(&bench.views, view("country-activity")).await, []);

    gated.open.send_replace(true);
    let closed = status.wait_for(|status| status.closed_until.is_some());
    drop(closed.await.unwrap());
    assert_eq!(documents(&bench.views, view("country-activity")).await.len(), 1);
    running.abort();
}
