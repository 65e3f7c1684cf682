//! Two readers that both believe they are the only one.

use pulso_elasticsearch::{CheckpointStore, Error};
use pulso_pipeline::{AdapterError, Checkpoint, Checkpoints, Progress, Retry};
use pulso_testkit::contract::CheckpointsHost;
use pulso_testkit::servers;

use crate::host::{Host, Method};

fn checkpoint(next_offset: u64) -> Checkpoint {
    let progress = vec![Progress { next_offset, ..Progress::default() }];
    Checkpoint { progress, ..Checkpoint::default() }
}

async fn check_replaced(reader: &mut CheckpointStore, next_offset: u64) {
    let error = reader.save(checkpoint(next_offset)).await.unwrap_err();
    assert!(matches!(error, Error::Replaced { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Backoff, "it is to load again");
    assert!(error.hint().unwrap().contains("one speed layer"), "{error}");
}

#[tokio::test]
async fn a_reader_that_was_replaced_is_told_so() {
    let Some(url) = servers::elasticsearch() else { return };
    let mut host = Host::new(url);
    let (mut first, mut second) = (host.open("speed"), host.open("speed"));
    assert_eq!(first.load().await.unwrap(), None);
    assert_eq!(second.load().await.unwrap(), None);
    first.save(checkpoint(1)).await.unwrap();
    check_replaced(&mut second, 9).await;
    assert_eq!(second.load().await.unwrap(), Some(checkpoint(1)), "nothing was overwritten");
    second.save(checkpoint(2)).await.unwrap();
    second.save(checkpoint(3)).await.unwrap();
    check_replaced(&mut first, 9).await;
    assert_eq!(first.load().await.unwrap(), Some(checkpoint(3)));
}

/// Whoever loses the views loses the checkpoint, and must not continue as if nothing had happened.
#[tokio::test]
async fn a_checkpoint_that_was_lost_is_not_made_up() {
    let Some(url) = servers::elasticsearch() else { return };
    let mut host = Host::new(url);
    let mut reader = host.open("speed");
    reader.load().await.unwrap();
    reader.save(checkpoint(1)).await.unwrap();
    host.ask(Method::Delete, &format!("{}-checkpoints", host.prefix), None).await;
    check_replaced(&mut reader, 2).await;
    assert_eq!(reader.load().await.unwrap(), None, "it begins again");
    reader.save(checkpoint(3)).await.unwrap();
    assert_eq!(reader.load().await.unwrap(), Some(checkpoint(3)));
}
