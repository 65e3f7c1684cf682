//! The thread that polls the consumer.

use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use bytes::BytesMut;
use pulso_model::{Offsets, Position, WallTime};
use pulso_pipeline::Record;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{Lost, SourceOptions};
use crate::connection::Connection;
use crate::context::Context;
use crate::error::{Cause, Error, Fault};
use crate::headers::Decoder;

/// How long a poll waits, and so how late the thread notices a seek or that it should end.
const POLL_WAIT: Duration = Duration::from_millis(50);

/// A chunk is sent when it has this many messages or bytes, or when no more are available at once.
const CHUNK_RECORDS: usize = 2048;
const CHUNK_BYTES: usize = 1024 * 1024;

/// How many chunks wait for the reader.
const CHUNKS: usize = 8;

/// How much the library prefetches, over all partitions.
const FETCH_AHEAD_KIB: u32 = 32 * 1024;

/// How soon the library fetches again after it reached that limit. Its default of a second starves
/// a reader that needs less than a second for that much.
const FETCH_AGAIN: Duration = Duration::from_millis(10);

/// Events that the poll thread sends.
#[derive(Debug)]
pub(super) enum KafkaEvent {
    /// Records without gaps, following the assignment or the previous records.
    Records(Vec<Record>),
    /// The log does not have the requested offsets.
    OutOfRange,
    Failed(Error),
}

/// Where to read from now on.
#[derive(Debug)]
pub(super) struct Assignment {
    /// Sent along with each event that results from it.
    pub(super) generation: u64,
    pub(super) next_offsets: Offsets,
}

/// A consumer for assigned partitions. It joins no group.
pub(super) fn consumer(
    connection: &Connection,
    context: &Context,
) -> Result<BaseConsumer<Context>, Error> {
    let mut config = connection.config();
    config
        // The library asks for a name even where it commits nothing.
        .set("group.id", format!("{}-reader", connection.client))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_uncommitted")
        .set("check.crcs", "true")
        .set("queued.max.messages.kbytes", FETCH_AHEAD_KIB.to_string())
        .set("fetch.queue.backoff.ms", FETCH_AGAIN.as_millis().to_string());
    let created = config.create_with_context(context.clone());
    created.map_err(|error| Error::Configure { source: Fault::new(&error, context) })
}

pub(super) struct Poller {
    consumer: Arc<BaseConsumer<Context>>,
    context: Context,
    topic: String,
    lost: Lost,
    assignments: std_mpsc::Receiver<Assignment>,
    events: mpsc::Sender<(u64, KafkaEvent)>,
    generation: u64,
    /// The next offset of each partition. Empty while nothing is assigned.
    next_offsets: Offsets,
    headers: Decoder,
    /// The buffer for payloads, many to an allocation.
    payloads: BytesMut,
}

type Channels = (std_mpsc::Sender<Assignment>, mpsc::Receiver<(u64, KafkaEvent)>);

impl Poller {
    /// Starts the thread. It ends when either end of its channels is dropped.
    pub(super) fn start(
        consumer: Arc<BaseConsumer<Context>>,
        context: &Context,
        options: &SourceOptions,
    ) -> Result<Channels, Error> {
        let (assign, assignments) = std_mpsc::channel();
        let (events, receiver) = mpsc::channel(CHUNKS);
        let mut poller = Self {
            consumer,
            context: context.clone(),
            topic: options.topic.clone(),
            lost: options.lost,
            assignments,
            events,
            generation: 0,
            next_offsets: Offsets::default(),
            headers: Decoder::default(),
            payloads: BytesMut::new(),
        };
        let thread = std::thread::Builder::new().name("kafka-poll".into());
        thread.spawn(move || poller.run()).map_err(|source| Error::Thread { source })?;
        Ok((assign, receiver))
    }

    fn run(&mut self) {
        loop {
            match self.assignments.try_recv() {
                Ok(assignment) => self.assign(assignment),
                Err(std_mpsc::TryRecvError::Disconnected) => return,
                Err(std_mpsc::TryRecvError::Empty) => self.poll(),
            }
            if self.events.is_closed() {
                return;
            }
        }
    }

    fn assign(&mut self, Assignment { generation, next_offsets }: Assignment) {
        self.generation = generation;
        let mut list = TopicPartitionList::with_capacity(next_offsets.partitions() as usize);
        for (number, (_, next_offset)) in (0..).zip(next_offsets.by_partition()) {
            let offset = Offset::Offset(i64::try_from(next_offset).unwrap_or(i64::MAX));
            if let Err(error) = list.add_partition_offset(&self.topic, number, offset) {
                return self.fail(&error);
            }
        }
        match self.consumer.assign(&list) {
            Ok(()) => self.next_offsets = next_offsets,
            Err(error) => self.fail(&error),
        }
    }

    /// Sends what is available, after at most one wait.
    fn poll(&mut self) {
        let consumer = Arc::clone(&self.consumer);
        let (mut records, mut bytes, mut wait) = (Vec::new(), 0, POLL_WAIT);
        let mut outcome = None;
        while records.len() < CHUNK_RECORDS && bytes < CHUNK_BYTES {
            match consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => match self.record(&message) {
                    Ok(Some(record)) => {
                        bytes += record.payload.len();
                        records.push(record);
                    }
                    Ok(None) => {}
                    Err(event) => {
                        outcome = Some(event);
                        break;
                    }
                },
                Some(Err(error)) => {
                    outcome = self.judge(&error);
                    break;
                }
            }
            wait = Duration::ZERO;
        }
        if !records.is_empty() {
            self.send(KafkaEvent::Records(records));
        }
        if let Some(event) = outcome {
            self.stop();
            self.send(event);
        }
    }

    /// Returns `None` for a message that was fetched before the last assignment.
    fn record(&mut self, message: &BorrowedMessage<'_>) -> Result<Option<Record>, KafkaEvent> {
        let number = message.partition();
        let Some(next_offset) = self.next_offsets.get(number) else { return Ok(None) };
        let partition = u32::try_from(number).expect("there is a partition of this number");
        let offset = u64::try_from(message.offset()).unwrap_or(0);
        if offset < next_offset {
            return Ok(None);
        }
        if offset > next_offset {
            let topic = self.topic.clone();
            if self.lost == Lost::Refuse {
                let error = Error::Lost { topic, partition, next_offset, found: offset };
                return Err(KafkaEvent::Failed(error));
            }
            let lost = offset - next_offset;
            warn!(topic, partition, next_offset, lost, "the log has a gap");
        }
        self.next_offsets.pass(Position { partition, offset });
        let log_time = WallTime(message.timestamp().to_millis().unwrap_or(0));
        let headers = self.headers.decode(message.headers(), log_time);
        self.payloads.extend_from_slice(message.payload().unwrap_or_default());
        let payload = self.payloads.split().freeze();
        if self.payloads.capacity() == 0 {
            self.payloads.reserve(CHUNK_BYTES);
        }
        Ok(Some(Record { partition, offset, log_time, headers, payload }))
    }

    /// Decides what an error means for the reader: nothing, if the library recovers by itself or
    /// the error will show when the brokers are asked for the ends.
    fn judge(&mut self, error: &KafkaError) -> Option<KafkaEvent> {
        self.context.note(error);
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                return Some(KafkaEvent::OutOfRange);
            }
            // The group is a name only.
            Some(Code::GroupAuthorizationFailed) => return None,
            _ => {}
        }
        let source = Fault::new(error, &self.context);
        match source.cause {
            Cause::Unreachable | Cause::Passing | Cause::Tls | Cause::Authentication => {
                debug!(%source, "polling");
                None
            }
            _ => {
                let topic = self.topic.clone();
                Some(KafkaEvent::Failed(Error::Read { topic, source }))
            }
        }
    }

    fn fail(&mut self, error: &KafkaError) {
        let source = Fault::new(error, &self.context);
        let topic = self.topic.clone();
        self.stop();
        self.send(KafkaEvent::Failed(Error::Read { topic, source }));
    }

    /// Stops reading until the next assignment.
    fn stop(&mut self) {
        self.next_offsets = Offsets::default();
        if let Err(error) = self.consumer.unassign() {
            debug!(%error, "giving the partitions up");
        }
    }

    fn send(&self, event: KafkaEvent) {
        // Waits while the reader is behind; it fails when there is none any more, which ends the loop.
        if self.events.blocking_send((self.generation, event)).is_err() {
            debug!("the reader has ended");
        }
    }
}
