//! One reader at a time.

use std::time::Duration;

use pulso_kafka::{Connection, Error, KafkaSource, Lease, LeaseOptions, Topics};
use pulso_pipeline::{AdapterError, Retry, Sink, Source};
use tokio::time::{Instant, timeout};

use crate::support::{connection, log, made, messages, read, soon, source};

fn options(topics: &Topics) -> LeaseOptions {
    let session_timeout = Duration::from_secs(6);
    LeaseOptions { session_timeout, ..LeaseOptions::new(&topics.lease, &topics.lease) }
}

async fn member(connection: &Connection, topics: &Topics) -> KafkaSource {
    let lease = Lease::join(connection, options(topics)).unwrap();
    source(connection, topics).await.with_lease(lease)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_stands_by_takes_over_and_never_before() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "lease", 2).await;
    let mut log = log(&connection, &topics);
    log.write(messages(0..10)).await.unwrap();

    let mut reader = member(&connection, &topics).await;
    let unasked = reader.next_batch().await.unwrap_err();
    assert!(matches!(unasked, Error::LeaseLost { .. }), "nobody reads without being asked to");
    assert_eq!(unasked.retry(), Retry::Backoff);
    soon(reader.acquire()).await.unwrap();
    reader.seek(&[0, 0]).await.unwrap();
    read(&mut reader, 10).await;

    let mut standby = member(&connection, &topics).await;
    // Long enough for the group to have taken the new member in, several times over.
    let early = timeout(Duration::from_secs(4), standby.acquire()).await;
    assert!(early.is_err(), "{early:?}");
    log.write(messages(10..20)).await.unwrap();
    read(&mut reader, 10).await;

    // One that leaves says so: nobody waits for its session to end.
    let left = Instant::now();
    drop(reader);
    soon(standby.acquire()).await.unwrap();
    assert!(left.elapsed() < options(&topics).session_timeout, "{:?}", left.elapsed());
    standby.seek(&[0, 0]).await.unwrap();
    read(&mut standby, 20).await;
}

#[tokio::test]
async fn a_lease_of_two_partitions_would_let_two_read() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "two-leases", 2).await;
    let topics = Topics { lease: topics.messages.clone(), ..topics };
    let mut one = Lease::join(&connection, options(&topics)).unwrap();
    let error = soon(one.acquire()).await.unwrap_err();
    assert!(matches!(error, Error::Partitions { stored: 2, requested: 1, .. }), "{error}");
}
