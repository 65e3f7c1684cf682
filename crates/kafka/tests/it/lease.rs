//! One reader at a time.

use std::time::Duration;

use pulso_kafka::{Connection, Error, KafkaSource, Lease, LeaseOptions, Topics};
use pulso_pipeline::{AdapterError, Retry, Sink, Source};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::time::timeout;

use crate::support::{connection, log, made, messages, read, soon, source};

fn options(topics: &Topics) -> LeaseOptions {
    let session_timeout = Duration::from_secs(24);
    LeaseOptions { session_timeout, ..LeaseOptions::new(&topics.lease, &topics.lease) }
}

async fn member(connection: &Connection, topics: &Topics) -> KafkaSource {
    let lease = Lease::join(connection, options(topics)).unwrap();
    source(connection, topics).await.with_lease(lease)
}

/// What the broker knows of a group of readers.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    members: usize,
    settled: bool,
}

async fn known(connection: &Connection, topics: &Topics) -> Known {
    let mut config = ClientConfig::new();
    let consumer: BaseConsumer =
        config.set("bootstrap.servers", connection.brokers.join(",")).create().unwrap();
    let (group, limit) = (topics.lease.clone(), connection.timeout);
    let asking = move || {
        let answer = consumer.fetch_group_list(Some(&group), limit).unwrap();
        let group = &answer.groups()[0];
        Known { members: group.members().len(), settled: group.state() == "Stable" }
    };
    tokio::task::spawn_blocking(asking).await.unwrap()
}

/// Waits until the broker has taken both members in.
async fn both_are_members(connection: &Connection, topics: &Topics) {
    let both = Known { members: 2, settled: true };
    let waiting = async { while known(connection, topics).await != both {} };
    soon(waiting).await;
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
    reader.seek(&[0, 0].into()).await.unwrap();
    read(&mut reader, 10).await;

    let mut standby = member(&connection, &topics).await;
    tokio::select! {
        early = standby.acquire() => panic!("both may read: {early:?}"),
        () = both_are_members(&connection, &topics) => {}
    }
    log.write(messages(10..20)).await.unwrap();
    read(&mut reader, 10).await;

    // One that leaves says so: nobody waits for its session to end.
    drop(reader);
    let left = async { while known(&connection, &topics).await.members > 1 {} };
    let session = options(&topics).session_timeout;
    timeout(session / 2, left).await.expect("its session would not have ended by now");
    soon(standby.acquire()).await.unwrap();
    standby.seek(&[0, 0].into()).await.unwrap();
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
