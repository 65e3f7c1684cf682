//! Topics are created as configured, and a topic that would lose messages is refused.

use std::time::Duration;

use pulso_kafka::{Connection, Error, Topics, check, set_retention, set_up};
use pulso_pipeline::AdapterError;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::support::{connection, made, topics};

fn admin(connection: &Connection) -> AdminClient<DefaultClientContext> {
    let brokers = connection.brokers.join(",");
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

async fn setting(connection: &Connection, topic: &str, key: &str) -> String {
    let (admin, topic) = (admin(connection), ResourceSpecifier::Topic(topic));
    let described = admin.describe_configs([&topic], &AdminOptions::new()).await.unwrap();
    described[0].as_ref().unwrap().get(key).unwrap().value.clone().unwrap()
}

async fn make(connection: &Connection, topic: NewTopic<'_>) {
    let made = admin(connection).create_topics([&topic], &AdminOptions::new()).await.unwrap();
    made[0].as_ref().unwrap();
}

/// The error of a check, with its hint.
async fn refusal(connection: &Connection, topics: &Topics) -> (String, String) {
    let error = check(connection, topics).await.unwrap_err();
    let chain = match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    (chain, error.hint().unwrap_or_default())
}

#[tokio::test]
async fn topics_are_made_once_and_as_configured() {
    let Some(connection) = connection() else { return };
    let day = Duration::from_secs(24 * 60 * 60);
    let topics = Topics { retention: Some(7 * day), ..topics("set-up", 3) };
    let (one, other) = tokio::join!(set_up(&connection, &topics), set_up(&connection, &topics));
    one.unwrap();
    other.unwrap();
    check(&connection, &topics).await.unwrap();
    let setting = async |key| setting(&connection, &topics.messages, key).await;
    assert_eq!(setting("message.timestamp.type").await, "LogAppendTime");
    assert_eq!(setting("cleanup.policy").await, "delete");
    assert_eq!(setting("retention.ms").await, "604800000");

    set_retention(&connection, &topics.messages, Some(day)).await.unwrap();
    assert_eq!(setting("retention.ms").await, "86400000");
    let kept = setting("message.timestamp.type").await;
    assert_eq!(kept, "LogAppendTime", "other settings of the topic are kept");
    set_retention(&connection, &topics.messages, None).await.unwrap();
    assert_eq!(setting("retention.ms").await, "-1");
}

#[tokio::test]
async fn a_topic_with_another_number_of_partitions_is_refused() {
    let Some(connection) = connection() else { return };
    let made = made(&connection, "partitions", 2).await;
    let wanted = Topics { partitions: 4, ..made };
    for result in [set_up(&connection, &wanted).await, check(&connection, &wanted).await] {
        assert!(matches!(result, Err(Error::Partitions { stored: 2, requested: 4, .. })));
    }
    let (error, hint) = refusal(&connection, &wanted).await;
    assert!(error.ends_with("has 2 partitions, not 4"), "{error}");
    assert!(hint.contains("`log.partitions = 2`"), "{hint}");
}

#[tokio::test]
async fn a_topic_that_is_missing_or_would_lose_messages_is_refused() {
    let Some(connection) = connection() else { return };
    let topics = topics("refused", 1);
    let (error, hint) = refusal(&connection, &topics).await;
    assert!(error.ends_with("does not exist") && hint.contains("set-up"), "{error}: {hint}");

    let one = || TopicReplication::Fixed(1);
    let compacted = NewTopic::new(&topics.messages, 1, one()).set("cleanup.policy", "compact");
    make(&connection, compacted).await;
    let error = set_up(&connection, &topics).await.unwrap_err();
    assert!(error.to_string().contains("`cleanup.policy` = compact, but needs delete"), "{error}");

    let small = Topics { messages: format!("{}-small", topics.messages), ..topics };
    make(&connection, NewTopic::new(&small.messages, 1, one())).await;
    let error = set_up(&connection, &small).await.unwrap_err().to_string();
    assert!(error.contains("`max.message.bytes` = 1048588, but needs 16"), "{error}");
}
