//! A run over what changed reads the days that changed and those that they look back at, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulso_batch::Selection;
use pulso_model::{Day, Layer, WallTime};
use pulso_pipeline::memory::{MemoryLog, MemoryViews};
use pulso_pipeline::{ManualClock, Sink};
use pulso_runtime::config::Retention;
use pulso_testkit::message::message;
use pulso_testkit::view;
use tempfile::TempDir;

use crate::support::{LOG_TIME, batch_layer, bodies, jobs_by_day, written};

/// 2017-03-19T23:59:30Z: windows go over midnight.
const START: i64 = 1_489_967_970_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Some messages of the day, counted from the first.
async fn write(log: &mut MemoryLog<ManualClock>, day: i64, first_id: i64) {
    for number in 0..6 {
        let message = message(first_id + number, START + day * DAY_MS + number * 4000);
        log.write(vec![message.received(LOG_TIME)]).await.unwrap();
    }
}

/// Makes the files of all other days unreadable, but of the same size.
pub(crate) fn damage_all_but(lake: &Path, kept: &[Day]) -> usize {
    let kept: BTreeSet<String> = kept.iter().map(|day| format!("day={day}")).collect();
    let mut damaged = 0;
    for folder in fs::read_dir(lake).unwrap().map(|folder| folder.unwrap()) {
        let name = folder.file_name().into_string().unwrap();
        if !name.starts_with("day=") || kept.contains(&name) {
            continue;
        }
        for file in fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()) {
            let bytes = usize::try_from(file.metadata().unwrap().len()).unwrap();
            fs::write(file.path(), vec![7; bytes]).unwrap();
            damaged += 1;
        }
    }
    damaged
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_days_that_did_not_change_are_not_opened() {
    let mut log = MemoryLog::new(2, ManualClock::at(LOG_TIME));
    for day in 0..10 {
        write(&mut log, day, day * 100).await;
    }
    let (folder, views) = (TempDir::new().unwrap(), MemoryViews::default());
    let mut layer = batch_layer(folder.path(), log.source(500), &views, Retention::default()).await;
    let by_day = jobs_by_day();
    layer.archive(|_| ()).await.unwrap();
    layer.run_jobs(&by_day, Selection::Changed, |_| ()).await.unwrap();

    // Some late messages, and some of the newest day.
    write(&mut log, 4, 4000).await;
    write(&mut log, 9, 9000).await;
    layer.archive(|_| ()).await.unwrap();
    // Days 4, 5, 9 and 10 are computed; the days around them are looked at.
    let first = WallTime(START).day();
    let kept = [3, 4, 5, 6, 8, 9].map(|day| Day(first.0 + day));
    let damaged = damage_all_but(&folder.path().join("messages"), &kept);
    assert_eq!(damaged, 4, "the oldest three days, and one between those that changed");
    layer.run_jobs(&by_day, Selection::Changed, |_| ()).await.unwrap();

    // The same as from a lake of which every day is read.
    let (whole, expected) = (TempDir::new().unwrap(), MemoryViews::default());
    let mut layer =
        batch_layer(whole.path(), log.source(500), &expected, Retention::default()).await;
    layer.archive(|_| ()).await.unwrap();
    layer.run_jobs(&by_day, Selection::Changed, |_| ()).await.unwrap();
    for job in by_day {
        let found = bodies(&written(&views, job.view, Layer::Batch).await);
        assert_eq!(
            found,
            bodies(&written(&expected, job.view, Layer::Batch).await),
            "{}",
            job.name()
        );
    }
    assert!(!written(&views, view("trending-topics"), Layer::Batch).await.is_empty());
}
