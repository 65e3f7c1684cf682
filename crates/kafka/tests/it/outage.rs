//! A broker that goes away and comes back: writers and readers report it, then continue.

use std::collections::BTreeSet;
use std::time::Duration;

use pulso_kafka::{Cause, Error, KafkaLog, KafkaSource, Lease, LeaseOptions, LogOptions};
use pulso_pipeline::{AdapterError, Retry, Sink, Source};
use pulso_testkit::servers::Kafka;

use crate::support::{at, made, messages, read, soon, source};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_is_killed_and_comes_back() {
    let Some(mut kafka) = Kafka::start() else { return };
    let connection = at(&kafka.brokers());
    let topics = made(&connection, "outage", 2).await;
    let delivery_timeout = Duration::from_secs(2);
    let options = LogOptions { delivery_timeout, ..LogOptions::new(&topics.messages, 2) };
    let mut log = KafkaLog::new(&connection, options).unwrap();
    log.write(messages(0..100)).await.unwrap();
    let mut reader = source(&connection, &topics).await;
    read(&mut reader, 100).await;
    assert_eq!(reader.next_batch().await.unwrap().records, [], "read to its end");

    kafka.kill();
    let error = log.write(messages(100..110)).await.unwrap_err();
    assert_eq!((error.cause(), error.retry()), (Some(Cause::Unreachable), Retry::Backoff));
    // A reader at the end of a log that does not answer does not know that there is no more.
    let error = soon(reader.next_batch()).await.unwrap_err();
    assert_eq!((error.cause(), error.retry()), (Some(Cause::Unreachable), Retry::Backoff));

    kafka.restart();
    let written = async {
        while let Err(error) = log.write(messages(200..210)).await {
            assert_eq!(error.retry(), Retry::Backoff, "{error:?}");
        }
    };
    soon(written).await;
    let again = async {
        while let Err(error) = reader.seek(&[0, 0].into()).await {
            assert_eq!(error.retry(), Retry::Backoff, "{error:?}");
        }
    };
    soon(again).await;
    let records = read(&mut reader, 110).await;
    for partition in 0..2 {
        let offsets = records.iter().filter(|r| r.partition == partition).map(|r| r.offset);
        assert!(offsets.eq(0..records.iter().filter(|r| r.partition == partition).count() as u64));
    }
}

/// The controller gives up a broker that stands still, and tells clients of no brokers until the
/// two have found each other again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_stands_still_and_goes_on() {
    let Some(kafka) = Kafka::start() else { return };
    let connection = at(&kafka.brokers());
    let topics = made(&connection, "fenced", 2).await;
    let delivery_timeout = Duration::from_secs(2);
    let options = LogOptions { delivery_timeout, ..LogOptions::new(&topics.messages, 2) };
    let mut log = KafkaLog::new(&connection, options).unwrap();
    let lease = Lease::join(&connection, LeaseOptions::new(&topics.lease, &topics.lease)).unwrap();
    let mut reader = source(&connection, &topics).await.with_lease(lease);
    soon(reader.acquire()).await.unwrap();
    for id in 0..3 {
        kafka.pause();
        // Each takes the 2 s that a delivery may: with the second the broker's session of 3 s has ended.
        for _ in 0..3 {
            let error = log.write(messages([id])).await.unwrap_err();
            assert_eq!(error.retry(), Retry::Backoff, "{error:?}");
        }
        kafka.go_on();
        let message = messages([id]);
        let writing = async {
            while let Err(error) = log.write(message.clone()).await {
                assert_eq!(error.retry(), Retry::Backoff, "{error:?}");
            }
        };
        soon(writing).await;
        let reading = async {
            while let Err(error) = again(&mut reader, id + 1).await {
                assert_eq!(error.retry(), Retry::Backoff, "{error:?}");
            }
        };
        soon(reading).await;
    }
}

/// Acquires the lease again, and reads from the beginning until `count` different messages have
/// come.
async fn again(reader: &mut KafkaSource, count: i64) -> Result<(), Error> {
    reader.acquire().await?;
    reader.seek(&[0, 0].into()).await?;
    let mut payloads = BTreeSet::new();
    while payloads.len() < usize::try_from(count).unwrap() {
        payloads.extend(reader.next_batch().await?.records.into_iter().map(|r| r.payload));
    }
    Ok(())
}
