//! A log that has dropped its oldest messages is read from where it begins.

use std::convert::Infallible;

use pulso_model::{Offsets, WallTime};
use pulso_pipeline::memory::{MemoryCheckpoints, MemoryLog, MemorySource, MemoryViews};
use pulso_pipeline::{Batch, Checkpoints, ManualClock, Progress, Sink, Source};
use pulso_runtime::Config;
use pulso_speed::{Options, Status, run};
use pulso_testkit::message::{EPOCH, message};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Of the second partition everything is gone.
const FIRST: [u64; 2] = [3, 4];

struct Shortened(MemorySource);

impl Source for Shortened {
    type Error = Infallible;

    fn partitions(&self) -> u32 {
        self.0.partitions()
    }

    async fn acquire(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn may_write(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Infallible> {
        Ok(FIRST.into())
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Infallible> {
        assert!(next_offsets.reach(&FIRST.into()));
        self.0.seek(next_offsets).await
    }

    async fn next_batch(&mut self) -> Result<Batch, Infallible> {
        self.0.next_batch().await
    }
}

#[tokio::test(start_paused = true)]
async fn w4_offsets_that_were_gone_are_not_counted_nor_waited_for() {
    let clock = ManualClock::at(WallTime(EPOCH));
    let mut log = MemoryLog::new(2, clock.clone());
    let write = async |log: &mut MemoryLog<ManualClock>, ids: std::ops::Range<i64>| {
        for id in ids {
            let Ok(()) = log.write(vec![message(id, EPOCH + id).received(WallTime(EPOCH))]).await;
        }
    };
    write(&mut log, 0..9).await;
    let mut checkpoints = MemoryCheckpoints::default();
    for (messages, next_offset) in [(0, 5), (2, 6)] {
        write(&mut log, 10..10 + messages).await;
        let (sender, mut status) = watch::channel(Status::default());
        let options = Options::new(&Config::default(), sender);
        let (source, stop) = (Shortened(log.source(100)), CancellationToken::new());
        let (saved, clock, stopped) = (checkpoints.clone(), clock.clone(), stop.clone());
        let views = MemoryViews::default();
        let running = tokio::spawn(async move {
            Box::pin(run(source, views, saved, clock, &options, stopped)).await
        });
        status.wait_for(|status| !status.progress.is_empty() && status.lag == 0).await.unwrap();
        stop.cancel();
        running.await.unwrap().unwrap();
        let Ok(checkpoint) = checkpoints.load().await;
        let progress = |first_offset, next_offset| Progress {
            first_offset,
            next_offset,
            counted: next_offset - first_offset,
            ..Progress::default()
        };
        let second = 4 + u64::from(messages > 0);
        let expected = [progress(3, next_offset), progress(4, second)];
        assert_eq!(checkpoint.unwrap().progress, expected, "also after a restart");
    }
}
