//! The write side of the log.

mod tail;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulso_model::{EventTime, decode, rsvp_id};
use pulso_pipeline::{Message, Sink, partition_of};
use tokio::sync::OnceCell;

use crate::connection::Connection;
use crate::error::Error;
use crate::headers;
use crate::producer::{Outgoing, Producer};

/// How many of a call's last messages are decoded to learn the latest stored event time. Sources
/// are nearly ordered, so the largest time is nearly always among them.
const DECODED_FOR_MTIME: usize = 16;

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
    /// The event time up to which the messages of each source are stored.
    mtimes: Arc<Mutex<BTreeMap<Arc<str>, EventTime>>>,
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
            mtimes: Arc::default(),
        })
    }

    /// The event time from which to ask a source for more: its messages up to there are stored.
    ///
    /// The time is never later than the largest event time stored from the source. The log
    /// remembers the messages that were written here. Before the first message of a source, it
    /// reads the ends of all partitions, at most 50,000 messages of each, and returns `None` if the
    /// source has none among them. Asking again for some messages makes echoes.
    pub async fn last_stored_mtime(&self, source: &str) -> Result<Option<EventTime>, Error> {
        if let Some(mtime) = self.mtimes().get(source) {
            return Ok(Some(*mtime));
        }
        self.check().await?;
        let found = tail::last_mtime(&self.connection, &self.options, source).await?;
        if let Some(mtime) = found {
            self.remember(source.into(), mtime);
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
        let mut decoded: BTreeMap<&Arc<str>, (usize, Option<EventTime>)> = BTreeMap::new();
        for Message { headers, payload } in messages.iter().rev() {
            let (count, latest) = decoded.entry(&headers.source).or_default();
            if *count < DECODED_FOR_MTIME {
                *count += 1;
                let response = decode(payload, headers.received_time).ok();
                *latest = (*latest).max(response.map(|response| response.event_time));
            }
        }
        for (source, (_, latest)) in decoded {
            if let Some(latest) = latest {
                self.remember(Arc::clone(source), latest);
            }
        }
    }

    fn remember(&self, source: Arc<str>, mtime: EventTime) {
        let mut mtimes = self.mtimes();
        let known = mtimes.entry(source).or_insert(mtime);
        *known = mtime.max(*known);
    }

    fn mtimes(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, EventTime>> {
        self.mtimes.lock().unwrap_or_else(PoisonError::into_inner)
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
        let record = |Message { headers, payload }: &Message| {
            let id = rsvp_id(payload);
            Outgoing {
                partition: Some(partition_of(id, partitions)),
                key: id.map(|id| id.to_string()),
                headers: headers::encode(headers),
                payload: payload.clone(),
            }
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
