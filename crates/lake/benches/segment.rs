//! What archiving costs, message by message: `cargo bench -p pulso-lake`.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use pulso_lake::{Lake, SegmentBuilder};
use pulso_model::{Decoder, WallTime};
use pulso_pipeline::{Headers, Record};
use pulso_testkit::decoder;
use pulso_testkit::message::{EPOCH, message};

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
    let topics: Vec<String> = (0..12).map(|number| format!("topic-{number}")).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let source: Arc<str> = Arc::from("bench");
    let record = |number: usize| {
        let id = i64::try_from(number).expect("there are few rows");
        let message = message(id, EPOCH + id).topics(&topics).venue(5, 59.9, 10.7);
        Record {
            partition: u32::try_from(number % PARTITIONS).expect("there are few partitions"),
            offset: (number / PARTITIONS) as u64,
            log_time: LOG_TIME,
            headers: Headers { source: Arc::clone(&source), received_time: LOG_TIME, cursor: None },
            payload: message.bytes(),
        }
    };
    (0..ROWS).map(record).collect()
}
