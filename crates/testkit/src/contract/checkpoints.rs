//! The contract of [`Checkpoints`].

use pulso_model::EventTime;
use pulso_pipeline::{Checkpoint, Checkpoints, Progress};

/// Where checkpoints are kept.
pub trait CheckpointsHost {
    type Checkpoints: Checkpoints;

    /// Opens the checkpoint of one reader, again or for the first time.
    fn open(&mut self, name: &str) -> Self::Checkpoints;
}

/// Checks that a store of checkpoints keeps the contract.
///
/// # Panics
/// At the first difference from what the port promises.
pub async fn checkpoints<H: CheckpointsHost>(new_host: impl Fn() -> H) {
    the_last_one_saved_is_there_after_a_restart(&mut new_host()).await;
    readers_do_not_see_each_others(&mut new_host()).await;
}

fn checkpoint(partitions: u64) -> Checkpoint {
    let progress = |partition| Progress {
        first_offset: 7 * partition,
        next_offset: 10 + partition,
        counted: 4,
        echoes: 3,
        late: 2,
        skipped: 4,
        dead_letters: 1 + partition,
    };
    Checkpoint {
        progress: (0..partitions).map(progress).collect(),
        closed_until: Some(EventTime(-1)),
        state: vec![0, 255, 1],
    }
}

async fn the_last_one_saved_is_there_after_a_restart(host: &mut impl CheckpointsHost) {
    let mut store = host.open("speed");
    assert_eq!(store.load().await.unwrap(), None, "there is none before the first");
    let large = Checkpoint { state: vec![7; 3_000_000], ..checkpoint(40) };
    let empty = Checkpoint::default();
    for saved in [checkpoint(4), large, checkpoint(2), empty, checkpoint(3)] {
        store.save(saved.clone()).await.unwrap();
        assert!(store.load().await.unwrap() == Some(saved.clone()), "load gives what was saved");
        drop(store);
        store = host.open("speed");
        assert!(store.load().await.unwrap() == Some(saved), "it survives a restart");
    }
}

async fn readers_do_not_see_each_others(host: &mut impl CheckpointsHost) {
    let (mut speed, mut batch) = (host.open("speed"), host.open("batch"));
    speed.save(checkpoint(1)).await.unwrap();
    assert_eq!(batch.load().await.unwrap(), None);
    batch.save(checkpoint(2)).await.unwrap();
    assert_eq!(speed.load().await.unwrap(), Some(checkpoint(1)));
}
