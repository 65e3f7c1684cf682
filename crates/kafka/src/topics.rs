//! Creates and checks the topics, sets how long they keep messages, and has them forget some at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::blocking;
use crate::connection::Connection;
use crate::context::Context;
use crate::error::{Cause, Error, Fault};

/// How often to check whether a new topic is known everywhere.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// After this long, brokers that all refuse connections count as unavailable: a name may have
/// several addresses, and the first ones may not be in use. Otherwise the whole time limit applies.
const REFUSED_AFTER: Duration = Duration::from_secs(3);

/// How often a client is asked what went wrong.
const LISTEN_POLLS: u32 = 8;
const LISTEN_WAIT: Duration = Duration::from_millis(20);

/// How much larger a record may be than its payload.
const RECORD_OVERHEAD_BYTES: usize = 64 * 1024;

/// With this many copies of a message, one broker may be down and messages are still accepted.
const COPIES_FOR_TWO_IN_SYNC: u16 = 3;

/// What is kept in Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    pub messages: String,
    /// The number of partitions of the topic of messages.
    pub partitions: u32,
    pub dead_letters: String,
    /// The topic with one partition; the member that is assigned it may read for the speed layer.
    pub lease: String,
    /// How many brokers keep a copy of each message.
    pub replication: u16,
    /// How long messages and dead letters are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// The longest payload.
    pub message_bytes_max: usize,
}

impl Topics {
    /// For each topic: its name, its number of partitions, and the setting that determines it.
    fn partitions(&self) -> [(&str, u32, &'static str); 3] {
        [
            (&self.messages, self.partitions, "log.partitions"),
            (&self.dead_letters, self.partitions, "log.partitions"),
            (&self.lease, 1, "kafka.topic_prefix"),
        ]
    }

    fn retention_ms(&self) -> String {
        retention_ms(self.retention)
    }

    fn message_bytes(&self) -> usize {
        self.message_bytes_max + RECORD_OVERHEAD_BYTES
    }
}

/// Creates missing topics and checks all of them. Safe to repeat, even from two places at once.
///
/// It never changes an existing topic: a topic that gets more partitions later would separate
/// responses from their echoes.
pub async fn set_up(connection: &Connection, topics: &Topics) -> Result<(), Error> {
    let admin = Admin::new(connection)?;
    for (topic, partitions, _) in topics.partitions() {
        match admin.partitions(topic).await {
            Ok(_) => {}
            Err(Error::MissingTopic { .. }) => admin.create(topic, partitions, topics).await?,
            Err(error) => return Err(error),
        }
    }
    let deadline = Instant::now() + connection.timeout;
    for (topic, _, _) in topics.partitions() {
        while matches!(admin.partitions(topic).await, Err(Error::MissingTopic { .. }))
            && Instant::now() < deadline
        {
            sleep(LOOK_PAUSE).await;
        }
    }
    admin.check(topics).await
}

/// Checks that the brokers answer, that this user may ask them, and that the topics are as they
/// must be. Changes nothing.
pub async fn check(connection: &Connection, topics: &Topics) -> Result<(), Error> {
    Admin::new(connection)?.check(topics).await
}

/// Sets how long a topic keeps messages from now on; `None` for ever. Kafka removes older messages
/// by itself, in whole files.
pub async fn set_retention(
    connection: &Connection,
    topic: &str,
    retention: Option<Duration>,
) -> Result<(), Error> {
    let admin = Admin::new(connection)?;
    let stored = admin.settings(topic).await?;
    let retention = retention_ms(retention);
    if stored.get("retention.ms").and_then(|entry| entry.value.as_deref()) == Some(&retention) {
        return Ok(());
    }
    // The request replaces all of a topic's own settings, so the others are sent again.
    let mut config = AlterConfig::new(ResourceSpecifier::Topic(topic));
    for entry in &stored.entries {
        let own = entry.source == ConfigSource::DynamicTopic && entry.name != "retention.ms";
        if let (true, Some(value)) = (own, &entry.value) {
            config = config.set(&entry.name, value);
        }
    }
    let config = config.set("retention.ms", &retention);
    let changed = admin.client.alter_configs([&config], &admin.options()).await;
    let changed = changed.and_then(|results| match results.into_iter().next() {
        Some(Err((_, code))) => Err(KafkaError::AdminOp(code)),
        _ => Ok(()),
    });
    changed.map_err(|error| {
        let source = Fault::new(&error, &admin.context);
        Error::SetRetention { topic: topic.to_owned(), source }
    })
}

/// How long a topic may keep a message: it removes whole files, and only when the last message in one has its
/// age. `None` for ever.
pub async fn kept_for(connection: &Connection, topic: &str) -> Result<Option<Duration>, Error> {
    let stored = Admin::new(connection)?.settings(topic).await?;
    let millis = |key| stored.get(key)?.value.as_ref()?.parse().ok().map(Duration::from_millis);
    let file = millis("segment.ms").unwrap_or_default();
    Ok(millis("retention.ms").map(|retention| retention.saturating_add(file)))
}

/// Has a topic forget, for some of its partitions, all messages before an offset. Readers do not get them any
/// more; the broker removes their files by and by, as it does those that are too old.
pub async fn cut(
    connection: &Connection,
    topic: &str,
    before: &BTreeMap<u32, u64>,
) -> Result<(), Error> {
    let admin = Admin::new(connection)?;
    let failed = |error: KafkaError| {
        let source = Fault::new(&error, &admin.context);
        Error::Cut { topic: topic.to_owned(), source }
    };
    let mut list = TopicPartitionList::with_capacity(before.len());
    for (partition, offset) in before {
        let partition = i32::try_from(*partition).unwrap_or(i32::MAX);
        let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
        list.add_partition_offset(topic, partition, offset).map_err(failed)?;
    }
    let cut = admin.client.delete_records(&list, &admin.options()).await.map_err(failed)?;
    cut.elements().iter().try_for_each(|partition| partition.error()).map_err(failed)
}

/// The number of partitions of a topic.
///
/// # Errors
/// [`Error::MissingTopic`] among others.
pub async fn partitions_of(connection: &Connection, topic: &str) -> Result<u32, Error> {
    Admin::new(connection)?.partitions(topic).await
}

fn retention_ms(retention: Option<Duration>) -> String {
    retention.map_or("-1".into(), |retention| retention.as_millis().to_string())
}

struct Admin {
    connection: Connection,
    context: Context,
    client: AdminClient<Context>,
    /// The consumer that asks for partitions: unlike the other client, it can be polled for what is
    /// wrong.
    asker: Arc<BaseConsumer<Context>>,
}

impl Admin {
    fn new(connection: &Connection) -> Result<Self, Error> {
        let context = Context::default();
        let configured = |error| Error::Configure { source: Fault::new(&error, &context) };
        let config = connection.config();
        let client = config.create_with_context(context.clone()).map_err(configured)?;
        let asker = config.create_with_context(context.clone()).map_err(configured)?;
        let (connection, asker) = (connection.clone(), Arc::new(asker));
        Ok(Self { connection, context, client, asker })
    }

    fn options(&self) -> AdminOptions {
        let timeout = Some(self.connection.timeout);
        AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
    }

    async fn partitions(&self, topic: &str) -> Result<u32, Error> {
        let (asker, connection) = (Arc::clone(&self.asker), self.connection.clone());
        let topic = topic.to_owned();
        let job = move || {
            let listen = || listen(&asker);
            partitions(asker.client(), asker.context(), &connection, &topic, listen)
        };
        blocking::run(self.connection.timeout, job).await
    }

    async fn create(&self, topic: &str, partitions: u32, topics: &Topics) -> Result<(), Error> {
        let failed = |error: KafkaError| {
            let source = Fault::new(&error, &self.context);
            Error::CreateTopic { topic: topic.to_owned(), source }
        };
        let Topics { replication, .. } = *topics;
        let count = i32::try_from(partitions).unwrap_or(i32::MAX);
        let in_sync = if replication >= COPIES_FOR_TWO_IN_SYNC { "2" } else { "1" };
        let (retention, bytes) = (topics.retention_ms(), topics.message_bytes().to_string());
        let new = NewTopic::new(topic, count, TopicReplication::Fixed(replication.into()))
            // It is the log that says when it stored a message.
            .set("message.timestamp.type", "LogAppendTime")
            .set("cleanup.policy", "delete")
            .set("min.insync.replicas", in_sync)
            .set("retention.ms", &retention)
            .set("max.message.bytes", &bytes);
        let made = self.client.create_topics([&new], &self.options()).await.map_err(failed)?;
        match made.into_iter().next() {
            // Another program was faster.
            Some(Err((_, Code::TopicAlreadyExists))) => {}
            Some(Err((_, code))) => return Err(failed(KafkaError::AdminOp(code))),
            _ => info!(topic, partitions, replication, "created topic"),
        }
        Ok(())
    }

    async fn check(&self, topics: &Topics) -> Result<(), Error> {
        for (topic, requested, key) in topics.partitions() {
            let stored = self.partitions(topic).await?;
            // Dead letters have no order to keep.
            if stored != requested && topic != topics.dead_letters {
                let topic = topic.to_owned();
                return Err(Error::Partitions { topic, stored, requested, key });
            }
        }
        match self.settings(&topics.messages).await {
            Ok(stored) => check_settings(&stored, topics),
            Err(error) if error.cause() == Some(Cause::Authorization) => {
                let topic = &topics.messages;
                warn!(
                    topic,
                    "this user may not look at the topic's settings; they are not checked"
                );
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn settings(&self, topic: &str) -> Result<ConfigResource, Error> {
        let resource = ResourceSpecifier::Topic(topic);
        let described = self.client.describe_configs([&resource], &self.options()).await;
        let described = described.and_then(|results| match results.into_iter().next() {
            Some(Ok(resource)) => Ok(resource),
            Some(Err(code)) => Err(KafkaError::AdminOp(code)),
            None => Err(KafkaError::AdminOp(Code::Fail)),
        });
        described.map_err(|error| ask_failed(&self.connection, topic, &error, &self.context))
    }
}

fn check_settings(stored: &ConfigResource, topics: &Topics) -> Result<(), Error> {
    let value = |key| stored.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let wrong = |key, found, needed| {
        Err(Error::TopicSetting { topic: topics.messages.clone(), key, found, needed })
    };
    let policy = value("cleanup.policy");
    if policy != "delete" {
        // Compaction takes away what has the same key, which is every earlier answer of a member.
        return wrong("cleanup.policy", policy, "delete".into());
    }
    let bytes = value("max.message.bytes");
    if bytes.parse().is_ok_and(|bytes: usize| bytes < topics.message_bytes_max) {
        return wrong("max.message.bytes", bytes, format!("{} or more", topics.message_bytes()));
    }
    let kind = value("message.timestamp.type");
    if kind != "LogAppendTime" {
        warn!(
            topic = topics.messages,
            "`message.timestamp.type` is {kind}: the time of a message is the writer's, not the log's"
        );
    }
    Ok(())
}

/// Collects a client's reports about a failure, because nobody else polls it.
fn listen(client: &BaseConsumer<Context>) {
    for _ in 0..LISTEN_POLLS {
        if let Some(Err(error)) = client.poll(LISTEN_WAIT) {
            client.context().note(&error);
        }
    }
}

/// The number of partitions of a topic. Blocks. Calls `listen` before it explains a failure.
pub(crate) fn partitions<C: ClientContext>(
    client: &Client<C>,
    context: &Context,
    connection: &Connection,
    topic: &str,
    listen: impl Fn(),
) -> Result<u32, Error> {
    let failed = |error: KafkaError| {
        listen();
        ask_failed(connection, topic, &error, context)
    };
    let first = connection.timeout.min(REFUSED_AFTER);
    let metadata = client.fetch_metadata(Some(topic), first).or_else(|error| {
        listen();
        if context.trouble().all_down || first == connection.timeout {
            return Err(error);
        }
        client.fetch_metadata(Some(topic), connection.timeout - first)
    });
    let metadata = metadata.map_err(failed)?;
    context.recovered();
    let missing = || Error::MissingTopic { topic: topic.to_owned() };
    let found = metadata.topics().iter().find(|found| found.name() == topic).ok_or_else(missing)?;
    match found.error().map(Code::from) {
        None => {}
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => return Err(missing()),
        Some(code) => return Err(failed(KafkaError::MetadataFetch(code))),
    }
    let count = u32::try_from(found.partitions().len()).unwrap_or(u32::MAX);
    if count == 0 { Err(missing()) } else { Ok(count) }
}

pub(crate) fn ask_failed(
    connection: &Connection,
    topic: &str,
    error: &KafkaError,
    context: &Context,
) -> Error {
    let (brokers, topic) = (connection.brokers(), topic.to_owned());
    Error::Ask { brokers, topic, source: Fault::new(error, context) }
}
