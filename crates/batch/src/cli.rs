//! The command line of the program `pulso-batch`, over the embedded log and views.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use pulso_lake::Lake;
use pulso_model::{Day, DayRange};
use pulso_pipeline::{Checkpoints, SPEED_CHECKPOINT, SystemClock};
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt};
use pulso_sqlite::{LogSource, ViewStore};
use tokio_util::sync::CancellationToken;

use crate::{BatchLayer, JOBS, Job, LayerOptions, Selection, schedule};

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
    /// Bring what is in the log by now into the lake
    Archive,
    /// Compute views from the lake
    Run(RunArgs),
    /// Check that no message was lost or counted twice, and that both layers agree
    Verify,
    /// Archive and compute whenever the configuration says so, until told to stop
    Schedule,
    /// List the jobs
    List,
    /// Check the configuration, the folder and the jobs; changes nothing
    Check,
}

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A job as `list` shows it, or `all`
    pub job: Jobs,

    /// The first UTC day, such as `2017-03-19` [default: the first of the lake]
    #[arg(long, value_name = "DAY")]
    pub from: Option<Day>,

    /// The last UTC day [default: the last of the lake]
    #[arg(long, value_name = "DAY")]
    pub to: Option<Day>,
}

/// One job, or all.
#[derive(Clone, Debug)]
pub struct Jobs(Vec<Job>);

impl FromStr for Jobs {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "all" {
            return Ok(Self(JOBS.to_vec()));
        }
        let known = || JOBS.map(|job| job.name()).join("`, `");
        let job = Job::named(name).ok_or_else(|| format!("the jobs are `all`, `{}`", known()))?;
        Ok(Self(vec![job]))
    }
}

/// Does what the arguments say.
///
/// # Errors
/// With exit code 1 when `verify` finds a difference, 2 for wrong days, 3 when a store fails, 4
/// without input.
pub async fn execute(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut config = args.common.start()?;
    if let Some(data) = args.data {
        config.data.directory = data;
    }
    match args.command {
        Command::Archive => {
            let rows = layer(&config, &shutdown).await?.archive(|_| ()).await?;
            print(&format!("{rows} messages archived\n"))
        }
        Command::Run(run) => compute(&config, run, &shutdown).await,
        Command::Verify => verify(&config, &shutdown).await,
        Command::Schedule => {
            let layer = layer(&config, &shutdown).await?;
            schedule(layer, &config.schedule, SystemClock, shutdown).await
        }
        Command::List => {
            let line = |job: &Job| format!("{}: {}\n", job.name(), job.description());
            print(&JOBS.iter().map(line).collect::<String>())
        }
        Command::Check => check(&config).await,
    }
}

async fn compute(
    config: &Config,
    RunArgs { job: Jobs(jobs), from, to }: RunArgs,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let range =
        DayRange { first: from.unwrap_or(Day(i32::MIN)), last: to.unwrap_or(Day(i32::MAX)) };
    if range.first > range.last {
        let message = format!("the days from `{}` to `{}` are none", range.first, range.last);
        return Err(anyhow!(message)).exit(Exit::Usage).hint("give the earlier day to `--from`");
    }
    let mut layer = layer(config, shutdown).await?;
    let rows = layer.run_jobs(&jobs, Selection::Range(range), |_| ()).await?;
    print(&rows.iter().map(|(job, rows)| format!("{job}: {rows} documents\n")).collect::<String>())
}

async fn verify(config: &Config, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let checkpoint = views(config)?.checkpoints(SPEED_CHECKPOINT).load().await;
    let checkpoint = checkpoint
        .exit(Exit::Unavailable)?
        .ok_or_else(|| {
            anyhow!("the speed layer has no checkpoint in `{}`", folder(config).display())
        })
        .exit(Exit::NoInput)
        .hint("run the speed layer first")?;
    let mut layer = layer(config, shutdown).await?;
    layer.archive(|_| ()).await?;
    let report = layer.verify(&checkpoint).await?;
    print(&report.to_string())?;
    if report.holds() { Ok(()) } else { Err(anyhow!("the layers differ")).exit(Exit::Internal) }
}

async fn check(config: &Config) -> anyhow::Result<()> {
    let path = folder(config).join("log.db");
    LogSource::open_read_only(&path, config.log.batch_records).exit(Exit::NoInput)?;
    print(&format!("log `{}`: ok\n", path.display()))?;
    let path = lake_path(config);
    if path.exists() {
        let lake = Lake::open(&path).await.exit(Exit::Unavailable)?;
        print(&format!("lake `{}`: ok, version {}\n", path.display(), lake.version()))?;
    } else {
        print(&format!("lake `{}`: not there yet, will be made\n", path.display()))?;
    }
    print("configuration: ok\n")
}

async fn layer(
    config: &Config,
    shutdown: &CancellationToken,
) -> anyhow::Result<BatchLayer<LogSource, ViewStore, SystemClock>> {
    let path = folder(config).join("log.db");
    let source = LogSource::open_read_only(&path, config.log.batch_records)
        .with_context(|| format!("there is no log in `{}`", folder(config).display()))
        .exit(Exit::NoInput)
        .hint("name the folder with `--data DIR`")?;
    let lake = Lake::open_or_create(lake_path(config)).await.exit(Exit::Unavailable)?;
    let scratch = folder(config).join("scratch");
    std::fs::create_dir_all(&scratch)
        .with_context(|| format!("failed to create `{}`", scratch.display()))
        .exit(Exit::Unavailable)?;
    let options = LayerOptions::new(config, scratch);
    let mut layer =
        BatchLayer::new(source, lake, views(config)?, SystemClock, options, shutdown.clone());
    layer.recover().await?;
    Ok(layer)
}

fn folder(config: &Config) -> &Path {
    &config.data.directory
}

fn lake_path(config: &Config) -> PathBuf {
    folder(config).join("lake").join("messages")
}

fn views(config: &Config) -> anyhow::Result<ViewStore> {
    let path = folder(config).join("views.db");
    ViewStore::open(&path).or_else(|error| {
        let hint = error.hint();
        Err(error).exit(Exit::Unavailable).hint_if_any(hint)
    })
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("failed to write to standard output")
}
