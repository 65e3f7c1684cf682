use std::collections::BTreeMap;

use tokio::time::Instant;

use super::*;

const MINUTE: i64 = 60_000;

/// Shows the time of tokio's paused clock, from a whole hour on.
#[derive(Clone)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> WallTime {
        WallTime(i64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

type Ran = Arc<std::sync::Mutex<Vec<(Task, i64)>>>;

/// Notes when each task ran, in minutes. A run takes some minutes; some runs fail.
#[derive(Clone, Default)]
struct FakeWork {
    ran: Ran,
    takes: Duration,
    last: BTreeMap<&'static str, i64>,
    fails: bool,
    clock: Option<PausedClock>,
}

impl Work for FakeWork {
    async fn last_success(&mut self, task: Task) -> anyhow::Result<Option<WallTime>> {
        let name = if task == Task::Archive { "archive" } else { "jobs" };
        Ok(self.last.get(name).map(|minute| WallTime(minute * MINUTE)))
    }

    async fn run(&mut self, task: Task) -> anyhow::Result<()> {
        let now = self.clock.as_ref().unwrap().now();
        self.ran.lock().unwrap().push((task, now.0 / MINUTE));
        tokio::time::sleep(self.takes).await;
        anyhow::ensure!(!self.fails, "no");
        Ok(())
    }
}

/// Runs the schedule for an hour; `archive` every five minutes, `jobs` at ten past.
async fn hour(work: FakeWork) -> Vec<(Task, i64)> {
    let ran = Arc::clone(&work.ran);
    hour_of(vec![work]).await;
    ran.lock().unwrap().clone()
}

/// The same with schedules that take turns.
async fn hour_of(works: Vec<FakeWork>) {
    let clock = PausedClock(Instant::now());
    let crons = Schedule {
        enabled: true,
        archive: "*/5 * * * *".parse().unwrap(),
        jobs: "10 * * * *".parse().unwrap(),
        retain: None,
        deletions: None,
    };
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let stopper = async move {
        tokio::time::sleep(Duration::from_secs(59 * 60)).await;
        stop.cancel();
    };
    let turn = Turn::default();
    let schedules = works.into_iter().map(|work| {
        let work = FakeWork { clock: Some(clock.clone()), ..work };
        schedule(work, &crons, clock.clone(), &turn, shutdown.clone())
    });
    let (results, ()) = tokio::join!(futures::future::join_all(schedules), stopper);
    results.into_iter().for_each(|result| result.unwrap());
}

fn minutes(ran: &[(Task, i64)], of: Task) -> Vec<i64> {
    ran.iter().filter(|(task, _)| *task == of).map(|(_, minute)| *minute).collect()
}

#[tokio::test(start_paused = true)]
async fn tasks_run_at_their_ticks() {
    let last = BTreeMap::from([("archive", 0), ("jobs", -50)]);
    let ran = hour(FakeWork { last, ..FakeWork::default() }).await;
    assert_eq!(minutes(&ran, Task::Archive), [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]);
    assert_eq!(minutes(&ran, Task::Jobs), [10]);
}

#[tokio::test(start_paused = true)]
async fn what_never_ran_or_was_missed_is_made_up_for_once_at_the_start() {
    let never = hour(FakeWork::default()).await;
    assert_eq!(minutes(&never, Task::Jobs), [0, 10]);
    let missed = BTreeMap::from([("archive", -600), ("jobs", -600)]);
    let ran = hour(FakeWork { last: missed, ..FakeWork::default() }).await;
    assert_eq!(minutes(&ran, Task::Archive)[..3], [0, 5, 10]);
    assert_eq!(minutes(&ran, Task::Jobs), [0, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_long_is_not_started_twice_and_its_missed_ticks_are_one() {
    let last = BTreeMap::from([("archive", 0), ("jobs", -50)]);
    let takes = Duration::from_secs(12 * 60);
    let ran = hour(FakeWork { last, takes, ..FakeWork::default() }).await;
    let mut starts: Vec<i64> = ran.iter().map(|(_, minute)| *minute).collect();
    starts.sort_unstable();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 12), "{ran:?}");
    assert_eq!(minutes(&ran, Task::Jobs), [17]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_tried_again_at_the_next_tick() {
    let last = BTreeMap::from([("archive", 0), ("jobs", -50)]);
    let ran = hour(FakeWork { last, fails: true, ..FakeWork::default() }).await;
    assert_eq!(minutes(&ran, Task::Archive)[..3], [5, 10, 15]);
}

#[test]
fn a_clock_that_was_set_back_does_not_stop_the_schedule() {
    let cron: Cron = "0 * * * *".parse().unwrap();
    assert!(due(&cron, Some(WallTime(100 * MINUTE)), WallTime(0)));
    assert!(!due(&cron, Some(WallTime(0)), WallTime(59 * MINUTE)));
    assert!(due(&cron, Some(WallTime(0)), WallTime(60 * MINUTE)));
}

/// As two streams of one program: what both need is not there twice.
#[tokio::test(start_paused = true)]
async fn schedules_that_take_turns_never_run_at_the_same_time() {
    let ran = Ran::default();
    let work = || FakeWork {
        ran: Arc::clone(&ran),
        takes: Duration::from_secs(3 * 60),
        last: BTreeMap::from([("archive", 0), ("jobs", -50)]),
        ..FakeWork::default()
    };
    hour_of(vec![work(), work()]).await;
    let ran = ran.lock().unwrap();
    assert!(ran.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 3), "{ran:?}");
    assert_eq!(minutes(&ran, Task::Archive)[..2], [5, 8]);
    assert_eq!(minutes(&ran, Task::Jobs).len(), 2, "both: {ran:?}");
}
