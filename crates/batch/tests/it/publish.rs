//! What a run puts in place, and when a day becomes the batch layer's.

use std::collections::BTreeSet;

use pulso_batch::{BatchError, Computation, Days, Job};
use pulso_model::{Day, EventTime, Layer};
use pulso_pipeline::Views;
use pulso_pipeline::memory::MemoryViews;
use pulso_testkit::message::message;
use pulso_testkit::view;
use tokio_util::sync::CancellationToken;

use crate::support::{TestLake, jobs, records, run, small_windows, written};

const DAY: Day = Day(17_244);

async fn lake(days: &[Day]) -> TestLake {
    let messages: Vec<_> =
        (1..).zip(days).map(|(id, day)| message(id, day.start().0 + 1).bytes()).collect();
    TestLake::of(&records(&messages, 1)).await
}

fn responses() -> Vec<Job> {
    jobs().into_iter().filter(|job| job.view == view("responses")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_end_by_the_complete_time_are_completed_empty_ones_too() {
    let lake = lake(&[DAY, DAY.next().next()]).await;
    let until = DAY.next().end();
    let days: BTreeSet<_> = [DAY, DAY.next(), DAY.next().next()].into();
    let days = Days { days, complete_until: Some(until) };
    let views = run(&lake.engine(small_windows()).await, &responses(), &days).await;
    assert_eq!(written(&views, view("responses"), Layer::Batch).await.len(), 2);
    let completed = views.completed_days(view("responses")).await.unwrap();
    assert_eq!(completed, [DAY, DAY.next()].into());
    assert_eq!(days.last_completed(), Some(DAY.next()), "as the record of the run tells it");
    let days = Days { complete_until: Some(EventTime(until.0 - 1)), ..days };
    let views = run(&lake.engine(small_windows()).await, &responses(), &days).await;
    assert_eq!(views.completed_days(view("responses")).await.unwrap(), [DAY].into());
    assert_eq!(days.last_completed(), Some(DAY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_replaces_the_documents_of_its_days_and_no_others() {
    let views = MemoryViews::default();
    let run_over = async |stored: &[Day], days: &[Day]| {
        let lake = lake(stored).await;
        let engine = lake.engine(small_windows()).await;
        let days = Days { days: days.iter().copied().collect(), complete_until: None };
        let shutdown = CancellationToken::new();
        let jobs = responses();
        let computation = Computation::prepare(&engine, &jobs, &days.days, views.clone(), shutdown);
        computation.await.unwrap().run(&jobs[0], &days).await.unwrap();
        let documents = written(&views, view("responses"), Layer::Batch).await;
        documents.iter().map(|document| document.time.day()).collect::<Vec<_>>()
    };
    let later = DAY.next();
    assert_eq!(run_over(&[DAY, later], &[DAY, later]).await, [DAY, later]);
    assert_eq!(run_over(&[], &[DAY]).await, [later]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_leaves_what_was_there() {
    let lake = lake(&[DAY]).await;
    let engine = lake.engine(small_windows()).await;
    let (views, shutdown) = (MemoryViews::default(), CancellationToken::new());
    let days = Days { days: [DAY].into(), complete_until: None };
    let jobs = responses();
    let computation =
        Computation::prepare(&engine, &jobs, &days.days, views.clone(), shutdown.clone());
    let computation = computation.await.unwrap();
    computation.run(&jobs[0], &days).await.unwrap();
    shutdown.cancel();
    assert!(matches!(computation.run(&jobs[0], &days).await, Err(BatchError::Stopped)));
    assert_eq!(written(&views, view("responses"), Layer::Batch).await.len(), 1);
}
