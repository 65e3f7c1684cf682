//! Nothing is skipped in silence.

use pulso_kafka::{Connection, Error, KafkaSource, Lost, SourceOptions, Topics};
use pulso_pipeline::{AdapterError, Retry, Sink, Source};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::topic_partition_list::Offset;
use rdkafka::{ClientConfig, TopicPartitionList};

use crate::support::{connection, log, made, messages, read, source};

/// Makes the log begin later, as retention does.
async fn remove_before(connection: &Connection, topics: &Topics, offset: i64) {
    let brokers = connection.brokers.join(",");
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topics.messages, 0, Offset::Offset(offset)).unwrap();
    let removed = admin.delete_records(&list, &AdminOptions::new()).await.unwrap();
    removed.elements()[0].error().unwrap();
}

#[tokio::test]
async fn messages_that_are_gone_before_they_were_read_are_an_error() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "lost", 1).await;
    log(&connection, &topics).write(messages(0..30)).await.unwrap();
    remove_before(&connection, &topics, 10).await;

    let mut reader = source(&connection, &topics).await;
    assert_eq!(reader.first_offsets().await.unwrap(), [10]);
    let error = reader.seek(&[4].into()).await.unwrap_err();
    let lost = matches!(error, Error::Lost { partition: 0, next_offset: 4, found: 10, .. });
    assert!(lost && error.retry() == Retry::No, "{error}");
    assert!(error.hint().unwrap().contains("kafka.retention"));

    reader.seek(&[12].into()).await.unwrap();
    assert_eq!(read(&mut reader, 18).await[0].offset, 12, "what is there is read");
    reader.seek(&[0].into()).await.unwrap();
    let first = read(&mut reader, 20).await[0].offset;
    assert_eq!(first, 10, "a reader that has read nothing begins where the log does");

    let lost = Lost::Skip;
    let options = SourceOptions { lost, ..SourceOptions::new(&topics.messages, 1, 100) };
    let mut reader = KafkaSource::open(&connection, options).await.unwrap();
    reader.seek(&[4].into()).await.unwrap();
    assert_eq!(read(&mut reader, 20).await[0].offset, 10);
}

#[tokio::test]
async fn messages_that_go_while_they_are_read_are_an_error_too() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "overtaken", 1).await;
    let mut log = log(&connection, &topics);
    log.write(messages(0..10)).await.unwrap();
    let mut reader = source(&connection, &topics).await;
    read(&mut reader, 10).await;
    // A reader at the end is overtaken between two messages.
    reader.seek(&[10].into()).await.unwrap();
    reader.next_batch().await.unwrap();
    drop(reader);
    log.write(messages(10..40)).await.unwrap();
    let mut slow = source(&connection, &topics).await;
    slow.seek(&[10].into()).await.unwrap();
    remove_before(&connection, &topics, 40).await;
    // It has either fetched them before they went, or says that they are gone.
    let mut next_offset = 10;
    loop {
        match slow.next_batch().await {
            Ok(batch) => {
                for record in &batch.records {
                    assert_eq!(record.offset, next_offset);
                    next_offset += 1;
                }
                if next_offset == 40 {
                    return;
                }
            }
            Err(Error::Lost { next_offset: asked, found: 40, .. }) => {
                assert_eq!(asked, next_offset);
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_reader_must_name_all_partitions() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "seek", 3).await;
    let error = source(&connection, &topics).await.seek(&[0, 0].into()).await.unwrap_err();
    assert!(matches!(error, Error::Seek { given: 2, partitions: 3, .. }), "{error}");
    let options = SourceOptions::new(&topics.messages, 4, 10);
    let error = KafkaSource::open(&connection, options).await.unwrap_err();
    assert!(matches!(error, Error::Partitions { stored: 3, requested: 4, .. }), "{error}");
}
