//! Measures items per second through the log and the views, on the disk of the temporary directory.
//!
//! Run `cargo bench -p pulso-sqlite`. The figures are wall time, including commits and their syncs.

#![expect(clippy::unwrap_used, reason = "benchmarks end at the first surprise")]

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use pulso_model::{Decoded, EventTime, FactWriter, Position, ViewDocument, WallTime};
use pulso_pipeline::{Message, Query, Sink, Source, SystemClock, Views};
use pulso_sqlite::{Log, ViewStore};
use pulso_testkit::message::{EPOCH, message};
use pulso_testkit::{decoder, stream, view, views};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ITEMS: i64 = 200_000;
const COUNTRIES: [&str; 7] = ["us", "gb", "de", "fr", "jp", "in", "br"];

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// About 1.4 kB each, as real messages.
fn messages() -> Vec<Message> {
    let topics: Vec<_> = (0..12).map(|topic| format!("topic-{topic}-of-some-length")).collect();
    let topics: Vec<_> = topics.iter().map(|topic| &**topic).collect();
    (0..ITEMS)
        .map(|number| {
            let country = COUNTRIES[usize::try_from(number).unwrap() % COUNTRIES.len()];
            // Ids ascend, but not one by one and not always.
            let id = 1_600_000_000 + number * 3 - number % 17 * 40;
            message(id, EPOCH + number * 500)
                .country(country)
                .topics(&topics)
                .received(WallTime(EPOCH + number * 500))
        })
        .collect()
}

fn documents(messages: &[Message]) -> Vec<ViewDocument> {
    let (decoder, mut writer) = (decoder(), FactWriter::new(stream()));
    let mut render = |(message, offset): (&Message, u64)| {
        let Ok(Decoded::Fact(fact)) = decoder.decode(&message.payload, WallTime(EPOCH)) else {
            panic!("every message is a fact");
        };
        writer.render(&fact, Position { partition: 0, offset })
    };
    messages.iter().zip(0..).map(&mut render).collect()
}

fn chunks<T: Clone>(items: &[T], size: usize) -> Vec<Vec<T>> {
    items.chunks(size).map(<[T]>::to_vec).collect()
}

#[divan::bench(args = [100, 1_000, 10_000], sample_count = 1, sample_size = 1)]
fn append(bencher: Bencher<'_, '_>, batch: usize) {
    let messages = messages();
    let bytes: usize = messages.iter().map(|message| message.payload.len()).sum();
    let runtime = runtime();
    bencher
        .counter(ItemsCount::new(messages.len()))
        .counter(BytesCount::new(bytes))
        .with_inputs(|| (TempDir::new().unwrap(), chunks(&messages, batch)))
        .bench_values(|(folder, batches)| {
            let mut log = Log::open(&folder.path().join("log.db"), 4, SystemClock).unwrap();
            runtime.block_on(async {
                for batch in batches {
                    log.write(batch).await.unwrap();
                }
            });
            drop(log);
            folder
        });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn read(bencher: Bencher<'_, '_>) {
    let folder = TempDir::new().unwrap();
    let runtime = runtime();
    let mut log = Log::open(&folder.path().join("log.db"), 4, SystemClock).unwrap();
    runtime.block_on(log.write(messages())).unwrap();
    bencher
        .counter(ItemsCount::new(ITEMS.unsigned_abs()))
        .with_inputs(|| log.source(1_000).unwrap())
        .bench_values(|mut source| {
            runtime.block_on(async {
                let mut read = 0;
                while read < ITEMS {
                    let batch = source.next_batch().await.unwrap();
                    read += i64::try_from(batch.records.len()).unwrap();
                }
            });
        });
}

#[divan::bench(args = [100, 1_000, 10_000], sample_count = 1, sample_size = 1)]
fn write(bencher: Bencher<'_, '_>, batch: usize) {
    let documents = documents(&messages());
    let bytes: usize = documents.iter().map(|document| document.body.len()).sum();
    let runtime = runtime();
    bencher
        .counter(ItemsCount::new(documents.len()))
        .counter(BytesCount::new(bytes))
        .with_inputs(|| (TempDir::new().unwrap(), chunks(&documents, batch)))
        .bench_values(|(folder, batches)| {
            let mut store = ViewStore::open(&folder.path().join("views.db"), &views()).unwrap();
            runtime.block_on(async {
                for batch in batches {
                    store.write(batch).await.unwrap();
                }
            });
            drop(store);
            folder
        });
}

#[divan::bench(args = [None, Some("JP"), Some("XX")], sample_count = 100)]
fn query(bencher: Bencher<'_, '_>, scope: Option<&str>) {
    let folder = TempDir::new().unwrap();
    let runtime = runtime();
    let mut store = ViewStore::open(&folder.path().join("views.db"), &views()).unwrap();
    runtime.block_on(store.write(documents(&messages()))).unwrap();
    let query = Query {
        to: Some(EventTime(EPOCH + ITEMS * 250)),
        scope: scope.map(str::to_owned),
        ..Query::newest(view("responses"), 100)
    };
    bencher.bench_local(|| runtime.block_on(store.query(query.clone())).unwrap());
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn scan(bencher: Bencher<'_, '_>) {
    let folder = TempDir::new().unwrap();
    let runtime = runtime();
    let mut store = ViewStore::open(&folder.path().join("views.db"), &views()).unwrap();
    runtime.block_on(store.write(documents(&messages()))).unwrap();
    bencher.counter(ItemsCount::new(ITEMS.unsigned_abs())).bench_local(|| {
        runtime.block_on(async {
            let layer = pulso_pipeline::LayerChoice::Current;
            let mut chunks = store.scan(view("responses"), layer).await.unwrap();
            while let Some(chunk) = chunks.recv().await {
                chunk.unwrap();
            }
        });
    });
}
