//! The write side of the log.

mod tail;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulso_model::Key;
use pulso_pipeline::{Message, Sink, SourceCursor, partition_of};
use tokio::sync::OnceCell;

use crate::connection::Connection;
use crate::error::Error;
use crate::headers;
use crate::producer::{Outgoing, Producer};

/// How messages are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    pub topic: String,
    /// The number of partitions that the topic must have.
    pub partitions: u32,
    /// A message that is not stored within this time fails, so that the writer can keep it
    /// elsewhere.
    pub delivery_timeout: Duration,
    /// The longest payload.
    pub message_bytes_max: usize,
}

impl LogOptions {
    pub fn new(topic: &str, partitions: u32) -> Self {
        Self {
            topic: topic.into(),
            partitions,
            delivery_timeout: Duration::from_secs(10),
            message_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// Writes messages. Clones share one producer.
///
/// It chooses the same partition as the embedded log ([`partition_of`]) instead of hashing the key,
/// so that both logs put a message into the same partition.
#[derive(Clone, Debug)]
pub struct KafkaLog {
    connection: Connection,
    options: Arc<LogOptions>,
    producer: Producer,
    /// Set once the topic is known to have the right number of partitions.
    checked: Arc<OnceCell<()>>,
    /// Where each source goes on.
    cursors: Arc<Mutex<BTreeMap<Arc<str>, SourceCursor>>>,
}

impl KafkaLog {
    /// Creates a log without contacting a broker, so that a writer that can keep messages elsewhere
    /// can start without Kafka.
    ///
    /// # Errors
    /// When a setting or a file that it names is wrong.
    pub fn new(connection: &Connection, options: LogOptions) -> Result<Self, Error> {
        let LogOptions { delivery_timeout, message_bytes_max, .. } = options;
        let timeout = connection.timeout.min(delivery_timeout);
        Ok(Self {
            // Nothing that comes before a write may take longer than the write.
            connection: Connection { timeout, ..connection.clone() },
            producer: Producer::new(connection, delivery_timeout, message_bytes_max)?,
            options: Arc::new(options),
            checked: Arc::default(),
            cursors: Arc::default(),
        })
    }

    /// The cursor of the last stored message of a source: where it goes on.
    ///
    /// The log remembers the messages that were written here. Before the first message of a source, it
    /// reads the ends of all partitions, at most 50,000 messages of each, and returns `None` if the
    /// source has none among them.
    pub async fn last_cursor(&self, source: &str) -> Result<Option<SourceCursor>, Error> {
        if let Some(cursor) = self.cursors().get(source) {
            return Ok(Some(cursor.clone()));
        }
        self.check().await?;
        let found = tail::last_cursor(&self.connection, &self.options, source).await?;
        if let Some(cursor) = &found {
            self.cursors().insert(source.into(), cursor.clone());
        }
        Ok(found)
    }

    /// Checks once that the topic exists with the right number of partitions: a message in a wrong
    /// partition would be separated from its echoes for ever.
    async fn check(&self) -> Result<(), Error> {
        let check = || async {
            let stored = self.producer.partitions(&self.connection, &self.options.topic).await?;
            let LogOptions { topic, partitions: requested, .. } = &*self.options;
            if stored != *requested {
                let (topic, requested) = (topic.clone(), *requested);
                let key = "log.partitions";
                return Err(Error::Partitions { topic, stored, requested, key });
            }
            Ok(())
        };
        self.checked.get_or_try_init(check).await.copied()
    }

    /// Remembers what has just been stored.
    fn learn(&self, messages: &[Message]) {
        let mut cursors = self.cursors();
        for Message { headers, .. } in messages {
            if let Some(cursor) = &headers.cursor {
                let (received_time, cursor) = (headers.received_time, Arc::clone(cursor));
                let source = Arc::clone(&headers.source);
                cursors.insert(source, SourceCursor { received_time, cursor });
            }
        }
    }

    fn cursors(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, SourceCursor>> {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink<Message> for KafkaLog {
    type Error = Error;

    async fn write(&mut self, messages: Vec<Message>) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        self.check().await?;
        let partitions = self.options.partitions;
        let record = |Message { headers, key, payload }: &Message| Outgoing {
            partition: Some(partition_of(key.as_ref(), partitions)),
            key: key.as_ref().map(Key::to_string),
            headers: headers::encode(headers),
            payload: payload.clone(),
        };
        let records = messages.iter().map(record).collect();
        let written = self.producer.write(&self.options.topic, records).await;
        written.map_err(|source| {
            let topic = self.options.topic.clone();
            Error::Write { topic, count: messages.len(), source }
        })?;
        self.learn(&messages);
        Ok(())
    }
}
