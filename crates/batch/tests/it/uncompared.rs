//! What a reconciliation could not compare it says: nothing compared never reads like all in order.

use pulso_batch::{Comparison, LeftOut, Report, Selection, Verdict};
use pulso_model::{Layer, View};
use pulso_pipeline::{Progress, Query, Sink, Views};
use pulso_runtime::config::Retention;
use pulso_testkit::view;
use serde_json::Value;

use crate::retain::{Batch, all_views};
use crate::support::jobs;
use crate::verify::{World, stream};

/// 2017-03-19T12:00:00Z: what follows is of one day, which has not ended.
const NOON: i64 = 1_489_924_800_000;

/// 2017-03-19T23:58:00Z: what follows goes over midnight, so that a day ends.
const BEFORE_MIDNIGHT: i64 = 1_489_967_880_000;

fn windowed() -> [View; 5] {
    [
        "country-activity",
        "trending-topics",
        "trending-topics-by-country",
        "topic-trends",
        "topic-trends-by-country",
    ]
    .map(view)
}

/// The views of a layer that were left out as a whole.
fn left_out(report: &Report, layer: Layer) -> Vec<View> {
    let whole =
        |one: &&Comparison| one.layer == layer && one.compared == 0 && !one.left_out.is_empty();
    report.comparisons.iter().filter(whole).map(|one| one.view).collect()
}

fn reasons(report: &Report, view: View, layer: Layer) -> &[LeftOut] {
    let mut comparisons = report.comparisons.iter();
    &comparisons.find(|one| (one.view, one.layer) == (view, layer)).unwrap().left_out
}

#[track_caller]
fn check_last_line(report: &Report, expected: &str) {
    let text = report.to_string();
    assert_eq!(text.lines().last().unwrap(), expected, "{text}");
}

/// Checks the outcome and the error of the newest comparison among the runs.
async fn check_recorded(layer: &Batch, report: &Report, expected: (&str, Option<&str>)) {
    let runs = layer.views.query(Query::newest(View::BATCH_RUNS, 100)).await.unwrap().documents;
    let runs = runs.iter().map(|stored| serde_json::from_str(&stored.document.body).unwrap());
    let run: Value = runs.into_iter().find(|run: &Value| run["job"] == "verify").unwrap();
    assert_eq!((run["outcome"].as_str().unwrap(), run["error"].as_str()), expected, "{run}");
    let compared: u64 = report.comparisons.iter().map(|one| one.compared).sum();
    assert_eq!(run["rows"], compared, "{run}");
    assert!(run["ended"].is_string(), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_layer_that_never_ran_does_not_agree() {
    let world = World::of(&stream(BEFORE_MIDNIGHT)).await;
    let layer = Batch::of(&world).await;
    let mut batch = layer.open(Retention::default()).await;
    let report = batch.verify(&world.checkpoint).await.unwrap();
    assert_eq!(report.verdict(), Verdict::NothingCompared(vec![Layer::Batch]), "{report}");
    assert!(!report.holds() && report.conclude().is_err());
    assert_eq!(left_out(&report, Layer::Batch), all_views(), "{report}");
    let two_days = LeftOut::NotCompleted { days: 2 };
    assert_eq!(reasons(&report, view("responses"), Layer::Batch), [two_days]);
    // Dead letters are of the day on which they came.
    assert_eq!(reasons(&report, view("groups"), Layer::Batch), [LeftOut::Waiting { days: 3 }]);
    let text = report.to_string();
    for line in [
        "responses (batch): not compared: 2 days that the batch layer has not completed",
        "groups (batch): not compared: 3 days to be computed by the next `run`",
    ] {
        assert!(text.lines().any(|found| found == line), "{text}");
    }
    let last = "every message is accounted for once; nothing of the batch layer was compared";
    check_last_line(&report, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_are_not_completed_are_left_out_by_name_and_number() {
    for (start, not_completed, conclusion) in [
        (NOON, 8, "8 views not compared"),
        // No trend ends in the two minutes before midnight.
        (BEFORE_MIDNIGHT, 2, "2 views not compared; 6 views compared in part"),
    ] {
        let world = World::of(&stream(start)).await;
        let layer = Batch::of(&world).await;
        let mut batch = layer.open(Retention::default()).await;
        batch.archive(|_| ()).await.unwrap();
        batch.run_jobs(&jobs(), Selection::Changed, |_| ()).await.unwrap();
        let report = batch.verify(&world.checkpoint).await.unwrap();
        assert!(report.holds(), "{report}");
        assert_eq!(left_out(&report, Layer::Batch).len(), not_completed, "{report}");
        for view in [view("responses"), view("group-days")] {
            let one_day = LeftOut::NotCompleted { days: 1 };
            assert_eq!(reasons(&report, view, Layer::Batch), [one_day], "{report}");
        }
        let documents: u64 = report.comparisons.iter().map(|one| one.equal).sum();
        check_last_line(
            &report,
            &format!(
                "every message is accounted for once; the layers agree in {documents} documents; {conclusion}"
            ),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_speed_layer_that_has_shown_nothing_does_not_agree() {
    let mut world = World::of(&stream(BEFORE_MIDNIGHT)).await;
    for progress in &mut world.checkpoint.progress {
        *progress = Progress::default();
    }
    world.checkpoint.closed_until = None;
    let written = std::mem::take(&mut world.speed);
    let mut layer = Batch::of(&world).await;
    let mut batch = layer.open(Retention::default()).await;
    batch.archive(|_| ()).await.unwrap();
    batch.run_jobs(&jobs(), Selection::Everything, |_| ()).await.unwrap();
    let report = batch.verify(&world.checkpoint).await.unwrap();
    assert_eq!(report.verdict(), Verdict::NothingCompared(vec![Layer::Speed]), "{report}");
    assert_eq!(left_out(&report, Layer::Speed), windowed(), "{report}");
    for view in windowed() {
        assert_eq!(reasons(&report, view, Layer::Speed), [LeftOut::NoClosedWindow], "{report}");
    }
    let last = "every message is accounted for once; nothing of the speed layer was compared";
    check_last_line(&report, last);
    let error = "nothing of the speed layer was compared";
    check_recorded(&layer, &report, ("failed", Some(error))).await;

    // Responses of which no checkpoint tells yet are compared all the same.
    let responses = written.into_iter().filter(|document| document.view == view("responses"));
    layer.views.write(responses.collect()).await.unwrap();
    let report = batch.verify(&world.checkpoint).await.unwrap();
    assert!(report.holds(), "{report}");
    assert_eq!(left_out(&report, Layer::Speed), windowed(), "{report}");
    check_recorded(&layer, &report, ("succeeded", None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_speed_layer_closed_after_its_checkpoint_is_counted() {
    let mut world = World::of(&stream(BEFORE_MIDNIGHT)).await;
    let closed = &mut world.checkpoint.closed_until;
    *closed = closed.map(|closed| pulso_model::EventTime(closed.0 - 10_000));
    let before = closed.unwrap();
    let newer = |view| {
        let of_view = world.speed.iter().filter(|document| document.view == view);
        let newer = of_view.filter(|document| document.time > before);
        newer.count() as u64
    };
    let documents = newer(view("trending-topics"));
    assert!(documents > 0);
    let layer = Batch::of(&world).await;
    let mut batch = layer.open(Retention::default()).await;
    batch.archive(|_| ()).await.unwrap();
    batch.run_jobs(&jobs(), Selection::Everything, |_| ()).await.unwrap();
    let report = batch.verify(&world.checkpoint).await.unwrap();
    assert!(report.holds(), "{report}");
    let after = LeftOut::AfterCheckpoint { documents };
    assert_eq!(reasons(&report, view("trending-topics"), Layer::Speed), [after], "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_response_nothing_of_either_layer_is_compared() {
    let world = World::of(&["{".into(), "{".into()]).await;
    let layer = Batch::of(&world).await;
    let mut batch = layer.open(Retention::default()).await;
    batch.archive(|_| ()).await.unwrap();
    batch.run_jobs(&jobs(), Selection::Everything, |_| ()).await.unwrap();
    let report = batch.verify(&world.checkpoint).await.unwrap();
    let neither = Verdict::NothingCompared(vec![Layer::Speed, Layer::Batch]);
    assert_eq!(report.verdict(), neither, "{report}");
    let last = "every message is accounted for once; nothing of either layer was compared";
    check_last_line(&report, last);
}
