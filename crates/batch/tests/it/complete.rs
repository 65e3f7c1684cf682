//! Which days jobs complete while partitions are quiet.

use std::collections::BTreeSet;

use pulso_batch::Selection;
use pulso_model::{Day, EventTime, WallTime};
use pulso_pipeline::memory::{MemoryLog, MemoryViews};
use pulso_pipeline::{ManualClock, Sink, Views};
use pulso_runtime::config::Retention;
use pulso_testkit::message::message;
use pulso_testkit::view;
use tempfile::TempDir;

use crate::support::{batch_layer, jobs};

/// 2017-03-19T12:00:00Z.
const NOON: i64 = 1_489_924_800_000;

/// Writes messages, each `(rsvp_id, seconds after the one before it)`, stored when they happen; and tells
/// which days the jobs complete, as days after the first.
async fn completed(messages: &[(i64, i64)]) -> Vec<i32> {
    let clock = ManualClock::at(WallTime(NOON));
    let mut log = MemoryLog::new(2, clock.clone());
    let mut now = NOON;
    for &(rsvp_id, seconds) in messages {
        now += seconds * 1000;
        clock.set(WallTime(now));
        log.write(vec![message(rsvp_id, now).received(WallTime(now))]).await.unwrap();
    }
    let (folder, views) = (TempDir::new().unwrap(), MemoryViews::default());
    let mut layer = batch_layer(folder.path(), log.source(500), &views, Retention::default()).await;
    layer.archive(|_| ()).await.unwrap();
    layer.run_jobs(&jobs(), Selection::Changed, |_| ()).await.unwrap();
    let days: BTreeSet<Day> = views.completed_days(view("responses")).await.unwrap();
    days.into_iter().map(|day| day.0 - EventTime(NOON).day().0).collect()
}

const DAY: i64 = 24 * 60 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_quiet_for_good_keeps_no_day_from_being_completed() {
    assert_eq!(completed(&[(1, 0), (2, 0), (4, DAY), (6, DAY)]).await, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_not_quiet_yet_does() {
    // Half a minute before midnight in one partition, ten seconds after it in the other.
    let midnight = [(2, 0), (1, DAY / 2 - 30), (4, 40)];
    assert_eq!(completed(&midnight).await, [0; 0]);
    assert_eq!(completed(&[&midnight[..], &[(6, 20)]].concat()).await, [0]);
}
