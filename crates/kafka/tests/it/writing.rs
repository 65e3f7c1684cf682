//! Messages are written where the embedded log would write them, and are found again.

use pulso_kafka::{KafkaDeadLetters, KafkaLog, KafkaSource, LogOptions, SourceOptions};
use pulso_model::{DeadLetter, DeadLetterDocument, EventTime, Key, Position, Reason, WallTime};
use pulso_pipeline::{Message, Sink, Source, SourceCursor, partition_of};
use pulso_testkit::contract::document;
use pulso_testkit::message::{EPOCH, received};
use pulso_testkit::{rsvp_id, stream, view};

use crate::support::{connection, log, made, messages, read, source};

#[tokio::test]
async fn messages_lie_in_the_partitions_of_the_embedded_log_under_the_brokers_time() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "writing", 4).await;
    let mut written = messages(0..50);
    // Of a stream that is keyed by a text.
    let people = ["did:plc:a", "did:plc:b", "did:plc:c", "did:plc:d"];
    written.extend(people.map(|person| Message {
        key: Some(Key::Text(person.into())),
        ..received("people", WallTime(EPOCH), person.as_bytes())
    }));
    log(&connection, &topics).write(written).await.unwrap();
    let mut reader = source(&connection, &topics).await;
    let records = read(&mut reader, 54).await;
    for record in &records {
        let key = match &*record.headers.source {
            "people" => Key::Text(String::from_utf8_lossy(&record.payload)),
            _ => Key::Integer(rsvp_id(&record.payload).unwrap()),
        };
        assert_eq!(record.partition, partition_of(Some(&key), 4), "{key:?}");
        assert!(record.log_time.0 > EPOCH + 1_000_000, "the broker's clock, not the message's");
    }
}

#[tokio::test]
async fn a_new_writer_finds_where_each_source_goes_on() {
    let Some(connection) = connection() else { return };
    let topics = made(&connection, "cursors", 2).await;
    let last = async |log: &KafkaLog, source| log.last_cursor(source).await.unwrap();
    let after = |id: i64| {
        let cursor = format!("after {id}").into();
        Some(SourceCursor { received_time: WallTime(EPOCH + id), cursor })
    };
    // Their texts are in another order than the messages.
    let with_cursors = |ids: std::ops::Range<i64>| -> Vec<_> {
        let mut written = messages(ids.clone());
        for (message, id) in written.iter_mut().zip(ids) {
            message.headers.received_time = WallTime(EPOCH + id);
            message.headers.cursor = Some(format!("after {id}").into());
        }
        written
    };
    let mut first = log(&connection, &topics);
    assert_eq!(last(&first, "test").await, None, "nothing is stored");
    let mut written = with_cursors(0..1200);
    // One source has been quiet for longer than the first look goes back.
    written[3].headers.source = "quiet".into();
    written.push(received("test", WallTime(EPOCH + 5000), &b"without a cursor"[..]));
    first.write(written).await.unwrap();
    assert_eq!(last(&first, "test").await, after(1199));

    let second = log(&connection, &topics);
    assert_eq!(last(&second, "test").await, after(1199));
    assert_eq!(last(&second, "quiet").await, after(3));
    assert_eq!(last(&second, "unknown").await, None);
    second.clone().write(with_cursors(1300..1301)).await.unwrap();
    assert_eq!(last(&second, "test").await, after(1300));
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
        let position = Position { partition: 1, offset };
        let stream = stream().name;
        DeadLetterDocument::render(stream, position, WallTime(5), "meetup", &dead, payload)
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
