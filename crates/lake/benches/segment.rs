//! What archiving costs, message by message: `cargo bench -p pulso-lake`.
//!
//! With the recordings, if they are there, else with one synthetic message, over and over.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use pulso_lake::{Lake, SegmentBuilder};
use pulso_model::{Decoder, WallTime};
use pulso_pipeline::{Headers, Record};
use pulso_testkit::decoder;

const ROWS: usize = 20_000;
const PARTITIONS: usize = 4;
const LOG_TIME: WallTime = WallTime(1_490_000_000_000);

fn main() {
    divan::main();
}

#[divan::bench]
fn decode_only(bencher: Bencher<'_, '_>) {
    let records = records();
    let decoder = decoder();
    let decodes = |record: &&Record| decoder.decode(&record.payload, record.log_time).is_ok();
    bencher.counter(ItemsCount::new(ROWS)).bench(|| records.iter().filter(decodes).count());
}

#[divan::bench]
fn decode_and_build(bencher: Bencher<'_, '_>) {
    let (decoder, records) = (decoder(), records());
    bencher.counter(ItemsCount::new(ROWS)).bench(|| build(&decoder, &records).finish());
}

#[divan::bench]
fn write_files(bencher: Bencher<'_, '_>) {
    let (decoder, records) = (decoder(), records());
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let lake = runtime.block_on(Lake::open_or_create(folder.path(), &decoder));
    let lake = lake.expect("a table can be made");
    let writer = lake.writer();
    bencher
        .counter(ItemsCount::new(ROWS))
        .with_inputs(|| build(&decoder, &records).finish())
        .bench_local_values(|segment| writer.write(segment).map(drop));
}

fn build(decoder: &Decoder, records: &[Record]) -> SegmentBuilder {
    let mut builder = SegmentBuilder::new(decoder, &[0; PARTITIONS].into());
    for record in records {
        builder.push(record).expect("the records are in order");
    }
    builder
}

fn records() -> Vec<Record> {
    let path = "../../../shared/data/rsvps/wbaa-2017-03-19.jsonl";
    let recording = std::fs::read_to_string(path);
    let messages: Vec<String> = match recording {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(_) => vec![synthetic()],
    };
    let source: Arc<str> = Arc::from("bench");
    let record = |(number, message): (usize, &String)| Record {
        partition: u32::try_from(number % PARTITIONS).expect("there are few partitions"),
        offset: (number / PARTITIONS) as u64,
        log_time: LOG_TIME,
        headers: Headers { source: Arc::clone(&source), received_time: LOG_TIME, cursor: None },
        payload: with_rsvp_id(message, number).into(),
    };
    messages.iter().cycle().take(ROWS).enumerate().map(record).collect()
}

/// Repeated messages would compress better than real ones, but for their ids.
fn with_rsvp_id(message: &str, rsvp_id: usize) -> String {
    let Some((before, after)) = message.split_once("\"rsvp_id\":") else { return message.into() };
    let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    format!("{before}\"rsvp_id\":{rsvp_id}{after}")
}

fn synthetic() -> String {
    let topics: Vec<String> = (0..12)
        .map(|number| format!(r#"{{"urlkey":"topic-{number}","topic_name":"Topic {number}"}}"#))
        .collect();
    format!(
        r#"{{"rsvp_id":1,"mtime":1489925470960,"response":"yes","guests":0,
        "member":{{"member_id":7,"member_name":"Ada","photo":"https://photos.test/member/7.jpeg"}},
        "event":{{"event_id":"e1","event_name":"An evening of talks about databases",
        "event_url":"https://events.test/oslo-databases/e1","time":1490029200000}},
        "group":{{"group_id":11,"group_name":"Oslo Databases","group_urlname":"oslo-databases",
        "group_city":"Oslo","group_country":"no","group_lat":59.91,"group_lon":10.75,
        "group_topics":[{}]}},"venue":{{"venue_id":5,"venue_name":"The Hall","lat":59.9,"lon":10.7}}}}"#,
        topics.join(",")
    )
}
