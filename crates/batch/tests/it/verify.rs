//! Reconciliation: what holds is found to hold, and every kind of damage is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use pulso_batch::{Days, Engine, Reconciliation, Report, Resources, WindowSettings, shown};
use pulso_model::{
    DeadLetterDocument, Decoded, EventTime, FactWriter, LateFactDocument, Layer, Position, View,
    ViewDocument,
};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{Checkpoint, LayerChoice, Progress, Record, Sink, Views};
use pulso_testkit::message::message;
use pulso_testkit::{decoder, view};
use tempfile::TempDir;

use crate::naive::{self, Counted, Trends};
use crate::support::{TestLake, jobs, records, run, small_windows};

/// 2017-03-19T23:58:00Z: what follows goes over midnight.
const START: i64 = 1_489_967_880_000;

/// A stream of five minutes with echoes, late messages and dead letters, as the speed layer would
/// leave it behind.
pub(crate) struct World {
    folder: TempDir,
    lake: Vec<RecordBatch>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) speed: Vec<ViewDocument>,
    batch: MemoryViews,
    pub(crate) records: Vec<Record>,
}

pub(crate) fn stream(start: i64) -> Vec<Bytes> {
    let mut messages = Vec::new();
    for number in 0..300_i64 {
        let mtime = start + number * 1_000 + number * 37 % 1_000;
        let topics = [["art", "go"], ["go", "wine"], ["art", "wine"]];
        let message = message(number % 170, mtime)
            .response(["yes", "no", "yes"][usize::try_from(number % 3).unwrap()])
            .topics(&topics[usize::try_from(number % 3).unwrap()])
            .country(["de", "us"][usize::try_from(number % 2).unwrap()])
            .group(number % 5)
            .event(&format!("e{}", number % 7));
        messages.push(message.bytes());
        if number % 6 == 0 {
            let second = (mtime + 500) / 1000 * 1000;
            messages.push(message.clone().set("/mtime", second.into()).bytes());
        }
        if number % 25 == 7 {
            messages.push(message.set("/mtime", (mtime - 90_000).into()).bytes());
            messages.push("{".into());
        }
    }
    messages
}

impl World {
    async fn new() -> Self {
        Self::of(&stream(START)).await
    }

    pub(crate) async fn of(messages: &[Bytes]) -> Self {
        let records = records(messages, 2);
        let lake = TestLake::of(&records).await;
        let session = SessionContext::new();
        session.register_table("lake", lake.lake.table_provider().await.unwrap()).unwrap();
        let rows = session.sql("SELECT * FROM lake").await.unwrap().collect().await.unwrap();
        let end = naive::facts(&decoder(), &records).iter().map(|c| c.fact.time).max();
        let days = Days { complete_until: end, ..lake.days() };
        let batch = run(&lake.engine(small_windows()).await, &jobs(), &days).await;
        let mut world = Self {
            folder: lake.folder,
            lake: rows,
            checkpoint: Checkpoint::default(),
            speed: Vec::new(),
            batch,
            records,
        };
        world.run_speed(&[0, 0]);
        world
    }

    /// What the speed layer would have written over a log that begins at these offsets: everything a
    /// minute and a half behind is late.
    pub(crate) fn run_speed(&mut self, first_offsets: &[u64; 2]) {
        let begin = |&first: &u64| Progress {
            first_offset: first,
            next_offset: first,
            ..Progress::default()
        };
        let mut progress: Vec<_> = first_offsets.iter().map(begin).collect();
        let (decoder, stream) = (decoder(), pulso_testkit::stream());
        let mut writer = FactWriter::new(stream);
        let mut seen = BTreeSet::new();
        let mut counted = Vec::new();
        let mut newest = i64::MIN;
        for record in &self.records {
            let progress = &mut progress[record.partition as usize];
            if record.offset < progress.first_offset {
                continue;
            }
            progress.next_offset = record.offset + 1;
            let position = Position { partition: record.partition, offset: record.offset };
            let fact = match decoder.decode(&record.payload, record.log_time) {
                Ok(Decoded::Fact(fact)) => fact,
                Ok(Decoded::Skipped(reason)) => panic!("no stream of RSVPs has others: {reason}"),
                Err(dead) => {
                    progress.dead_letters += 1;
                    let document = DeadLetterDocument::render(
                        stream.name,
                        position,
                        record.log_time,
                        "test",
                        &dead,
                        &record.payload,
                    );
                    self.speed.push(document);
                    continue;
                }
            };
            newest = newest.max(fact.time.0);
            let late = fact.time.0 < newest - 80_000;
            if !seen.insert(stream.identity(&fact)) {
                progress.echoes += 1;
                continue;
            }
            self.speed.push(writer.render(&fact, position));
            if late {
                progress.late += 1;
                self.speed.push(LateFactDocument::render(stream.name, position, &fact));
            } else {
                progress.counted += 1;
                counted.push(Counted { position, fact });
            }
        }
        if counted.is_empty() {
            self.checkpoint = Checkpoint { progress, ..Checkpoint::default() };
            return;
        }
        let closed = EventTime(newest - newest.rem_euclid(10_000) - 10_000);
        let windows = small_windows();
        let activity = naive::activity(stream, &counted, 10_000);
        self.speed.extend(activity.into_iter().filter(|d| d.time.0 + 10_000 <= closed.0));
        for by_scope in [false, true] {
            let trends = Trends { stream, facet: 0, windows: &windows, by_scope };
            let trends = [trends.documents(&counted), trends.ended(&counted)].concat();
            self.speed.extend(trends.into_iter().filter(|document| document.time <= closed));
        }
        self.checkpoint = Checkpoint { progress, closed_until: Some(closed), state: Vec::new() };
    }

    /// The batch layer's documents with the speed layer's beside them.
    async fn views(&self) -> MemoryViews {
        let mut views = self.batch.clone();
        views.write(self.speed.clone()).await.unwrap();
        views
    }

    async fn verify(&self) -> Report {
        let table = MemTable::try_new(self.lake[0].schema(), vec![self.lake.clone()]).unwrap();
        let resources = Resources {
            memory_max: 1 << 28,
            threads: 2,
            scratch: self.folder.path().join("scratch"),
        };
        let table: Arc<dyn TableProvider> = Arc::new(table);
        let windows: WindowSettings = small_windows();
        let engine = Engine::new(pulso_testkit::stream(), table, windows, &resources).unwrap();
        let views = self.views().await;
        let shown = shown(pulso_testkit::stream(), &views).await.unwrap();
        let (engine, checkpoint, views) = (&engine, &self.checkpoint, &views);
        let waiting = BTreeMap::new();
        Reconciliation { engine, checkpoint, views, shown, waiting }.run().await.unwrap()
    }

    /// A speed layer without a checkpoint goes on over what an earlier one has written.
    pub(crate) fn begin_anew(&mut self, first_offsets: &[u64; 2]) {
        self.speed.retain(|document| document.view != View::LATE_FACTS);
        self.run_speed(first_offsets);
    }

    fn speed_of(&mut self, view: View) -> &mut ViewDocument {
        self.speed_with(view, "")
    }

    /// The first document of a view that has `text` in it.
    fn speed_with(&mut self, view: View, text: &str) -> &mut ViewDocument {
        let mut documents = self.speed.iter_mut().filter(|document| document.view == view);
        documents.find(|document| document.body.contains(text)).unwrap()
    }
}

fn equal(report: &Report, view: View, layer: Layer) -> u64 {
    let mut comparisons = report.comparisons.iter();
    comparisons.find(|one| (one.view, one.layer) == (view, layer)).unwrap().equal
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undamaged_world_holds() {
    let world = World::new().await;
    let report = world.verify().await;
    assert!(report.holds(), "{report}");
    for view in
        [view("country-activity"), view("trending-topics"), view("trending-topics-by-country")]
    {
        assert!(equal(&report, view, Layer::Speed) > 10, "{view}: {report}");
        assert!(equal(&report, view, Layer::Batch) > 10, "{view}: {report}");
    }
    let progress = &world.checkpoint.progress;
    assert!(progress.iter().all(|progress| progress.late > 0), "{progress:?}");
    assert!(progress.iter().any(|progress| progress.echoes > 0 && progress.dead_letters > 0));
    assert!(!world.batch.completed_days(view("responses")).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_document_is_found() {
    for (view, from, to) in [
        (view("country-activity"), "\"responses\":", "\"responses\":1"),
        (view("trending-topics"), "\"score\":", "\"score\":1"),
        (view("trending-topics-by-country"), "\"lat\":", "\"lat\":1"),
        (view("responses"), "\"response\":\"yes", "\"response\":\"yeah"),
    ] {
        let mut world = World::new().await;
        let document = world.speed_with(view, from);
        document.body = document.body.replacen(from, to, 1);
        let id = document.id.clone();
        let report = world.verify().await;
        assert_eq!(report.difference_count, 1, "{report}");
        let difference = &report.differences[0];
        assert_eq!((difference.view, &difference.id), (view, &id), "{report}");
        assert!(difference.field.is_some() && difference.stored != difference.computed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_and_an_added_document_are_found() {
    for view in [view("country-activity"), view("trending-topics"), view("responses")] {
        let mut world = World::new().await;
        let removed = world.speed_of(view).id.clone();
        world.speed.retain(|document| document.id != removed);
        let report = world.verify().await;
        assert_eq!(report.difference_count, 1, "{report}");
        assert_eq!(report.differences[0].stored, None);

        let mut world = World::new().await;
        let mut added = world.speed_of(view).clone();
        added.id.push('x');
        world.speed.push(added);
        let report = world.verify().await;
        assert_eq!(report.difference_count, 1, "{report}");
        assert_eq!(report.differences[0].computed, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_counts_and_lost_journal_entries_are_found() {
    let damages: [fn(&mut World); 6] = [
        |world| world.checkpoint.progress[0].counted += 1,
        |world| world.checkpoint.progress[1].echoes -= 1,
        |world| world.checkpoint.progress[0].late += 1,
        |world| world.checkpoint.progress[1].dead_letters -= 1,
        |world| world.checkpoint.progress[0].next_offset += 1,
        |world| {
            let lost = world.speed_of(View::DEAD_LETTERS).id.clone();
            world
                .speed
                .retain(|document| document.view != View::DEAD_LETTERS || document.id != lost);
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let mut world = World::new().await;
        damage(&mut world);
        let report = world.verify().await;
        assert!(report.checks.iter().any(|check| !check.holds()), "{number}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_twice_in_the_lake_or_lost_is_found() {
    let mut world = World::new().await;
    world.lake.push(world.lake[0].slice(3, 1));
    let report = world.verify().await;
    let twice = report.checks.iter().filter(|check| check.what.ends_with("more than once"));
    assert_eq!(twice.map(|check| check.found).sum::<u64>(), 1, "{report}");

    let mut world = World::new().await;
    world.lake[0] = world.lake[0].slice(1, world.lake[0].num_rows() - 1);
    let report = world.verify().await;
    let lost = report.checks.iter().filter(|check| check.what == "messages in the lake");
    assert_eq!(lost.map(|check| check.expected - check.found).sum::<u64>(), 1, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_document_that_is_not_as_computed_is_found() {
    let mut world = World::new().await;
    // The lake has changed since the batch layer ran, and the speed layer has not seen it yet.
    let mut messages: Vec<_> = world.records.iter().map(|r| r.payload.clone()).collect();
    messages.push(message(900, START).bytes());
    let lake = TestLake::of(&records(&messages, 2)).await;
    let session = SessionContext::new();
    session.register_table("lake", lake.lake.table_provider().await.unwrap()).unwrap();
    world.lake = session.sql("SELECT * FROM lake").await.unwrap().collect().await.unwrap();
    let report = world.verify().await;
    let different = |layer| {
        let comparisons = report.comparisons.iter().filter(|one| one.equal < one.compared);
        comparisons.filter(|one| one.layer == layer).map(|one| one.view.name()).collect::<Vec<_>>()
    };
    assert_eq!(different(Layer::Speed), [""; 0], "{report}");
    for view in ["responses", "group-days", "event-days", "groups", "events"] {
        assert!(different(Layer::Batch).contains(&view), "{view}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_speed_layer_wrote_after_its_checkpoint_is_no_difference() {
    let mut world = World::new().await;
    // As after a crash: the last messages of a partition are in the views, not in the checkpoint.
    let partition = &mut world.checkpoint.progress[1];
    let last = world.records.iter().rfind(|record| record.partition == 1).unwrap();
    assert_eq!(last.offset + 1, partition.next_offset);
    let decoded = decoder().decode(&last.payload, last.log_time);
    assert!(matches!(decoded, Ok(Decoded::Fact(_))));
    partition.next_offset -= 1;
    partition.counted -= 1;
    let report = world.verify().await;
    assert!(report.holds(), "{report}");
    let stored = world.views().await.scan(view("responses"), LayerChoice::Only(Layer::Speed)).await;
    assert!(stored.is_ok());
}

/// A speed layer that has saved nothing yet.
async fn far_ahead() -> World {
    let mut world = World::new().await;
    for progress in &mut world.checkpoint.progress {
        *progress = Progress::default();
    }
    world.checkpoint.closed_until = None;
    world.speed.retain(|document| document.view == view("responses"));
    world
}

/// More of them than a report lists differences.
#[tokio::test(flavor = "multi_thread")]
async fn a_speed_layer_far_ahead_of_its_checkpoint_is_no_difference() {
    let world = far_ahead().await;
    assert!(world.speed.len() > 200);
    let report = world.verify().await;
    assert!(report.holds(), "{report}");

    let mut world = far_ahead().await;
    world.speed.last_mut().unwrap().id.push('x');
    world.speed[0].body = world.speed[0].body.replacen("\"response\":\"", "\"response\":\"x", 1);
    let report = world.verify().await;
    assert_eq!(report.difference_count, 2, "{report}");
}

/// The log has dropped its oldest messages, the lake has them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_gone_when_the_speed_layer_began_is_not_asked_of_it() {
    const FIRST: [u64; 2] = [40, 35];
    // What is new in a window follows from the eight minutes before it.
    let messages: Vec<_> = (0..3).flat_map(|number| stream(START + number * 300_000)).collect();
    let mut world = World::of(&messages).await;
    world.begin_anew(&FIRST);
    let report = world.verify().await;
    assert!(report.holds(), "{report}");
    for view in [view("country-activity"), view("trending-topics"), view("responses")] {
        assert!(equal(&report, view, Layer::Speed) > 5, "{view}: {report}");
    }
    let read: u64 = world.checkpoint.progress.iter().map(|p| p.next_offset - p.first_offset).sum();
    assert_eq!(read, world.records.len() as u64 - FIRST.iter().sum::<u64>());

    // What it did see is asked of it.
    let (lake, checkpoint) = (world.lake.clone(), world.checkpoint.clone());
    let damages: [fn(&mut World); 4] = [
        |world| world.checkpoint.progress[0].first_offset -= 1,
        |world| world.checkpoint.progress[1].first_offset += 1,
        |world| world.checkpoint.progress[1].counted -= 1,
        |world| {
            let rows = world.lake[0].num_rows();
            world.lake[0] = world.lake[0].slice(0, rows - 1);
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        (world.lake, world.checkpoint) = (lake.clone(), checkpoint.clone());
        damage(&mut world);
        let report = world.verify().await;
        assert!(report.checks.iter().any(|check| !check.holds()), "{number}: {report}");
    }
    for view in [view("country-activity"), view("trending-topics"), view("responses")] {
        let mut world = World::of(&messages).await;
        world.begin_anew(&FIRST);
        let closed = world.checkpoint.closed_until.unwrap();
        let of_view = world.speed.iter().filter(|one| one.view == view && one.time < closed);
        let lost = of_view.max_by_key(|document| document.time).unwrap().id.clone();
        world.speed.retain(|document| document.id != lost);
        let report = world.verify().await;
        assert!(report.differences.iter().any(|d| d.id == lost), "{view}: {report}");
    }
}
