//! Writes a batch of records and waits until each one is delivered.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer,
};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::blocking::{self, GRACE};
use crate::connection::Connection;
use crate::context::Context;
use crate::error::{Error, Fault};
use crate::renewal;
use crate::topics::partitions;

/// The most messages that wait for delivery; more wait outside.
const QUEUE_MESSAGES: u32 = 20_000;

/// The most bytes that wait for delivery, unless a single message is larger.
const QUEUE_KIB: u32 = 64 * 1024;

/// How long to wait before looking again whether the queue has room.
const FULL_PAUSE: Duration = Duration::from_millis(2);

/// How long messages are collected before they are sent: long enough to fill a request under load,
/// too short to notice.
const LINGER: Duration = Duration::from_millis(2);

/// How much larger a record is than its payload, generously: its key and headers.
const RECORD_OVERHEAD_BYTES: usize = 16 * 1024;

/// A record to write.
pub(crate) struct Outgoing {
    /// `None` for any partition.
    pub(crate) partition: Option<u32>,
    pub(crate) key: Option<String>,
    pub(crate) headers: OwnedHeaders,
    pub(crate) payload: Bytes,
}

/// What a client of this kind is called where it is given up.
const PRODUCER: &str = "producer";

/// An idempotent producer; clones share it. A client that could not deliver is given up for a new one.
#[derive(Clone)]
pub(crate) struct Producer {
    config: ClientConfig,
    context: Context,
    client: Arc<Mutex<Arc<Client>>>,
    delivery_timeout: Duration,
}

type Client = ThreadedProducer<Reports>;

impl fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Producer").finish_non_exhaustive()
    }
}

impl Producer {
    /// Creates a producer. A message that is not delivered within the timeout fails with an error.
    pub(crate) fn new(
        connection: &Connection,
        delivery_timeout: Duration,
        message_bytes_max: usize,
    ) -> Result<Self, Error> {
        let mut config = connection.config();
        let millis = |duration: Duration| duration.as_millis().to_string();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "zstd")
            .set("linger.ms", millis(LINGER))
            .set("delivery.timeout.ms", millis(delivery_timeout))
            .set("request.timeout.ms", millis(delivery_timeout))
            .set("message.max.bytes", (message_bytes_max + RECORD_OVERHEAD_BYTES).to_string())
            .set("queue.buffering.max.messages", QUEUE_MESSAGES.to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KIB.to_string());
        let context = Context::default();
        let client = Arc::new(Mutex::new(create(&config, &context)?));
        Ok(Self { config, context, client, delivery_timeout })
    }

    /// The number of partitions of a topic.
    pub(crate) async fn partitions(
        &self,
        connection: &Connection,
        topic: &str,
    ) -> Result<u32, Error> {
        let (client, context) = (self.client(), self.context.clone());
        let (asked, connection, topic) =
            (Arc::clone(&client), connection.clone(), topic.to_owned());
        let found = blocking::run(connection.timeout, move || {
            partitions(asked.client(), &context, &connection, &topic, || {})
        });
        let found = found.await;
        let cause = found.as_ref().err().and_then(Error::cause);
        renewal::after(cause, PRODUCER, || self.exchange(client));
        found
    }

    fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a new client in place of this one, unless another writer has done so; returns those that
    /// are not used any more.
    fn exchange(&self, stuck: Arc<Client>) -> Result<[Arc<Client>; 2], Error> {
        let mut other = create(&self.config, &self.context)?;
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&client, &stuck) {
            std::mem::swap(&mut *client, &mut other);
        }
        Ok([stuck, other])
    }

    /// Writes all records in order. Returns when each is stored or given up, with the first fault.
    pub(crate) async fn write(&self, topic: &str, records: Vec<Outgoing>) -> Result<(), Fault> {
        let client = self.client();
        let written = self.write_with(&client, topic, records).await;
        let cause = written.as_ref().err().map(|fault| fault.cause);
        renewal::after(cause, PRODUCER, || self.exchange(client));
        written
    }

    async fn write_with(
        &self,
        client: &Client,
        topic: &str,
        records: Vec<Outgoing>,
    ) -> Result<(), Fault> {
        let batch = Arc::new(Batch::default());
        let waited = self.delivery_timeout + GRACE;
        for record in records {
            batch.open.fetch_add(1, Ordering::SeqCst);
            let Ok(sent) = timeout(waited, send(client, topic, record, &batch)).await else {
                return Err(Fault::stalled(waited));
            };
            if let Err(error) = sent {
                batch.closed(Some(error));
                // What follows must not overtake it.
                break;
            }
        }
        batch.closed(None);
        if timeout(waited, batch.done.notified()).await.is_err() {
            return Err(Fault::stalled(waited));
        }
        match batch.take_error() {
            None => {
                self.context.recovered();
                Ok(())
            }
            Some(error) => Err(Fault::new(&error, &self.context)),
        }
    }
}

fn create(config: &ClientConfig, context: &Context) -> Result<Arc<Client>, Error> {
    let created = config.create_with_context(Reports { context: context.clone() });
    let client =
        created.map_err(|error| Error::Configure { source: Fault::new(&error, context) })?;
    Ok(Arc::new(client))
}

async fn send(
    client: &Client,
    topic: &str,
    outgoing: Outgoing,
    batch: &Arc<Batch>,
) -> Result<(), KafkaError> {
    let mut record = BaseRecord::with_opaque_to(topic, Arc::clone(batch))
        .payload(&outgoing.payload[..])
        .headers(outgoing.headers);
    if let Some(partition) = outgoing.partition {
        record = record.partition(i32::try_from(partition).unwrap_or(i32::MAX));
    }
    if let Some(key) = &outgoing.key {
        record = record.key(key.as_str());
    }
    loop {
        match client.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                record = refused;
                sleep(FULL_PAUSE).await;
            }
            Err((error, _)) => return Err(error),
        }
    }
}

/// Records that are written together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The number of undelivered records, plus one for the writer until it has sent them all.
    open: AtomicUsize,
    error: Mutex<Option<KafkaError>>,
    done: Notify,
}

impl Default for Batch {
    fn default() -> Self {
        Self { open: AtomicUsize::new(1), error: Mutex::default(), done: Notify::new() }
    }
}

impl Batch {
    fn closed(&self, error: Option<KafkaError>) {
        if let Some(error) = error {
            self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Keeps the word for a writer that has not begun to wait.
            self.done.notify_one();
        }
    }

    fn take_error(&self) -> Option<KafkaError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Passes delivery reports on to their batches.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    context: Context,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, message: &str) {
        self.context.error(error, message);
    }
}

impl ProducerContext<NoCustomPartitioner> for Reports {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, report: &DeliveryResult<'_>, batch: Arc<Batch>) {
        batch.closed(report.as_ref().err().map(|(error, _)| error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    #[tokio::test]
    async fn a_client_that_cannot_deliver_is_given_up() {
        // Nobody listens at port 1.
        let connection = Connection::plain(["127.0.0.1:1"]);
        let producer = Producer::new(&connection, Duration::from_secs(1), 1000).unwrap();
        let client = producer.client();
        let (key, headers, payload) = (None, OwnedHeaders::new(), Bytes::new());
        let outgoing = Outgoing { partition: None, key, headers, payload };
        let fault = producer.write("topic", vec![outgoing]).await.unwrap_err();
        assert_eq!(fault.cause, Cause::Unreachable);
        assert!(!Arc::ptr_eq(&client, &producer.client()));
    }
}
