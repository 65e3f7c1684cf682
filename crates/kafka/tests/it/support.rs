//! Brokers, and topics for a single test.

use std::time::Duration;

use pulso_kafka::{Connection, KafkaLog, KafkaSource, LogOptions, SourceOptions, Topics, set_up};
use pulso_model::WallTime;
use pulso_pipeline::{Message, Record, Source};
use pulso_testkit::message::{EPOCH, message};
use pulso_testkit::servers;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running brokers. Returns `None`, and says so, if there can be none.
pub(crate) fn connection() -> Option<Connection> {
    servers::kafka().map(at)
}

pub(crate) fn at(brokers: &str) -> Connection {
    let timeout = Duration::from_secs(10);
    Connection { timeout, ..Connection::plain(brokers.split(',')) }
}

pub(crate) fn topics(name: &str, partitions: u32) -> Topics {
    let name = servers::unique(name);
    Topics {
        messages: format!("{name}-messages"),
        partitions,
        dead_letters: format!("{name}-dead-letters"),
        lease: format!("{name}-lease"),
        replication: 1,
        retention: None,
        message_bytes_max: 16 * 1024 * 1024,
    }
}

/// Creates topics.
pub(crate) async fn made(connection: &Connection, name: &str, partitions: u32) -> Topics {
    let topics = topics(name, partitions);
    set_up(connection, &topics).await.unwrap();
    topics
}

pub(crate) fn log(connection: &Connection, topics: &Topics) -> KafkaLog {
    let options = LogOptions::new(&topics.messages, topics.partitions);
    KafkaLog::new(connection, options).unwrap()
}

pub(crate) async fn source(connection: &Connection, topics: &Topics) -> KafkaSource {
    let options = SourceOptions::new(&topics.messages, topics.partitions, 1000);
    KafkaSource::open(connection, options).await.unwrap()
}

/// A valid message for each id, a second apart.
pub(crate) fn messages(ids: impl IntoIterator<Item = i64>) -> Vec<Message> {
    let made = |id| message(id, EPOCH + id * 1000).received(WallTime(EPOCH + id * 1000));
    ids.into_iter().map(made).collect()
}

/// Reads `count` records.
pub(crate) async fn read(source: &mut KafkaSource, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    let reading = async {
        while records.len() < count {
            records.extend(source.next_batch().await.unwrap().records);
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    assert!(read.is_ok(), "only {} of {count} records came", records.len());
    records
}

/// Waits for something that must happen.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it did not happen in time")
}
