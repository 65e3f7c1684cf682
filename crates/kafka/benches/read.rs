//! Measures how fast the log is read, compared with a bare consumer of the same topic on the same
//! brokers.
//!
//! `KAFKA_BROKERS=host:port cargo bench -p pulso-kafka` writes messages to its own topic and reads
//! them with both, alternately. Without running brokers it says so and ends.

#![expect(clippy::unwrap_used, reason = "a measurement ends at the first surprise")]

use std::time::Duration;

use bytes::Bytes;
use pulso_kafka::{Connection, KafkaLog, KafkaSource, LogOptions, SourceOptions, Topics, set_up};
use pulso_model::Offsets;
use pulso_pipeline::{Message, Sink, Source};
use pulso_testkit::message::{EPOCH, message};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};
use tokio::time::Instant;

const MESSAGES: i64 = 400_000;
const PARTITIONS: u32 = 4;
const ROUNDS: usize = 3;
const BATCH: usize = 5_000;

/// The number of fields that make messages about as large as real ones, each a little different.
const FIELDS: usize = 24;

fn main() {
    let Ok(brokers) = std::env::var("KAFKA_BROKERS") else {
        eprintln!("skipped: `KAFKA_BROKERS` names no brokers");
        return;
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all().worker_threads(2).build().unwrap().block_on(measure(&brokers));
}

async fn measure(brokers: &str) {
    let connection = Connection::plain(brokers.split(','));
    let topics = topics();
    set_up(&connection, &topics).await.unwrap();
    let begun = Instant::now();
    write(&connection, &topics.messages).await;
    println!("written with delivery reports: {}", rate(begun.elapsed()));
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        let (brokers, topic) = (brokers.to_owned(), topics.messages.clone());
        let bare = tokio::task::spawn_blocking(move || bare(&brokers, &topic)).await.unwrap();
        best[0] = best[0].min(bare);
        best[1] = best[1].min(source(&connection, &topics.messages).await);
    }
    println!("bare consumer: {}", rate(best[0]));
    println!("KafkaSource:   {}", rate(best[1]));
    println!("{:.0} % of the bare consumer", 100.0 * best[0].as_secs_f64() / best[1].as_secs_f64());
}

fn topics() -> Topics {
    let name = pulso_testkit::servers::unique("bench-read");
    Topics {
        messages: format!("{name}-messages"),
        partitions: PARTITIONS,
        dead_letters: format!("{name}-dead-letters"),
        lease: format!("{name}-lease"),
        replication: 1,
        retention: None,
        message_bytes_max: 1024 * 1024,
    }
}

fn rate(took: Duration) -> String {
    format!("{:.0} messages/s ({took:.2?})", MESSAGES as f64 / took.as_secs_f64())
}

async fn write(connection: &Connection, topic: &str) {
    let mut log = KafkaLog::new(connection, LogOptions::new(topic, PARTITIONS)).unwrap();
    for first in (0..MESSAGES).step_by(BATCH) {
        let last = MESSAGES.min(first + i64::try_from(BATCH).unwrap());
        let batch: Vec<Message> = (first..last).map(one).collect();
        log.write(batch).await.unwrap();
    }
}

fn one(id: i64) -> Message {
    let mut made = message(id, EPOCH + id).received(pulso_model::WallTime(EPOCH + id));
    let mut text = String::from_utf8(made.payload.to_vec()).unwrap();
    text.pop();
    for field in 0..FIELDS {
        let value = (id + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()) >> field;
        text += &format!(",\"extra_field_{field}\":\"{value:x}\"");
    }
    text.push('}');
    made.payload = Bytes::from(text);
    made
}

/// Counts messages and bytes with a consumer that has the library's default settings.
fn bare(brokers: &str, topic: &str) -> Duration {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..i32::try_from(PARTITIONS).unwrap() {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut count, mut begun) = (0, None);
    while count < MESSAGES {
        if let Some(message) = consumer.poll(Duration::from_secs(1)) {
            message.unwrap();
            begun.get_or_insert_with(Instant::now);
            count += 1;
        }
    }
    begun.unwrap().elapsed()
}

async fn source(connection: &Connection, topic: &str) -> Duration {
    let options = SourceOptions::new(topic, PARTITIONS, BATCH);
    let mut source = KafkaSource::open(connection, options).await.unwrap();
    source.seek(&Offsets::zero(PARTITIONS)).await.unwrap();
    let (mut count, mut begun) = (0, None);
    while count < MESSAGES {
        let batch = source.next_batch().await.unwrap();
        begun.get_or_insert_with(Instant::now);
        count += i64::try_from(batch.records.len()).unwrap();
    }
    begun.unwrap().elapsed()
}
