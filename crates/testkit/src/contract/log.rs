//! The contract of a log: [`Sink<Message>`] and [`Source`].

use std::time::Duration;

use pulso_model::{Offsets, WallTime};
use pulso_pipeline::{Batch, ManualClock, Message, Record, Sink, Source, partition_of};

use crate::message::{message, received};

/// Where one log is kept.
pub trait LogHost {
    type Log: Sink<Message>;
    type Source: Source;

    /// Opens the log, again or for the first time.
    fn open(&mut self, partitions: u32, clock: ManualClock) -> Self::Log;

    /// Opens a reader at the first offsets.
    fn source(&mut self, log: &Self::Log, batch_records: usize) -> Self::Source;

    /// Whether messages get their time from the clock that the log was opened with. A log on a
    /// server uses the server's clock.
    const STAMPED_BY_OUR_CLOCK: bool = true;
}

/// A suite that waits for records gives up after this many empty batches in a row.
const EMPTY_BATCHES_MAX: usize = 100;

/// Checks that a log keeps the contract.
///
/// # Panics
/// At the first difference from what the ports promise.
pub async fn log<H: LogHost>(new_host: impl Fn() -> H) {
    an_empty_log_gives_an_empty_batch(&mut new_host()).await;
    records_are_what_was_written(&mut new_host()).await;
    offsets_go_on_after_a_restart(&mut new_host()).await;
    a_reader_can_go_to_any_offset(&mut new_host()).await;
    batches_have_at_most_the_records_asked_for(&mut new_host()).await;
    a_reader_sees_what_is_written_meanwhile(&mut new_host()).await;
    a_dropped_read_loses_nothing(&mut new_host()).await;
    readers_do_not_disturb_each_other(&mut new_host()).await;
}

const PARTITIONS: u32 = 3;

fn clock() -> ManualClock {
    ManualClock::at(WallTime(1_000))
}

/// Messages with these ids, in order.
fn messages(ids: impl IntoIterator<Item = i64>) -> Vec<Message> {
    ids.into_iter().map(|id| message(id, id).received(WallTime(id))).collect()
}

/// Reads until every partition has been read to its end, which an empty batch confirms.
async fn read_all(source: &mut impl Source, from: &Offsets) -> Vec<Record> {
    let mut next_offsets = from.clone();
    let mut records = Vec::new();
    let mut empty = 0;
    loop {
        let Batch { records: read, end_offsets, .. } = source.next_batch().await.unwrap();
        if read.is_empty() && next_offsets == end_offsets {
            return records;
        }
        empty = if read.is_empty() { empty + 1 } else { 0 };
        assert!(empty < EMPTY_BATCHES_MAX, "records up to {end_offsets} never came");
        for record in read {
            let next_offset = next_offsets.get(record.partition);
            assert_eq!(next_offset, Some(record.offset), "offsets have no gaps");
            assert!(
                end_offsets.have_passed(record.partition, record.offset),
                "what is read lies before the end"
            );
            next_offsets.pass(record.position());
            records.push(record);
        }
    }
}

fn of_partition(records: &[Record], partition: u32) -> Vec<&Record> {
    records.iter().filter(|record| record.partition == partition).collect()
}

/// Compares each partition's records with the messages that belong there, in order.
fn check(records: &[Record], written: &[Message], partitions: u32) {
    assert_eq!(records.len(), written.len());
    for partition in 0..partitions {
        let expected = written
            .iter()
            .filter(|message| partition_of(message.key.as_ref(), partitions) == partition);
        for (record, message) in of_partition(records, partition).into_iter().zip(expected) {
            assert_eq!(record.payload, message.payload, "the payload is as received");
            assert_eq!(record.headers, message.headers);
        }
    }
}

async fn an_empty_log_gives_an_empty_batch(host: &mut impl LogHost) {
    let mut log = host.open(PARTITIONS, clock());
    let mut source = host.source(&log, 10);
    assert_eq!(source.partitions(), PARTITIONS);
    let batch = source.next_batch().await.unwrap();
    assert_eq!(
        batch,
        Batch { records: Vec::new(), end_offsets: Offsets::zero(3), finished: false }
    );
    log.write(Vec::new()).await.unwrap();
    assert_eq!(source.next_batch().await.unwrap(), batch, "writing nothing adds nothing");
}

async fn records_are_what_was_written<H: LogHost>(host: &mut H) {
    let clock = clock();
    let mut log = host.open(PARTITIONS, clock.clone());
    let mut written = messages(-4..20);
    written.push(received("other", WallTime(-7), &b"not json"[..]));
    written.push(received("other", WallTime(8), &b""[..]));
    written.push(received("test", WallTime(9), &[0xff, 0x00, 0xfe][..]));
    written.push(received("test", WallTime(9), vec![b' '; 2_000_000]));
    let (first, second) = written.split_at(9);
    log.write(first.to_vec()).await.unwrap();
    clock.advance(Duration::from_millis(5));
    log.write(second.to_vec()).await.unwrap();

    let records = read_all(&mut host.source(&log, 100), &Offsets::zero(PARTITIONS)).await;
    check(&records, &written, PARTITIONS);
    for partition in 0..PARTITIONS {
        let times = of_partition(&records, partition).into_iter().map(|record| record.log_time);
        assert!(times.is_sorted(), "the time of the log does not run backwards");
    }
    for record in records.iter().filter(|_| H::STAMPED_BY_OUR_CLOCK) {
        let first = first.iter().any(|message| message.payload == record.payload);
        let expected = if first { 1_000 } else { 1_005 };
        assert_eq!(record.log_time, WallTime(expected), "the clock at the time of the write");
    }
}

async fn offsets_go_on_after_a_restart(host: &mut impl LogHost) {
    let mut written = Vec::new();
    for ids in [0..10, 10..11, 11..30] {
        let mut log = host.open(PARTITIONS, clock());
        let added = messages(ids);
        written.extend(added.clone());
        log.write(added).await.unwrap();
    }
    let log = host.open(PARTITIONS, clock());
    let records = read_all(&mut host.source(&log, 7), &Offsets::zero(PARTITIONS)).await;
    check(&records, &written, PARTITIONS);
}

async fn a_reader_can_go_to_any_offset(host: &mut impl LogHost) {
    let mut log = host.open(PARTITIONS, clock());
    log.write(messages(0..30)).await.unwrap();
    let mut source = host.source(&log, 4);
    let all = read_all(&mut source, &Offsets::zero(PARTITIONS)).await;
    for from in [[0, 0, 0], [10, 0, 3], [9, 9, 9], [10, 10, 10], [2, 10, 0]].map(Offsets::from) {
        source.seek(&from).await.unwrap();
        let records = read_all(&mut source, &from).await;
        for (partition, from) in from.by_partition() {
            let expected: Vec<_> =
                of_partition(&all, partition).into_iter().filter(|r| r.offset >= from).collect();
            assert_eq!(of_partition(&records, partition), expected);
        }
    }
    source.seek(&[10, 11, 500].into()).await.unwrap();
    assert_eq!(source.next_batch().await.unwrap().records, [], "nothing lies past the end");
    log.write(messages(30..33)).await.unwrap();
    let records = read_all(&mut source, &[10, 10, 10].into()).await;
    assert_eq!(records.len(), 3, "and what comes then is read from the end on");
}

async fn batches_have_at_most_the_records_asked_for(host: &mut impl LogHost) {
    let mut log = host.open(PARTITIONS, clock());
    let written = messages((0..40).map(|id| if id % 4 == 0 { id } else { id * 3 }));
    log.write(written.clone()).await.unwrap();
    for batch_records in [1, 2, 7, 100] {
        let mut source = host.source(&log, batch_records);
        let mut read = 0;
        while read < written.len() {
            let batch = source.next_batch().await.unwrap();
            assert!((1..=batch_records).contains(&batch.records.len()));
            assert_eq!(batch.end_offsets.messages_before(), written.len() as u64);
            read += batch.records.len();
        }
        assert_eq!(source.next_batch().await.unwrap().records, []);
    }
}

async fn a_reader_sees_what_is_written_meanwhile(host: &mut impl LogHost) {
    const WRITES: i64 = 40;
    let mut log = host.open(PARTITIONS, clock());
    let mut source = host.source(&log, 16);
    let write = async {
        let mut written = Vec::new();
        for write in 0..WRITES {
            let added = messages(write * 10..write * 10 + write % 10);
            written.extend(added.clone());
            log.write(added).await.unwrap();
            tokio::task::yield_now().await;
        }
        written
    };
    let expected: i64 = (0..WRITES).map(|write| write % 10).sum();
    let expected = usize::try_from(expected).expect("a sum of small counts");
    let read = async {
        let (mut records, mut empty) = (Vec::new(), 0);
        while records.len() < expected {
            let batch = source.next_batch().await.unwrap();
            empty = if batch.records.is_empty() { empty + 1 } else { 0 };
            assert!(empty < EMPTY_BATCHES_MAX, "what was written never came");
            for record in &batch.records {
                assert!(batch.end_offsets.have_passed(record.partition, record.offset));
            }
            records.extend(batch.records);
        }
        records
    };
    let (written, records) = tokio::join!(write, read);
    for partition in 0..PARTITIONS {
        let records = of_partition(&records, partition);
        assert!(records.iter().zip(0..).all(|(record, offset)| record.offset == offset));
    }
    check(&records, &written, PARTITIONS);
}

async fn a_dropped_read_loses_nothing(host: &mut impl LogHost) {
    let mut log = host.open(PARTITIONS, clock());
    log.write(messages(0..20)).await.unwrap();
    let mut source = host.source(&log, 3);
    let mut records = Vec::new();
    for _ in 0..40 {
        // The deadline has passed already: the read is polled once and then dropped.
        match tokio::time::timeout(Duration::ZERO, source.next_batch()).await {
            Ok(batch) => records.extend(batch.unwrap().records),
            Err(_) => tokio::task::yield_now().await,
        }
    }
    while records.len() < 20 {
        let batch = source.next_batch().await.unwrap();
        assert!(!batch.records.is_empty(), "only {} of 20 records came", records.len());
        records.extend(batch.records);
    }
    check(&records, &messages(0..20), PARTITIONS);
}

async fn readers_do_not_disturb_each_other(host: &mut impl LogHost) {
    let mut log = host.open(PARTITIONS, clock());
    log.write(messages(0..20)).await.unwrap();
    let (mut one, mut other) = (host.source(&log, 2), host.source(&log, 5));
    one.next_batch().await.unwrap();
    let records = read_all(&mut other, &Offsets::zero(PARTITIONS)).await;
    check(&records, &messages(0..20), PARTITIONS);
}
