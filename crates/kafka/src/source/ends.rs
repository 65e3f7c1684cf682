//! Asks the brokers where the partitions begin and end.

use std::sync::Arc;
use std::time::Duration;

use pulso_model::Offsets;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::Offset;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::blocking;
use crate::context::Context;
use crate::error::{Error, Fault};

/// How old the end offsets of a batch may be before the brokers are asked again.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// How long one request may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the brokers may fail to answer before the reader gets an error. Shorter than any useful
/// time after which a partition counts as idle, and long enough for the election of a new leader.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Which offsets to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edge {
    Begin,
    End,
}

/// A request: whom to ask, about which partitions.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) context: Context,
    pub(super) topic: String,
    pub(super) partitions: u32,
}

impl Asker {
    /// Blocks until all partitions are known.
    fn ask(self, edge: Edge, timeout: Duration) -> Result<Offsets, Error> {
        let Self { consumer, context, topic, partitions } = self;
        match offsets(&consumer, &topic, partitions, edge, timeout) {
            Ok(offsets) => {
                context.recovered();
                Ok(offsets)
            }
            Err(error) => {
                let source = Fault::new(&error, &context);
                Err(Error::Read { topic, source })
            }
        }
    }
}

/// Sends one request to each leader, for all of its partitions.
fn offsets(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partitions: u32,
    edge: Edge,
    timeout: Duration,
) -> KafkaResult<Offsets> {
    // The request looks offsets up by time; these two stand for times.
    let time = match edge {
        Edge::Begin => Offset::Beginning,
        Edge::End => Offset::End,
    };
    let numbers = 0..i32::try_from(partitions).unwrap_or(i32::MAX);
    let mut list = TopicPartitionList::with_capacity(numbers.len());
    for number in numbers.clone() {
        list.add_partition_offset(topic, number, time)?;
    }
    let answer = consumer.offsets_for_times(list, timeout)?;
    let unknown = || KafkaError::OffsetFetch(rdkafka::types::RDKafkaErrorCode::NoOffset);
    let offset = |number| {
        let found = answer.find_partition(topic, number).ok_or_else(unknown)?;
        found.error()?;
        match found.offset() {
            Offset::Offset(offset) => u64::try_from(offset).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    };
    numbers.map(offset).collect()
}

type Question = JoinHandle<Result<Offsets, Error>>;

/// What is known about the ends of the partitions.
pub(super) struct Ends {
    asker: Asker,
    offsets: Offsets,
    /// When the brokers last answered.
    answered: Instant,
    /// A request under way, and when it was made. It outlives a dropped read.
    question: Option<(Instant, Question)>,
}

impl Ends {
    pub(super) fn new(asker: Asker) -> Self {
        Self { asker, offsets: Offsets::default(), answered: Instant::now(), question: None }
    }

    /// Uses a new consumer for requests from now on.
    pub(super) fn ask_through(&mut self, consumer: &Arc<BaseConsumer<Context>>) {
        self.asker.consumer = Arc::clone(consumer);
        self.question = None;
    }

    /// Makes one request and waits for the answer.
    pub(super) async fn look(&self, edge: Edge, timeout: Duration) -> Result<Offsets, Error> {
        let asker = self.asker.clone();
        blocking::run(timeout, move || asker.ask(edge, timeout)).await
    }

    /// Records the offsets of an answer.
    pub(super) fn set(&mut self, offsets: Offsets) {
        self.offsets = offsets;
        self.answered = Instant::now();
        self.question = None;
    }

    pub(super) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// The ends, but none before what has been read: messages that were read exist, whatever an
    /// earlier answer said.
    pub(super) fn at_least(&mut self, next_offsets: &Offsets) -> Offsets {
        self.offsets = self.offsets.at_least(next_offsets);
        self.offsets.clone()
    }

    pub(super) fn asking(&self) -> bool {
        self.question.is_some()
    }

    /// Makes a request, unless one is under way.
    pub(super) fn ask(&mut self) {
        if self.question.is_none() {
            let asker = self.asker.clone();
            let question = move || asker.ask(Edge::End, ASK_TIMEOUT);
            self.question = Some((Instant::now(), tokio::task::spawn_blocking(question)));
        }
    }

    /// Makes requests at intervals, without waiting for the answers.
    pub(super) async fn keep_asking(&mut self) -> Result<(), Error> {
        if self.question.as_ref().is_some_and(|(_, question)| question.is_finished()) {
            self.answer().await?;
        }
        if self.answered.elapsed() >= ASK_INTERVAL {
            self.ask();
        }
        Ok(())
    }

    /// Waits for the answer to the request under way, for ever if there is none, and returns when
    /// the request was made. `None` means that nobody answered, which is an error only after a
    /// while.
    pub(super) async fn answer(&mut self) -> Result<Option<Instant>, Error> {
        let Some((asked, question)) = &mut self.question else {
            return std::future::pending().await;
        };
        let asked = *asked;
        let waited = ASK_TIMEOUT + blocking::GRACE;
        let answer = timeout_at(asked + waited, question).await;
        self.question = None;
        match answer.map_or(Err(Error::Stalled { waited }), blocking::outcome) {
            Ok(offsets) => {
                self.set(offsets);
                Ok(Some(asked))
            }
            Err(error @ Error::Stalled { .. }) => Err(error),
            Err(error) if self.answered.elapsed() >= SILENCE_MAX => Err(error),
            Err(_) => Ok(None),
        }
    }
}
