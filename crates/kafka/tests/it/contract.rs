//! Kafka keeps the contract of a log.

use pulso_kafka::{Connection, KafkaLog, KafkaSource, SourceOptions, Topics, set_up};
use pulso_pipeline::ManualClock;
use pulso_testkit::contract::{self, LogHost};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::support;

struct Broker {
    connection: Connection,
    topics: Topics,
}

/// The suite opens logs as one opens a file, without waiting.
fn wait<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}

impl LogHost for Broker {
    type Log = KafkaLog;
    type Source = KafkaSource;

    const STAMPED_BY_OUR_CLOCK: bool = false;

    fn open(&mut self, partitions: u32, _: ManualClock) -> KafkaLog {
        self.topics.partitions = partitions;
        wait(set_up(&self.connection, &self.topics)).unwrap();
        support::log(&self.connection, &self.topics)
    }

    fn source(&mut self, _: &KafkaLog, batch_records: usize) -> KafkaSource {
        let Topics { messages, partitions, .. } = &self.topics;
        let options = SourceOptions::new(messages, *partitions, batch_records);
        wait(KafkaSource::open(&self.connection, options)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log() {
    let Some(connection) = support::connection() else { return };
    let topics = || support::topics("contract", 1);
    contract::log(|| Broker { connection: connection.clone(), topics: topics() }).await;
}
