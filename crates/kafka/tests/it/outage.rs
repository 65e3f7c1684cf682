//! A broker that is killed and comes back: writers and readers say so, then go on.

use std::time::Duration;

use pulso_kafka::{Cause, KafkaLog, LogOptions};
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
        while let Err(error) = reader.seek(&[0, 0]).await {
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
