//! Writes a batch of records and waits until each is delivered.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer,
};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::blocking::GRACE;
use crate::connection::Connection;
use crate::context::Context;
use crate::error::{Error, Fault};

/// How many messages wait for their delivery at most; more wait outside.
const QUEUE_MESSAGES: u32 = 20_000;

/// How many bytes wait for their delivery, unless one message alone is larger.
const QUEUE_KIB: u32 = 64 * 1024;

/// How long to wait before looking again whether the queue has room.
const FULL_PAUSE: Duration = Duration::from_millis(2);

/// How long messages are collected before they are sent: long enough to fill a request under load,
/// too short to be noticed.
const LINGER: Duration = Duration::from_millis(2);

/// How much a record is larger than its payload, generously: its key and headers.
const RECORD_OVERHEAD_BYTES: usize = 16 * 1024;

/// What is written.
pub(crate) struct Outgoing {
    /// `None`: any.
    pub(crate) partition: Option<u32>,
    pub(crate) key: Option<String>,
    pub(crate) headers: OwnedHeaders,
    pub(crate) payload: Bytes,
}

/// An idempotent producer; clones share it.
#[derive(Clone)]
pub(crate) struct Producer {
    producer: ThreadedProducer<Reports>,
    delivery_timeout: Duration,
}

impl fmt::Debug for Producer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Producer").finish_non_exhaustive()
    }
}

impl Producer {
    /// A message that is not delivered within the timeout is given up, with an error.
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
        let reports = Reports::default();
        let context = reports.context.clone();
        let producer = config
            .create_with_context(reports)
            .map_err(|error| Error::Configure { source: Fault::new(&error, &context) })?;
        Ok(Self { producer, delivery_timeout })
    }

    pub(crate) fn context(&self) -> &Context {
        &self.producer.client().context().context
    }

    pub(crate) fn client(&self) -> &rdkafka::client::Client<Reports> {
        self.producer.client()
    }

    /// Sends all records in order; returns when each is stored or given up, with the first fault.
    pub(crate) async fn write(&self, topic: &str, records: Vec<Outgoing>) -> Result<(), Fault> {
        let batch = Arc::new(Batch::default());
        let waited = self.delivery_timeout + GRACE;
        for record in records {
            batch.open.fetch_add(1, Ordering::SeqCst);
            let Ok(sent) = timeout(waited, self.send(topic, record, &batch)).await else {
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
                self.context().recovered();
                Ok(())
            }
            Some(error) => Err(Fault::new(&error, self.context())),
        }
    }

    async fn send(
        &self,
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
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    record = refused;
                    sleep(FULL_PAUSE).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

/// Records that are written together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Records that are not delivered yet, and one for the writer until it has sent all.
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
#[derive(Clone, Debug, Default)]
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
