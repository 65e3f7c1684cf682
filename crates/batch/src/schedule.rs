//! Runs the archive and the jobs when cron expressions say so.
//!
//! One loop does the work of all expressions, one after the other, so nothing runs twice at a time;
//! ticks that pass meanwhile become one run. What was missed while no program ran, or failed before
//! it ended, is made up for at the start. Where a program serves several streams, each has a loop, and
//! they take turns: a run may take all the memory that the configuration allows.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use pulso_model::WallTime;
use pulso_pipeline::Clock;
use pulso_runtime::chain;
use pulso_runtime::config::Schedule;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// The longest sleep: after a jump of the clock the schedule is right again within a minute.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// What can be scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Archive,
    Jobs,
    /// Removing what is past its age.
    Retain,
    /// Taking out of the lake what was deleted.
    Deletions,
}

/// The work itself.
pub trait Work: Send {
    /// When the last run of a task that succeeded was started.
    fn last_success(
        &mut self,
        task: Task,
    ) -> impl Future<Output = anyhow::Result<Option<WallTime>>> + Send;

    /// Does a task, and records how it went.
    fn run(&mut self, task: Task) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Held during a run; shared by schedules that take turns, in the order in which they ask.
pub type Turn = Arc<Mutex<()>>;

/// Runs until `shutdown`. A run that fails is logged and tried again at its next tick.
///
/// # Errors
/// When it cannot be told what was done before.
pub async fn schedule(
    mut work: impl Work,
    schedule: &Schedule,
    clock: impl Clock,
    turn: &Turn,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut tasks = Vec::new();
    let always = [(Task::Archive, &schedule.archive), (Task::Jobs, &schedule.jobs)];
    let retain = schedule.retain.iter().map(|cron| (Task::Retain, cron));
    let deletions = schedule.deletions.iter().map(|cron| (Task::Deletions, cron));
    for (task, cron) in always.into_iter().chain(retain).chain(deletions) {
        tasks.push((task, cron, work.last_success(task).await?));
    }
    while !shutdown.is_cancelled() {
        for (task, cron, last) in &mut tasks {
            if !due(cron, *last, clock.now()) {
                continue;
            }
            let Some(_turn) = shutdown.run_until_cancelled(turn.lock()).await else {
                return Ok(());
            };
            info!(?task, "starting the scheduled run");
            *last = Some(clock.now());
            if let Err(error) = work.run(*task).await
                && !shutdown.is_cancelled()
            {
                error!(?task, error = %chain(&*error), "the scheduled run failed");
            }
        }
        let now = clock.now();
        let next = tasks.iter().filter_map(|(_, cron, last)| next(cron, (*last)?)).min();
        let sleep = next.map_or(SLEEP_MAX, |next| until(now, next).min(SLEEP_MAX));
        shutdown.run_until_cancelled(tokio::time::sleep(sleep)).await;
    }
    Ok(())
}

/// Whether a tick has passed since the last run; without one it is due at once.
fn due(cron: &Cron, last: Option<WallTime>, now: WallTime) -> bool {
    match last {
        None => true,
        // After the clock was set back, the last run lies ahead: it does not count.
        Some(last) if last > now => true,
        Some(last) => next(cron, last).is_some_and(|next| next <= now),
    }
}

/// The first tick after a time; `None` for an expression that never ticks again.
fn next(cron: &Cron, after: WallTime) -> Option<WallTime> {
    let after = DateTime::<Utc>::from_timestamp_millis(after.0)?;
    let next = cron.find_next_occurrence(&after, false).ok()?;
    Some(WallTime(next.timestamp_millis()))
}

fn until(now: WallTime, then: WallTime) -> Duration {
    Duration::from_millis(u64::try_from(then.0 - now.0).unwrap_or(0))
}
