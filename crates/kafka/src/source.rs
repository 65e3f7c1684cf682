//! Reads the log by own offsets.
//!
//! The checkpoint says where to read; nothing is committed to Kafka. A thread polls the consumer
//! and sends what arrives through a bounded channel, so that the log is fetched ahead while a batch
//! is being processed.
//!
//! **An empty batch is an answer.** Consumers are told about new messages, but not that there are
//! none. So before the source returns a batch without messages, it asks the brokers where the
//! partitions end, and returns an error if none answers. A reader may consider a partition idle
//! only if it really is, not because Kafka is unavailable. In a batch with messages, the ends are
//! those of the last request, at most a second old while the brokers answer.
//!
//! **Nothing is skipped in silence.** A reader that had read up to an offset and finds that the log
//! now begins later has lost messages. That is [`Error::Lost`], unless it was told to continue
//! ([`Lost::Skip`], which warns). A reader that has read nothing of a partition begins where the
//! log does, and warns as well. A reader past the end continues at the end, as in the embedded log;
//! the end offsets show it.

mod ends;
mod poller;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pulso_model::Offsets;
use pulso_pipeline::{Batch, Record, Source};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::blocking;
use crate::connection::Connection;
use crate::context::Context;
use crate::error::Error;
use crate::lease::Lease;
use crate::renewal;
use crate::topics::partitions;
use ends::{Asker, Edge, Ends};
use poller::{Assignment, KafkaEvent, Poller};

/// How long [`Source::next_batch`] waits at most for something new before it asks where the log
/// ends...
const MAX_WAIT: Duration = Duration::from_millis(200);

/// ...and how long after that, if there is more to come, until it returns an empty batch all the
/// same.
const MAX_WAIT_FOR_FETCH: Duration = Duration::from_secs(2);

/// The largest payload of a batch, unless a single chunk is larger. Bounds a reader's memory.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What to do if messages are gone before they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lost {
    /// Stop reading with an error.
    #[default]
    Refuse,
    /// Warn, and continue with the first message that exists.
    Skip,
}

/// How messages are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOptions {
    pub topic: String,
    /// The number of partitions that the topic must have.
    pub partitions: u32,
    /// The most messages at once.
    pub batch_records: usize,
    pub lost: Lost,
}

impl SourceOptions {
    pub fn new(topic: &str, partitions: u32, batch_records: usize) -> Self {
        Self { topic: topic.into(), partitions, batch_records, lost: Lost::default() }
    }
}

/// Reads the log. Dropping it ends its thread.
pub struct KafkaSource {
    connection: Connection,
    context: Context,
    options: SourceOptions,
    client: Client,
    /// Counts seeks. Events of an earlier seek are ignored.
    generation: u64,
    /// Records that have arrived but were not returned yet.
    pending: std::vec::IntoIter<Record>,
    /// An event that arrived after records that must be returned first.
    put_back: Option<KafkaEvent>,
    /// The offset that the reader gets next, by partition. Empty before the first seek.
    next_offsets: Offsets,
    ends: Ends,
    lease: Option<Lease>,
}

/// A consumer, and the ends of the channels to its thread.
struct Client {
    consumer: Arc<BaseConsumer<Context>>,
    assignments: std::sync::mpsc::Sender<Assignment>,
    events: mpsc::Receiver<(u64, KafkaEvent)>,
}

impl Client {
    fn start(
        connection: &Connection,
        context: &Context,
        options: &SourceOptions,
    ) -> Result<Self, Error> {
        let consumer = Arc::new(poller::consumer(connection, context)?);
        let (assignments, events) = Poller::start(Arc::clone(&consumer), context, options)?;
        Ok(Self { consumer, assignments, events })
    }
}

/// What was available without waiting.
enum Taken {
    Records(Vec<Record>),
    Nothing,
    /// The log does not have the requested offsets.
    OutOfRange,
}

impl fmt::Debug for KafkaSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KafkaSource")
            .field("options", &self.options)
            .field("next_offsets", &self.next_offsets)
            .finish_non_exhaustive()
    }
}

impl KafkaSource {
    /// Opens a reader at the first offsets.
    ///
    /// # Errors
    /// Among others, when the topic is missing or has another number of partitions.
    pub async fn open(connection: &Connection, options: SourceOptions) -> Result<Self, Error> {
        let source = Self::new(connection, options)?;
        source.check().await?;
        Ok(source)
    }

    fn new(connection: &Connection, options: SourceOptions) -> Result<Self, Error> {
        let context = Context::default();
        let client = Client::start(connection, &context, &options)?;
        let asker = Asker {
            consumer: Arc::clone(&client.consumer),
            context: context.clone(),
            topic: options.topic.clone(),
            partitions: options.partitions,
        };
        Ok(Self {
            connection: connection.clone(),
            context,
            options,
            client,
            generation: 0,
            pending: Vec::new().into_iter(),
            put_back: None,
            next_offsets: Offsets::default(),
            ends: Ends::new(asker),
            lease: None,
        })
    }

    /// Makes the source read only while it holds the lease: [`Source::acquire`] waits for it.
    pub fn with_lease(mut self, lease: Lease) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The beginning and the end of each partition.
    pub(crate) async fn edges(&self) -> Result<(Offsets, Offsets), Error> {
        let timeout = self.connection.timeout;
        let begins = self.ends.look(Edge::Begin, timeout).await?;
        Ok((begins, self.ends.look(Edge::End, timeout).await?))
    }

    async fn check(&self) -> Result<(), Error> {
        let (consumer, connection) = (Arc::clone(&self.client.consumer), self.connection.clone());
        let (topic, limit) = (self.options.topic.clone(), self.connection.timeout);
        let job =
            move || partitions(consumer.client(), consumer.context(), &connection, &topic, || {});
        let stored = blocking::run(limit, job).await?;
        let SourceOptions { topic, partitions: requested, .. } = &self.options;
        if stored != *requested {
            let (topic, requested, key) = (topic.clone(), *requested, "log.partitions");
            return Err(Error::Partitions { topic, stored, requested, key });
        }
        Ok(())
    }

    /// A consumer that found no broker for the topic is given up for a new one.
    fn renewed<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        let cause = outcome.as_ref().err().and_then(Error::cause);
        renewal::after(cause, "consumer", || self.exchange());
        outcome
    }

    /// Goes on with a new consumer from where the old one was, and returns that one.
    fn exchange(&mut self) -> Result<Client, Error> {
        let client = Client::start(&self.connection, &self.context, &self.options)?;
        self.ends.ask_through(&client.consumer);
        let stuck = std::mem::replace(&mut self.client, client);
        if !self.next_offsets.is_empty()
            && let Err(error) = self.assign(self.next_offsets.clone())
        {
            warn!(%error, "the new consumer has ended");
        }
        Ok(stuck)
    }

    fn assign(&mut self, next_offsets: Offsets) -> Result<(), Error> {
        self.generation += 1;
        self.pending = Vec::new().into_iter();
        self.put_back = None;
        self.next_offsets.clone_from(&next_offsets);
        let assignment = Assignment { generation: self.generation, next_offsets };
        self.client.assignments.send(assignment).map_err(|_| Error::Stopping)
    }

    /// The offset at which to continue in one partition when `next_offset` is requested.
    fn start(
        &self,
        partition: u32,
        next_offset: u64,
        (begin, end): (u64, u64),
    ) -> Result<u64, Error> {
        if next_offset >= begin {
            return Ok(next_offset.min(end));
        }
        let topic = &self.options.topic;
        if next_offset > 0 && self.options.lost == Lost::Refuse {
            let topic = topic.clone();
            return Err(Error::Lost { topic, partition, next_offset, found: begin });
        }
        let lost = begin - next_offset;
        warn!(topic, partition, next_offset, begin, lost, "the log no longer has these messages");
        Ok(begin)
    }

    /// Takes what has arrived, up to the size of a batch, without waiting.
    fn take_ready(&mut self) -> Result<Taken, Error> {
        let records_max = self.options.batch_records.max(1);
        let (mut records, mut bytes) = (Vec::new(), 0);
        loop {
            let from = records.len();
            records.extend(self.pending.by_ref().take(records_max - from));
            bytes += records[from..].iter().map(|r: &Record| r.payload.len()).sum::<usize>();
            if records.len() >= records_max || bytes >= MAX_BATCH_BYTES {
                break;
            }
            match self.next_event() {
                Some(KafkaEvent::Records(more)) => self.pending = more.into_iter(),
                Some(event) if !records.is_empty() => {
                    self.put_back = Some(event);
                    break;
                }
                Some(KafkaEvent::OutOfRange) => return Ok(Taken::OutOfRange),
                Some(KafkaEvent::Failed(error)) => return Err(error),
                None => break,
            }
        }
        Ok(if records.is_empty() { Taken::Nothing } else { Taken::Records(records) })
    }

    fn next_event(&mut self) -> Option<KafkaEvent> {
        if let Some(event) = self.put_back.take() {
            return Some(event);
        }
        loop {
            // That the thread has ended is seen by the next wait.
            let (generation, event) = self.client.events.try_recv().ok()?;
            if generation == self.generation {
                return Some(event);
            }
        }
    }

    /// Returns records as soon as there are some. `None` means that the log does not have the
    /// offsets.
    async fn read(&mut self) -> Result<Option<Batch>, Error> {
        self.ends.keep_asking().await?;
        let begun = Instant::now();
        let mut ask_at = begun + MAX_WAIT;
        loop {
            match self.take_ready()? {
                Taken::Records(records) => return self.batch(records).map(Some),
                Taken::OutOfRange => return Ok(None),
                Taken::Nothing => {}
            }
            if Instant::now() >= ask_at {
                self.ends.ask();
            }
            tokio::select! {
                event = self.client.events.recv() => match event {
                    None => return Err(Error::Stopping),
                    Some((generation, event)) if generation == self.generation => {
                        self.put_back = Some(event);
                    }
                    Some(_) => {}
                },
                answer = self.ends.answer() => {
                    let fresh = answer?.is_some_and(|asked| asked >= begun);
                    let waited = begun.elapsed();
                    let enough = if self.at_end() { MAX_WAIT } else { MAX_WAIT_FOR_FETCH };
                    if fresh && waited >= enough {
                        return self.batch(Vec::new()).map(Some);
                    }
                    ask_at = Instant::now() + MAX_WAIT;
                }
                () = sleep_until(ask_at), if !self.ends.asking() => {}
            }
        }
    }

    /// Returns an error if another instance may be reading by now, so that nothing is written from
    /// here.
    fn may_read(&self) -> Result<(), Error> {
        self.lease.as_ref().map_or(Ok(()), Lease::check)
    }

    fn batch(&mut self, records: Vec<Record>) -> Result<Batch, Error> {
        self.may_read()?;
        for record in &records {
            self.next_offsets.pass(record.position());
        }
        let end_offsets = self.ends.at_least(&self.next_offsets);
        Ok(Batch { records, end_offsets, finished: false })
    }

    fn at_end(&self) -> bool {
        self.next_offsets.reach(self.ends.offsets())
    }
}

impl Source for KafkaSource {
    type Error = Error;

    fn partitions(&self) -> u32 {
        self.options.partitions
    }

    async fn acquire(&mut self) -> Result<(), Error> {
        match &mut self.lease {
            None => Ok(()),
            Some(lease) => lease.acquire().await,
        }
    }

    fn may_write(&self) -> Result<(), Error> {
        self.may_read()
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Error> {
        let begins = self.ends.look(Edge::Begin, self.connection.timeout).await;
        self.renewed(begins)
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Error> {
        let (given, partitions) = (next_offsets.partitions(), self.options.partitions);
        if given != partitions {
            return Err(Error::Seek { topic: self.options.topic.clone(), given, partitions });
        }
        let edges = self.edges().await;
        let (begins, ends) = self.renewed(edges)?;
        let starts = next_offsets
            .zip(&begins)
            .zip(ends.by_partition())
            .map(|((partition, next, begin), (_, end))| self.start(partition, next, (begin, end)))
            .collect::<Result<Offsets, _>>()?;
        self.ends.set(ends);
        self.assign(starts)
    }

    async fn next_batch(&mut self) -> Result<Batch, Error> {
        self.may_read()?;
        if self.next_offsets.is_empty() {
            self.seek(&Offsets::zero(self.options.partitions)).await?;
        }
        let read = self.read().await;
        if let Some(batch) = self.renewed(read)? {
            return Ok(batch);
        }
        // Says what is lost, or goes on behind it.
        let next_offsets = self.next_offsets.clone();
        self.seek(&next_offsets).await?;
        self.batch(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::*;
    use crate::error::{Cause, Fault};

    #[tokio::test]
    async fn a_consumer_that_reaches_no_broker_is_given_up() {
        // Nobody listens at port 1.
        let timeout = Duration::from_secs(1);
        let connection = Connection { timeout, ..Connection::plain(["127.0.0.1:1"]) };
        let mut source = KafkaSource::new(&connection, SourceOptions::new("topic", 1, 1)).unwrap();
        let consumer = Arc::clone(&source.client.consumer);
        let error = source.seek(&[0].into()).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::Unreachable), "{error}");
        assert!(!Arc::ptr_eq(&consumer, &source.client.consumer));
    }

    #[tokio::test]
    async fn a_consumer_that_knows_of_no_leader_is_given_up() {
        let connection = Connection::plain(["127.0.0.1:1"]);
        let mut source = KafkaSource::new(&connection, SourceOptions::new("topic", 1, 1)).unwrap();
        let consumer = Arc::clone(&source.client.consumer);
        // What it says of all partitions of a topic whose broker was given up when it last asked.
        let error = KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownPartition);
        let fault = Fault::new(&error, &source.context);
        let read = Err(Error::Read { topic: "topic".into(), source: fault });
        assert!(source.renewed::<()>(read).is_err());
        assert!(!Arc::ptr_eq(&consumer, &source.client.consumer));
    }
}
