//! The batch layer put together: archive, then jobs, each run recorded.

mod deletions;
mod verify;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use pulso_lake::Lake;
use pulso_model::{Day, DayRange, EventTime, Session, ViewDocument, WallTime};
use pulso_pipeline::{BatchViews, Checkpoint, Clock, Sink, Source, Views, observe};
use pulso_runtime::config::Retention;
use pulso_runtime::{Config, Explain, ExplainExt, FailureExt, chain};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::archive::{ArchiveOptions, Until, archive};
use crate::lock::lock;
use crate::plan::refuse_wrong_jobs;
use crate::retain::{Ages, Removals, retain};
use crate::runs::{Journal, Outcome, Run};
use crate::schedule::{Task, Work};
use crate::{BatchError, Completeness, Computation, Days, Engine, Job, Resources, WindowSettings};
use deletions::DELETIONS;

/// The name of the archive among the runs.
pub(crate) const ARCHIVE: &str = "archive";

/// The name of the retention among the runs.
const RETAIN: &str = "retain";

/// How the batch layer works.
#[derive(Clone, Debug)]
pub struct LayerOptions {
    pub windows: WindowSettings,
    pub resources: Resources,
    pub archive: ArchiveOptions,
    pub completeness: Completeness,
    pub retention: Retention,
    /// Whether deletions are honoured, of streams that know of them.
    pub honour_deletions: bool,
}

impl LayerOptions {
    /// As configured; temporary files go to `scratch`.
    pub fn new(config: &Config, scratch: PathBuf) -> Self {
        let clamp = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            windows: WindowSettings {
                size: config.window.size,
                slide: config.window.slide,
                baseline: config.trends.baseline,
                count_above: u32::try_from(config.trends.count_above).unwrap_or(u32::MAX),
                mute: config.trends.mute.clone(),
                unusual_from: config.trends.unusual_from,
                terms_max: clamp(config.trends.terms_max),
                unusual_max: clamp(config.trends.unusual_max),
                scope_terms_max: clamp(config.trends.scope_terms_max),
                scope_unusual_max: clamp(config.trends.scope_unusual_max),
            },
            resources: Resources {
                memory_max: config.batch.memory_max.as_usize(),
                threads: config.batch.cores(),
                scratch,
            },
            archive: ArchiveOptions::from(&config.archive),
            completeness: Completeness {
                max_out_of_orderness: config.window.max_out_of_orderness,
                idle_timeout: config.window.idle_timeout,
            },
            retention: config.retention,
            honour_deletions: config.honour_deletions,
        }
    }
}

/// Which days jobs compute. Views as of now are computed as a whole, whatever is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All days of the lake; the input is at its end, so all are complete.
    Everything,
    /// The days of the lake in a range.
    Range(DayRange),
    /// Days that changed, or became complete, since the job last succeeded.
    Changed,
}

/// Archives and computes, over a log, a lake and a view store.
#[derive(Debug)]
pub struct BatchLayer<S, V, C> {
    source: S,
    lake: Lake,
    views: V,
    journal: Journal<V>,
    /// All of the stream.
    jobs: Arc<[Job]>,
    clock: C,
    options: LayerOptions,
    shutdown: CancellationToken,
}

impl<S, V, C> BatchLayer<S, V, C>
where
    S: Source,
    V: Views + BatchViews + Sink<ViewDocument> + Sync,
    C: Clock,
{
    pub fn new(
        source: S,
        lake: Lake,
        views: V,
        clock: C,
        options: LayerOptions,
        shutdown: CancellationToken,
    ) -> Self {
        let journal = Journal::new(lake.stream().name, views.clone());
        let jobs = Job::all(lake.stream()).into();
        Self { source, lake, views, journal, jobs, clock, options, shutdown }
    }

    /// The jobs of the stream.
    pub fn jobs(&self) -> Arc<[Job]> {
        Arc::clone(&self.jobs)
    }

    /// Checks the stream's own queries, and marks what an earlier program left unfinished. Before the
    /// first run.
    ///
    /// # Errors
    /// When a query does not give the declared fields, another program is at it for too long, the folder
    /// cannot be written, or the view store fails.
    pub async fn recover(&mut self) -> anyhow::Result<()> {
        refuse_wrong_jobs(self.lake.stream(), &self.options).await?;
        let _lock = self.lock().await?;
        Ok(self.journal.fail_interrupted().await?)
    }

    /// Brings what is in the log by now into the lake; returns how many messages.
    ///
    /// # Errors
    /// When the log or the lake fails; what was committed stays.
    pub async fn archive(&mut self, progress: impl FnMut(u64) + Send) -> anyhow::Result<u64> {
        let _lock = self.lock().await?;
        let run = self.start(ARCHIVE).await?;
        let archived = self.archive_run(progress).await;
        self.end(run, archived).await
    }

    /// Computes jobs one after the other; returns the number of documents of each. A job that fails
    /// does not keep the others from running; the first error is returned at the end.
    ///
    /// # Errors
    /// When the lake, a query or the view store fails.
    pub async fn run_jobs(
        &mut self,
        jobs: &[Job],
        selection: Selection,
        mut progress: impl FnMut(&Job) + Send,
    ) -> anyhow::Result<BTreeMap<&'static str, u64>> {
        let _lock = self.lock().await?;
        self.lake.refresh().await.explained()?;
        let engine = self.engine().await?;
        let work = self.select(&engine, jobs, selection).await;
        let work = self.explain(work)?;
        let mut computations = BTreeMap::new();
        let mut rows = BTreeMap::new();
        let mut result = Ok(());
        for due in &work {
            if self.shutdown.is_cancelled() {
                break;
            }
            let job = &due.job;
            progress(job);
            let run = self.start(job.name()).await?;
            let done = self.job_run(&engine, &work, &mut computations, due).await;
            let done = self.explain(done);
            match self.end(run, done).await {
                Ok(count) => drop(rows.insert(job.name(), count)),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result.map(|()| rows)
    }

    /// Removes what is past its age. Without a checkpoint of the speed layer the lake keeps all.
    ///
    /// # Errors
    /// When the lake or the view store fails; what was removed by then stays so.
    pub async fn retain(&mut self, checkpoint: Option<&Checkpoint>) -> anyhow::Result<Removals> {
        let _lock = self.lock().await?;
        let run = self.start(RETAIN).await?;
        let removed = self.retain_run(checkpoint).await;
        let removed = self.explain(removed);
        let mut removals = Removals::default();
        let done = removed.map(|removed| {
            removals = removed;
            let rows = removed.views + removed.lake_files;
            let (days, version) = (BTreeSet::new(), Some(self.lake.version()));
            Done { rows, days, version, completion: None }
        });
        self.end(run, done).await.map(|_| removals)
    }

    /// During a run no other program runs anything with the same temporary files.
    async fn lock(&mut self) -> anyhow::Result<File> {
        lock(&self.options.resources.scratch, &self.shutdown).await
    }

    async fn engine(&mut self) -> anyhow::Result<Engine> {
        let table = self.lake.table_provider().await.explained()?;
        let retained = self.lake.retained(self.source.partitions()).await.explained()?;
        let stream = self.lake.stream();
        let engine =
            Engine::new(stream, table, self.options.windows.clone(), &self.options.resources)?;
        let event_times = self.lake.event_times().explained()?;
        Ok(engine.with_retained(retained).with_event_times(event_times))
    }

    async fn retain_run(&mut self, checkpoint: Option<&Checkpoint>) -> anyhow::Result<Removals> {
        self.lake.refresh().await.explained()?;
        let engine = self.engine().await?;
        let until = self.complete_until().await?;
        let Some(today) = until.map(EventTime::day) else { return Ok(Removals::default()) };
        let Self { lake, views, options, clock, .. } = self;
        let replaced_files = options.archive.replaced_files_kept;
        let ages = Ages { retention: &options.retention, replaced_files, today };
        retain(lake, &engine, views, checkpoint, ages, clock.now()).await
    }

    /// Up to when the lake holds everything.
    async fn complete_until(&mut self) -> anyhow::Result<Option<EventTime>> {
        let partitions = self.source.partitions();
        let archived = self.lake.archived(partitions).await?;
        Ok(self.options.completeness.until(&archived))
    }

    async fn archive_run(&mut self, progress: impl FnMut(u64) + Send) -> anyhow::Result<Done> {
        let Self { source, lake, options, clock, shutdown, .. } = self;
        let (options, stop) = (&options.archive, shutdown.clone());
        let summary =
            archive(source, lake, options, Until::EndOfLog, clock, stop, progress).await?;
        let days = summary.days;
        Ok(Done { rows: summary.rows, days, version: Some(lake.version()), completion: None })
    }

    /// The days that each job has to compute.
    async fn select(
        &mut self,
        engine: &Engine,
        jobs: &[Job],
        selection: Selection,
    ) -> anyhow::Result<Vec<Due>> {
        // What was removed is not computed again from what is left of it.
        let kept = |day: &Day| Some(*day) >= engine.retained().kept_from;
        let lake_days = self.lake.days().explained()?;
        let lake_days: BTreeSet<Day> = lake_days.into_keys().filter(kept).collect();
        let mut all = with_following(engine, &lake_days).await?;
        all.retain(kept);
        let complete_until = match selection {
            Selection::Everything => Some(EventTime(*EventTime::RANGE.end())),
            _ => self.complete_until().await?,
        };
        let last = match selection {
            Selection::Changed => {
                let names: Vec<_> = jobs.iter().map(Job::name).collect();
                self.journal.last_successes(&names).await?
            }
            Selection::Everything | Selection::Range(_) => BTreeMap::new(),
        };
        let mut work = Vec::new();
        for job in jobs {
            let days = match selection {
                Selection::Range(range) if job.by_day() => {
                    all.range(range.first..=range.last).copied().collect()
                }
                Selection::Everything | Selection::Range(_) => all.clone(),
                Selection::Changed => {
                    changed(&self.lake, job, last.get(job.name()), &all, complete_until).await?
                }
            };
            let whole = !matches!(selection, Selection::Range(_)) || days == all;
            work.push(Due { job: job.clone(), days: Days { days, complete_until }, whole });
        }
        Ok(work)
    }

    /// The first job with something to do reads what those have in common that read the same.
    async fn job_run(
        &mut self,
        engine: &Engine,
        work: &[Due],
        computations: &mut BTreeMap<(bool, bool), Computation<V>>,
        Due { job, days, whole }: &Due,
    ) -> anyhow::Result<Done> {
        let rows = if days.days.is_empty() {
            0
        } else {
            let affected: BTreeSet<Day> =
                work.iter().flat_map(|due| &due.days.days).copied().collect();
            let event_times = engine.event_times().await?;
            // Views as of now read the whole lake; those of days join in only when all days are affected.
            let all = event_times.keys().all(|day| affected.contains(day));
            let whole_lake = all || !job.by_day();
            // Sessions look back further: the others are not to read that, too.
            let kind = (whole_lake, !whole_lake && job.of_sessions());
            let computation = match computations.entry(kind) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let same = |due: &&Due| {
                        let alike = due.job.by_day() == job.by_day()
                            && (whole_lake || due.job.of_sessions() == job.of_sessions());
                        all || alike
                    };
                    let jobs: Vec<_> =
                        work.iter().filter(same).map(|due| due.job.clone()).collect();
                    let (views, shutdown) = (self.views.clone(), self.shutdown.clone());
                    let prepared =
                        Computation::prepare(engine, &jobs, &affected, views, shutdown).await;
                    entry.insert(prepared?)
                }
            };
            computation.run(job, days).await?
        };
        Ok(Done {
            rows,
            days: days.days.clone(),
            version: whole.then(|| self.lake.version()),
            completion: days.complete_until.map(|until| (until, days.last_completed())),
        })
    }

    /// Says what to do about a query that failed.
    fn explain<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let Err(error) = result else { return result };
        match error.chain().find_map(|cause| cause.downcast_ref::<BatchError>()) {
            Some(query) if query.out_of_memory() => {
                Err(error).hint("raise `batch.memory_max`, or compute fewer days at a time")
            }
            Some(query @ (BatchError::ReadLake { .. } | BatchError::Compute { .. })) => {
                let Some(damage) = self.lake.damage() else { return Err(error) };
                Err(damage.explained().context(query.to_string()))
            }
            _ => Err(error),
        }
    }

    async fn start(&mut self, job: &str) -> anyhow::Result<(Run, Instant)> {
        let run = self.journal.start(job, self.clock.now());
        self.journal.record(&run).await?;
        Ok((run, Instant::now()))
    }

    async fn end(
        &mut self,
        (mut run, begun): (Run, Instant),
        done: anyhow::Result<Done>,
    ) -> anyhow::Result<u64> {
        run.ended = Some(EventTime(self.clock.now().0));
        let result = match done {
            Ok(Done { rows, days, version, completion }) => {
                run.outcome = Outcome::Succeeded;
                run.rows = Some(rows);
                run.first_day = days.first().copied();
                run.last_day = days.last().copied();
                run.lake_version = version;
                run.complete_until = completion.map(|(until, _)| until);
                run.completed_day = completion.and_then(|(_, day)| day);
                Ok(rows)
            }
            Err(error) => {
                run.outcome = Outcome::Failed;
                run.error = Some(chain(&*error).to_string());
                Err(error.context(format!("run `{}` failed", run.run)))
            }
        };
        self.journal.record(&run).await?;
        let (stream, outcome) = (self.lake.stream().name, run.outcome.name());
        observe::batch_run(stream, &run.job, outcome, begun.elapsed());
        result
    }
}

/// What a job has to do.
struct Due {
    job: Job,
    days: Days,
    /// Whether nothing else is left to do for it after that: days that somebody chose say nothing of the
    /// others.
    whole: bool,
}

/// What a run that succeeded did.
struct Done {
    rows: u64,
    days: BTreeSet<Day>,
    /// The lake's, of which nothing is left to do.
    version: Option<u64>,
    /// Up to when the lake holds everything, and the last day that was completed.
    completion: Option<(EventTime, Option<Day>)>,
}

/// The days of the lake, and each day into which windows or sessions of the day before reach.
async fn with_following(engine: &Engine, days: &BTreeSet<Day>) -> anyhow::Result<BTreeSet<Day>> {
    let size = i64::try_from(engine.windows().size.as_millis()).unwrap_or(i64::MAX);
    let gaps = engine.stream().sessions.iter().map(Session::gap_ms);
    let size = gaps.fold(size, i64::max);
    let event_times = engine.event_times().await?;
    let late = event_times.iter().filter(|(day, times)| times.last.0 >= day.end().0 - size);
    Ok(days.iter().copied().chain(late.map(|(day, _)| day.next())).collect())
}

/// What a job has to compute again: days with new rows, the days after them into which these reach, and
/// days that have become complete.
async fn changed(
    lake: &Lake,
    job: &Job,
    last: Option<&Run>,
    all: &BTreeSet<Day>,
    complete_until: Option<EventTime>,
) -> anyhow::Result<BTreeSet<Day>> {
    let Some((run, version)) = last.and_then(|run| Some((run, run.lake_version?))) else {
        return Ok(all.clone());
    };
    let new = lake
        .days_changed_since(version)
        .await
        .explained()
        .context("failed to find what changed")?;
    let became_complete = |day: &Day| {
        let complete = |until: Option<EventTime>| until.is_some_and(|until| day.end() <= until);
        complete(complete_until) && !complete(run.complete_until)
    };
    let again = new.iter().flat_map(|day| (day.0..=job.changes_until(*day).0).map(Day));
    Ok(again
        .chain(all.iter().copied().filter(became_complete))
        .filter(|day| all.contains(day))
        .collect())
}

impl<S, V, C> Work for BatchLayer<S, V, C>
where
    S: Source,
    V: Views + BatchViews + Sink<ViewDocument> + Sync,
    C: Clock,
{
    async fn last_success(&mut self, task: Task) -> anyhow::Result<Option<WallTime>> {
        let jobs = self.jobs();
        let names: Vec<&str> = match task {
            Task::Archive => vec![ARCHIVE],
            Task::Jobs => jobs.iter().map(Job::name).collect(),
            Task::Retain => vec![RETAIN],
            Task::Deletions => vec![DELETIONS],
        };
        let last = self.journal.last_successes(&names).await?;
        let oldest = last.values().map(|run| WallTime(run.started.0)).min();
        // One that never succeeded is due, whatever the others did.
        Ok(oldest.filter(|_| last.len() == names.len()))
    }

    async fn run(&mut self, task: Task) -> anyhow::Result<()> {
        match task {
            Task::Archive => self.archive(|_| ()).await.map(drop),
            Task::Jobs => self.run_jobs(&self.jobs(), Selection::Changed, |_| ()).await.map(drop),
            // The lake keeps all for whoever knows no checkpoint.
            Task::Retain => self.retain(None).await.map(drop),
            Task::Deletions => self.honour_deletions().await.map(drop),
        }
    }
}
