//! Days that are gone are accounted for, and what is left is verified as before.

use std::time::Duration;

use pulso_batch::{BatchLayer, Comparison, LeftOut, Removals, Report, Selection, Verdict};
use pulso_lake::Lake;
use pulso_model::{
    Day, DayRange, Decoded, EventTime, FactWriter, LateFactDocument, Layer, Position, View,
    ViewDocument,
};
use pulso_pipeline::memory::{MemoryLog, MemoryViews};
use pulso_pipeline::{ManualClock, Record, Sink, Source};
use pulso_runtime::config::Retention;
use pulso_testkit::message::{message, received};
use pulso_testkit::{decoder, view};
use tempfile::TempDir;

use crate::support::{LOG_TIME, batch_layer, jobs, jobs_by_day};
use crate::verify::{World, stream};

/// 2017-03-19T23:58:00Z: each of the streams, a day apart, goes over midnight.
const START: i64 = 1_489_967_880_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const AGE: Duration = Duration::from_hours(24);

/// The batch layer over a log in memory.
pub(crate) struct Batch {
    folder: TempDir,
    log: MemoryLog<ManualClock>,
    pub(crate) views: MemoryViews,
}

impl Batch {
    /// Over what the world's speed layer has read and written.
    pub(crate) async fn of(world: &World) -> Self {
        let folder = TempDir::new().unwrap();
        let log = MemoryLog::new(2, ManualClock::at(LOG_TIME));
        let mut layer = Self { folder, log, views: MemoryViews::default() };
        for record in &world.records {
            layer.write(record.payload.clone()).await;
        }
        layer.views.write(world.speed.clone()).await.unwrap();
        layer
    }

    /// A late response, as the speed layer leaves it behind.
    async fn late(&mut self, world: &mut World, mtime: i64) {
        let late = message(2, mtime).bytes();
        let progress = &mut world.checkpoint.progress[0];
        self.write(late.clone()).await;
        let position = Position { partition: 0, offset: progress.next_offset };
        let documents = shown(&late, position, true);
        self.views.write(documents).await.unwrap();
        progress.next_offset += 1;
        progress.late += 1;
    }

    async fn write(&mut self, payload: bytes::Bytes) {
        self.log.write(vec![received("test", LOG_TIME, payload)]).await.unwrap();
    }

    pub(crate) async fn open(
        &self,
        retention: Retention,
    ) -> BatchLayer<impl Source + use<>, MemoryViews, ManualClock> {
        batch_layer(self.folder.path(), self.log.source(500), &self.views, retention).await
    }
}

/// What the speed layer shows of a response.
fn shown(payload: &[u8], position: Position, late: bool) -> Vec<ViewDocument> {
    let decoder = decoder();
    let Ok(Decoded::Fact(fact)) = decoder.decode(payload, LOG_TIME) else {
        panic!("the message is a response");
    };
    let stream = decoder.stream();
    let mut documents = vec![FactWriter::new(stream).render(&fact, position)];
    documents.extend(late.then(|| LateFactDocument::render(stream.name, position, &fact)));
    documents
}

/// The views of all jobs.
pub(crate) fn all_views() -> Vec<View> {
    jobs().into_iter().map(|job| job.view).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_without_its_oldest_days_is_still_verified() {
    let messages: Vec<_> = (0..3).flat_map(|day| stream(START + day * DAY_MS)).collect();
    let mut world = World::of(&messages).await;
    let mut layer = Batch::of(&world).await;

    let retention = Retention { lake: Some(AGE), ..Retention::default() };
    let mut batch = layer.open(retention).await;
    batch.archive(|_| ()).await.unwrap();
    assert_eq!(
        batch.retain(Some(&world.checkpoint)).await.unwrap().kept_from,
        None,
        "not computed"
    );
    batch.run_jobs(&jobs(), Selection::Everything, |_| ()).await.unwrap();
    let before = batch.verify(&world.checkpoint).await.unwrap();
    assert!(before.holds(), "{before}");
    assert_eq!(batch.retain(None).await.unwrap().kept_from, None, "nobody has judged the messages");

    let removals = batch.retain(Some(&world.checkpoint)).await.unwrap();
    // The newest day with messages of all partitions, less one; the day before it is looked back at.
    let last = EventTime(START + 3 * DAY_MS).day();
    assert_eq!(removals, Removals { views: 0, lake_files: 1, kept_from: Some(last.previous()) });
    let after = batch.verify(&world.checkpoint).await.unwrap();
    assert!(after.holds(), "{after}");
    assert!(after.comparisons.iter().map(|one| one.equal).sum::<u64>() > 100, "{after}");
    let lake = Lake::open(layer.folder.path().join("messages"), &decoder()).await.unwrap();
    assert_eq!(lake.days().unwrap().keys().next(), Some(&Day(last.0 - 2)));

    // One that comes for a day that is gone is late, and accounted for as such.
    layer.late(&mut world, START).await;
    batch.archive(|_| ()).await.unwrap();
    let with_late = batch.verify(&world.checkpoint).await.unwrap();
    assert!(with_late.holds(), "{with_late}");
    let views = ["groups", "events", "topic-pairs"].map(view);
    assert_eq!(waiting(&with_late), views, "the day that it is for is not compared");
    let again = batch.retain(Some(&world.checkpoint)).await.unwrap();
    assert_eq!(again.kept_from, removals.kept_from);
    let again = batch.verify(&world.checkpoint).await.unwrap();
    assert!(again.holds(), "{again}");

    // The speed layer goes on while nobody archives.
    let ahead = message(4, START + 4 * DAY_MS).bytes();
    layer.write(ahead.clone()).await;
    let position = Position { partition: 0, offset: u64::MAX };
    layer.views.write(shown(&ahead, position, false)).await.unwrap();
    let ahead = batch.verify(&world.checkpoint).await.unwrap();
    assert!(ahead.holds(), "{ahead}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_late_for_a_completed_day_is_compared_after_the_next_run() {
    let messages: Vec<_> = (0..2).flat_map(|day| stream(START + day * DAY_MS)).collect();
    let mut world = World::of(&messages).await;
    let mut layer = Batch::of(&world).await;
    let mut batch = layer.open(Retention::default()).await;
    batch.archive(|_| ()).await.unwrap();
    batch.run_jobs(&jobs(), Selection::Changed, |_| ()).await.unwrap();
    let before = batch.verify(&world.checkpoint).await.unwrap();
    assert!(before.holds(), "{before}");
    assert_eq!(waiting(&before), []);

    layer.late(&mut world, START + 30_500).await;
    let late = batch.verify(&world.checkpoint).await.unwrap();
    assert_eq!(late.verdict(), Verdict::NothingCompared(vec![Layer::Batch]), "{late}");
    assert_eq!(waiting(&late), all_views(), "{late}");

    // A run over another day is no run over this one.
    let other = EventTime(START + DAY_MS).day().next();
    let by_day = jobs_by_day();
    let chosen = Selection::Range(DayRange { first: other, last: other });
    batch.run_jobs(&by_day, chosen, |_| ()).await.unwrap();
    let still = batch.verify(&world.checkpoint).await.unwrap();
    assert_eq!(still.to_string(), late.to_string());

    batch.run_jobs(&jobs(), Selection::Changed, |_| ()).await.unwrap();
    let after = batch.verify(&world.checkpoint).await.unwrap();
    assert!(after.holds(), "{after}");
    assert_eq!(waiting(&after), []);
}

/// The views of which something waits for the next run.
fn waiting(report: &Report) -> Vec<View> {
    let waits = |one: &&Comparison| {
        one.left_out.iter().any(|left_out| matches!(left_out, LeftOut::Waiting { .. }))
    };
    report.comparisons.iter().filter(waits).map(|one| one.view).collect()
}

/// The speed layer's checkpoint is lost after days were removed from the lake, and the log begins later.
#[tokio::test(flavor = "multi_thread")]
async fn a_speed_layer_that_begins_anew_is_verified_over_what_is_left() {
    let messages: Vec<_> = (0..4).flat_map(|day| stream(START + day * DAY_MS)).collect();
    let mut world = World::of(&messages).await;
    let begins = |day: i64| {
        let at = messages.len() / 4 * usize::try_from(day).unwrap();
        let of = |partition| move |record: &&Record| record.partition == partition;
        let before = &world.records[..at];
        [0, 1].map(|partition| before.iter().filter(of(partition)).count() as u64)
    };
    let (second, fourth) = (begins(1), begins(3));
    let mut layer = Batch::of(&world).await;
    let two_days = Retention { lake: Some(AGE * 2), ..Retention::default() };
    let mut batch = layer.open(two_days).await;
    batch.archive(|_| ()).await.unwrap();
    batch.run_jobs(&jobs(), Selection::Everything, |_| ()).await.unwrap();
    let kept_from = batch.retain(Some(&world.checkpoint)).await.unwrap().kept_from;
    assert_eq!(kept_from, Some(Day(EventTime(START).day().0 + 2)));
    drop(batch);

    let mut batch = layer.open(Retention { lake: Some(AGE), ..Retention::default() }).await;
    for (first_offsets, uncounted) in [(second, vec![0, 1]), (fourth, vec![])] {
        // A stream begins after a pause, so that the same messages are late as before.
        world.speed.clear();
        world.run_speed(&first_offsets);
        layer.views.write(world.speed.clone()).await.unwrap();
        let report = batch.verify(&world.checkpoint).await.unwrap();
        assert!(report.holds(), "{report}");
        assert_eq!(report.uncounted, uncounted, "{report}");
    }

    world.speed.clear();
    world.run_speed(&fourth);
    layer.views.write(world.speed.clone()).await.unwrap();
    let kept_from = batch.retain(Some(&world.checkpoint)).await.unwrap().kept_from;
    assert_eq!(kept_from, Some(Day(EventTime(START).day().0 + 3)));
    let report = batch.verify(&world.checkpoint).await.unwrap();
    assert!(report.holds() && report.uncounted.is_empty(), "{report}");
}
