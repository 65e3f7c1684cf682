//! Messages are written where the embedded log would write them, and are found again.

use pulso_kafka::{KafkaDeadLetters, KafkaSource, LogOptions, SourceOptions};
use pulso_model::{DeadLetter, DeadLetterDocument, EventTime, Reason, View, WallTime, rsvp_id};
use pulso_pipeline::{Sink, Source, partition_of};
use pulso_testkit::contract::document;
use pulso_testkit::message::{EPOCH, received};
use pulso_testkit::view;

use crate::support::{connection, log, made, messages, read, source};

#[tokio::test]
async fn messages_lie_in_the_partitions_of_the_embedded_log_under_the_brokers_time() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "writing", 4).await;
    log(&connection, &topics).write(messages(0..50)).await.unwrap();
    let mut reader = source(&connection, &topics).await;
    let records = read(&mut reader, 50).await;
    for record in &records {
        let id = rsvp_id(&record.payload);
        assert_eq!(record.partition, partition_of(id, 4), "{id:?}");
        assert!(record.log_time.0 > EPOCH + 1_000_000, "the broker's clock, not the message's");
    }
}

#[tokio::test]
async fn a_new_writer_finds_where_each_source_goes_on() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "mtimes", 2).await;
    let mut first = log(&connection, &topics);
    assert_eq!(first.last_stored_mtime("test").await.unwrap(), None, "nothing is stored");
    let mut written = messages(0..1200);
    // One source has been quiet for longer than the first look goes back.
    written[3].headers.source = "quiet".into();
    written.push(received("test", WallTime(EPOCH), &b"not json"[..]));
    first.write(written).await.unwrap();
    let time = |id: i64| Some(EventTime(EPOCH + id * 1000));
    assert_eq!(first.last_stored_mtime("test").await.unwrap(), time(1199));

    let second = log(&connection, &topics);
    assert_eq!(second.last_stored_mtime("test").await.unwrap(), time(1199));
    assert_eq!(second.last_stored_mtime("quiet").await.unwrap(), time(3));
    assert_eq!(second.last_stored_mtime("unknown").await.unwrap(), None);
    second.clone().write(messages(1300..1301)).await.unwrap();
    assert_eq!(second.last_stored_mtime("test").await.unwrap(), time(1300));
}

#[tokio::test]
async fn dead_letters_are_copied_as_they_were_received() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "dead", 2).await;
    let options = LogOptions::new(&topics.dead_letters, topics.partitions);
    let mut letters = KafkaDeadLetters::new(&connection, options).unwrap();
    let dead = DeadLetter { reason: Reason::InvalidJson, detail: "expected value".into() };
    let payloads = [&b"not json"[..], &[0xff, 0x00], b""];
    let made = (0..).zip(payloads).map(|(offset, payload)| {
        DeadLetterDocument::render((1, offset), WallTime(5), "meetup", &dead, payload)
    });
    let other = document(view("responses"), EventTime(0), 1, "be", "x");
    letters.write(made.chain([other]).collect()).await.unwrap();

    let options = SourceOptions::new(&topics.dead_letters, topics.partitions, 10);
    let mut reader = KafkaSource::open(&connection, options).await.unwrap();
    let records = read(&mut reader, 3).await;
    let mut found: Vec<_> = records.iter().map(|record| record.payload.to_vec()).collect();
    found.sort();
    assert_eq!(found, [&b""[..], b"not json", &[0xff, 0x00]]);
    assert!(records.iter().all(|record| &*record.headers.source == "meetup"));
    let rest = reader.next_batch().await.unwrap();
    assert_eq!(rest.records, [], "documents of other views are no dead letters");
}
