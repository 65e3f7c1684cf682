//! Little memory: jobs go to disk and still give the same documents.

use pulso_batch::{Computation, Job};
use pulso_model::Layer;
use pulso_pipeline::memory::MemoryViews;
use pulso_testkit::message::message;
use tokio_util::sync::CancellationToken;

use crate::support::{TestLake, bodies, jobs, records, run, small_windows, written};

const MESSAGES: i64 = 40_000;

/// 2017-03-19T00:00:00Z.
const START: i64 = 1_489_881_600_000;

/// What is far too little to hold the narrow columns of all messages.
const LITTLE: usize = 6 * 1024 * 1024;

const PLENTY: usize = 256 * 1024 * 1024;

async fn lake() -> TestLake {
    let messages: Vec<_> = (0..MESSAGES)
        .map(|number| {
            message(number, START + number * 50)
                .member(number * 7 % 10_007)
                .group(number % 5_003)
                .event(&format!("event-{}", number % 9_001))
                .topics(&[["art", "go", "wine"][usize::try_from(number % 3).unwrap()]])
                .bytes()
        })
        .collect();
    TestLake::of(&records(&messages, 2)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn little_memory_gives_the_same_documents() {
    let lake = lake().await;
    let plenty = run(&lake.engine(small_windows()).await, &jobs(), &lake.days()).await;
    let little = lake.engine_with_memory(small_windows(), LITTLE).await;
    for job in jobs() {
        let views = MemoryViews::default();
        let days = lake.days();
        let shutdown = CancellationToken::new();
        let jobs = [job.clone()];
        let computation = Computation::prepare(&little, &jobs, &days.days, views.clone(), shutdown);
        let computation = computation.await.unwrap();
        computation
            .run(&job, &days)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", job.name()));
        let expected = bodies(&written(&plenty, job.view, Layer::Batch).await);
        assert_eq!(bodies(&written(&views, job.view, Layer::Batch).await), expected);
        let few = [
            "trending-topics-by-country",
            "topic-trends",
            "topic-trends-by-country",
            "topic-pairs",
        ];
        assert!(few.contains(&job.name()) || expected.len() > 100);
    }
}

/// Whether a job gets to its end when its temporary files cannot be made.
async fn succeeds_without_disk(lake: &TestLake, job: Job, memory_max: usize) -> bool {
    let engine = lake.engine_with_memory(small_windows(), memory_max).await;
    let (days, shutdown) = (lake.days(), CancellationToken::new());
    let jobs = [job.clone()];
    let computation =
        Computation::prepare(&engine, &jobs, &days.days, MemoryViews::default(), shutdown);
    let computation = computation.await.unwrap();
    let scratch = lake.folder.path().join("scratch");
    std::fs::remove_dir_all(&scratch).unwrap();
    let Err(error) = computation.run(&job, &days).await else { return true };
    // The file that the disk manager was asked for.
    assert!(format!("{error:?}").contains(scratch.to_str().unwrap()), "{error:?}");
    false
}

/// Otherwise the same documents would prove nothing.
#[tokio::test(flavor = "multi_thread")]
async fn little_memory_makes_jobs_use_the_disk() {
    let lake = lake().await;
    let wanted = ["groups", "events", "group-days", "event-days"];
    let jobs: Vec<_> = jobs().into_iter().filter(|job| wanted.contains(&job.name())).collect();
    assert_eq!(jobs.len(), wanted.len());
    for job in jobs {
        assert!(succeeds_without_disk(&lake, job.clone(), PLENTY).await, "{}", job.name());
        assert!(!succeeds_without_disk(&lake, job.clone(), LITTLE).await, "{}", job.name());
    }
}
