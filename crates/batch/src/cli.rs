//! The command line of the program `pulso-batch`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use pulso_model::{Day, DayRange, WallTime};
use pulso_pipeline::{Checkpoints, SystemClock, observe};
use pulso_runtime::config::{self, Schedule};
use pulso_runtime::health::{Health, Watched};
use pulso_runtime::operations::{Operations, healthcheck};
use pulso_runtime::stores::{self, CheckpointStore, LogReader, Opener, Reading, ViewStore};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, in_turn, run_app, together};
use tokio_util::sync::CancellationToken;

use crate::layer::ARCHIVE;
use crate::{
    BatchLayer, EraseArgs, Job, Reports, Selection, Task, Turn, Work, erase, find_lake, open,
    schedule,
};

/// Where the endpoints for operators are configured.
const LISTEN_KEY: &str = "operations.batch";

/// Archives messages and computes exact views from the archive.
#[derive(Debug, Parser)]
#[command(name = "pulso-batch", version)]
pub struct Args {
    #[command(flatten)]
    pub common: CommonArgs,

    /// The folder with the log, the lake and the views [default: `data.directory`]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Copy everything that is in the log now to the lake
    Archive,
    /// Compute views from the lake
    Run(RunArgs),
    /// Check that no message was lost or counted twice, and that both layers agree
    Verify,
    /// Remove views, journals and days of the lake that are older than `retention`, and set the
    /// retention of Kafka's topics to `kafka.retention`
    Retain,
    /// Take out of the lake what people have deleted, of streams with `honour_deletions`
    HonourDeletions,
    /// Archive messages and compute views on the configured schedule, until stopped
    Schedule,
    /// Remove a person from all that is stored of a stream, for good. Other programs must not run
    /// meanwhile
    Erase(EraseArgs),
    /// List the jobs
    List,
    /// Check the configuration, the stores and the lake, without changing anything
    Check,
    /// Ask the running schedule whether it is healthy: exits with 0 if it is, otherwise with 1
    Healthcheck,
}

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The name of a job, as shown by `list`, or `all`
    pub job: String,

    /// The first UTC day, such as `2017-03-19` [default: the first day in the lake]
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,

    /// The last UTC day [default: the last day in the lake]
    #[arg(long, value_name = "DAY")]
    pub to: Option<Day>,
}

/// The jobs of a name, of the streams that have some of it: one, or `all`.
fn named(streams: Vec<Config>, name: &str) -> anyhow::Result<Vec<(Config, Vec<Job>)>> {
    let mut known = Vec::new();
    let mut found = Vec::new();
    for config in streams {
        let jobs = Job::all(config.stream());
        known.extend(jobs.iter().map(Job::name));
        let meant: Vec<_> =
            jobs.into_iter().filter(|job| name == "all" || job.name() == name).collect();
        found.push((config, meant));
    }
    found.retain(|(_, jobs)| !jobs.is_empty());
    if found.is_empty() {
        return Err(anyhow!("there is no job `{name}`"))
            .exit(Exit::Usage)
            .hint(format!("the jobs are `all`, `{}`", known.join("`, `")));
    }
    Ok(found)
}

/// The whole program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let args = Args::parse();
    run_app(|shutdown| execute(args, shutdown))
}

/// Does what the arguments say.
///
/// # Errors
/// With exit code 1 when `verify` finds a difference, 2 for wrong days, 3 when a store fails, 4
/// without input, or when of a layer there was nothing for `verify` to compare.
pub async fn execute(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut config = args.common.start()?;
    if let Some(data) = args.data {
        config.data.directory = data;
    }
    let streams = config.each_stream();
    match args.command {
        Command::Archive => {
            each(streams, async |config| {
                let rows = layer(config, &shutdown).await?.archive(|_| ()).await?;
                print(&format!("messages archived: {rows}\n"))
            })
            .await
        }
        Command::Run(run) => compute(streams, run, &shutdown).await,
        Command::Verify => {
            let all_read = !args.common.stream.is_empty();
            let stopped = || Err(anyhow!("stopped before the end")).exit(Exit::Internal);
            let verified = Box::pin(verify(streams, all_read, &shutdown));
            shutdown.run_until_cancelled(verified).await.unwrap_or_else(stopped)
        }
        Command::Retain => each(streams, async |config| retain(config, &shutdown).await).await,
        Command::HonourDeletions => {
            each(streams, async |config| {
                let changed = layer(config, &shutdown).await?.honour_deletions().await?;
                print(&format!("messages redacted: {changed}\n"))
            })
            .await
        }
        Command::Schedule => {
            let (health, turn) = (Health::default(), Turn::default());
            let operations =
                Operations::start(config.operations.batch, LISTEN_KEY, &health).await?;
            let service = async move |config: Config, shutdown| {
                let health = health.of_stream(&config.stream);
                keep_schedule(config, health, turn, shutdown).await
            };
            let keeping = together(streams, &shutdown, service);
            operations.during(keeping).await.map(drop)
        }
        Command::Healthcheck => healthcheck(config.operations.batch, LISTEN_KEY).await,
        Command::Erase(person) => Box::pin(erase(&config, &args.common.stream, person)).await,
        Command::List => each(streams, async |config| list(config)).await,
        Command::Check => {
            each(streams, async |config| check(config).await).await?;
            print("configuration: ok\n")
        }
    }
}

/// Does something for each stream, under its name where there are several.
async fn each(
    streams: Vec<Config>,
    mut work: impl AsyncFnMut(&Config) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let several = streams.len() > 1;
    in_turn(streams, async |config| {
        heading(config, several)?;
        work(config).await
    })
    .await
}

fn heading(config: &Config, several: bool) -> anyhow::Result<()> {
    if several { print(&format!("stream {}\n", config.stream)) } else { Ok(()) }
}

fn list(config: &Config) -> anyhow::Result<()> {
    let line = |job: &Job| format!("{}: {}\n", job.name(), job.description());
    print(&Job::all(config.stream()).iter().map(line).collect::<String>())
}

async fn compute(
    streams: Vec<Config>,
    RunArgs { job, from, to }: RunArgs,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let range =
        DayRange { first: from.unwrap_or(Day(i32::MIN)), last: to.unwrap_or(Day(i32::MAX)) };
    if range.first > range.last {
        let message = format!("there are no days from `{}` to `{}`", range.first, range.last);
        return Err(anyhow!(message))
            .exit(Exit::Usage)
            .hint("`--from` must not be later than `--to`");
    }
    let (streams, jobs): (_, Vec<_>) = named(streams, &job)?.into_iter().unzip();
    let mut jobs = jobs.into_iter();
    each(streams, async |config| {
        let jobs = jobs.next().expect("each stream has jobs");
        let mut layer = layer(config, shutdown).await?;
        let rows = layer.run_jobs(&jobs, Selection::Range(range), |_| ()).await?;
        let line = |(job, rows): (&&str, &u64)| format!("{job}: {rows} documents\n");
        print(&rows.iter().map(line).collect::<String>())
    })
    .await
}

/// Verifies each stream of which the speed layer has read anything. If `all_read`, that must be all, else
/// one at least.
async fn verify(
    streams: Vec<Config>,
    all_read: bool,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    for config in streams {
        let views = ViewStore::open(&config).await.explained()?;
        match views.speed_checkpoints(&config).load().await.explained()? {
            Some(checkpoint) => read.push((config, checkpoint)),
            None => unread.push(config),
        }
    }
    if let Some(config) = unread.first().filter(|_| all_read || read.is_empty()) {
        return nothing_read(config);
    }
    let mut reports = Reports::default();
    let several = read.len() > 1;
    for (config, checkpoint) in &read {
        heading(config, several)?;
        let report = layer(config, shutdown).await?.verify(checkpoint).await?;
        print(&report.to_string())?;
        reports.add(&config.stream, report);
    }
    reports.conclude()
}

/// The error of a stream of which the speed layer has read nothing yet.
fn nothing_read(config: &Config) -> anyhow::Result<()> {
    let stream = &config.stream;
    let message = match config.views.store {
        config::ViewStore::Embedded => {
            let folder = config.data.directory.display();
            format!("the speed layer has no checkpoint of `{stream}` in `{folder}`")
        }
        config::ViewStore::Elasticsearch => {
            format!("the speed layer has no checkpoint of `{stream}` yet")
        }
    };
    Err(anyhow!(message)).exit(Exit::NoInput).hint("run the speed layer first")
}

async fn retain(config: &Config, shutdown: &CancellationToken) -> anyhow::Result<()> {
    if let Some(line) = stores::retain_log(config).await? {
        print(&format!("{line}\n"))?;
    }
    let views = ViewStore::open(config).await.explained()?;
    let checkpoint = views.speed_checkpoints(config).load().await.explained()?;
    let removals = layer(config, shutdown).await?.retain(checkpoint.as_ref()).await?;
    print(&format!("{removals}\n"))
}

async fn check(config: &Config) -> anyhow::Result<()> {
    match stores::check_log(config).await? {
        Some(line) => print(&format!("{line}\n"))?,
        None => {
            drop(LogReader::open(config, Reading::Shared).await.explained()?);
            print(&format!("log `{}`: ok\n", config.log_path().display()))?;
        }
    }
    if let Some(line) = stores::check_views(config).await? {
        print(&format!("{line}\n"))?;
    }
    let state = match find_lake(config).await? {
        Some(lake) => format!("ok, version {}", lake.version()),
        None => "does not exist yet, will be created".to_owned(),
    };
    print(&format!("lake `{}`: {state}\n", config.lake_path().display()))
}

type Layer = BatchLayer<Watched<LogReader>, Watched<ViewStore>, SystemClock>;

/// The batch layer of a command: what is not there now is an error.
async fn layer(config: &Config, shutdown: &CancellationToken) -> anyhow::Result<Layer> {
    let log = LogReader::open(config, Reading::Shared).await.explained()?;
    let views = ViewStore::open(config).await.explained()?;
    watched(config, log, views, &Health::default(), shutdown).await
}

/// The service, which may be started before its servers.
async fn keep_schedule(
    config: Config,
    health: Health,
    turn: Turn,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let opener = Opener { health: &health, shutdown: &shutdown };
    let log = opener.open("log", async || LogReader::open(&config, Reading::Shared).await);
    let Some(log) = log.await? else { return Ok(()) };
    let views = opener.open("views", async || ViewStore::open(&config).await);
    let Some(views) = views.await? else { return Ok(()) };
    let checkpoints = views.speed_checkpoints(&config);
    observe::batch_scheduled(config.stream().name, ARCHIVE);
    let layer = watched(&config, log, views, &health, &shutdown).await?;
    let retain = config.schedule.retain.clone().filter(|_| !config.retention.keeps_all());
    let crons = Schedule { retain, ..config.schedule.clone() };
    let service = Service { layer, checkpoints };
    schedule(service, &crons, SystemClock, &turn, shutdown).await
}

/// The batch layer beside the checkpoint of the speed layer.
struct Service {
    layer: Layer,
    checkpoints: CheckpointStore,
}

impl Work for Service {
    async fn last_success(&mut self, task: Task) -> anyhow::Result<Option<WallTime>> {
        self.layer.last_success(task).await
    }

    async fn run(&mut self, task: Task) -> anyhow::Result<()> {
        match task {
            Task::Retain => {
                let checkpoint = self.checkpoints.load().await.explained()?;
                self.layer.retain(checkpoint.as_ref()).await.map(drop)
            }
            task => self.layer.run(task).await,
        }
    }
}

async fn watched(
    config: &Config,
    log: LogReader,
    views: ViewStore,
    health: &Health,
    shutdown: &CancellationToken,
) -> anyhow::Result<Layer> {
    let log = Watched::new(log, "log", health);
    let views = Watched::new(views, "views", health);
    open(config, log, views, shutdown.clone()).await
}

pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    printed.context("failed to write to standard output")
}
