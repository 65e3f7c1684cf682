//! The command line of the program `pulso-acquisition`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use pulso_pipeline::{SystemClock, observe};
use pulso_runtime::config::{self, LogStore, Source};
use pulso_runtime::health::{Health, Watched};
use pulso_runtime::operations::{Operations, healthcheck};
use pulso_runtime::stores::{self, LogWriter};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, run_app};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::websocket::Tcp;
use crate::{
    AtLimit, FileInput, INPUT_HINT, Input, Options, Pace, Recording, Spool, SpooledLog, run,
    run_spooled,
};

/// Stores messages from websockets and files in the log.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    #[command(flatten)]
    pub common: CommonArgs,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store messages until stopped, or until the files end
    Run(RunArgs),
    /// Check the configuration and connect to every source, without changing anything
    Check,
    /// Ask the running service whether it is healthy: exits with 0 if it is, otherwise with 1
    Healthcheck,
}

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The data directory, created if it does not exist [default: `data.directory` of the
    /// configuration]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Read this file instead of the configured sources: plain, gzip or zstd; `-` is standard input.
    /// May be repeated
    #[arg(long, value_name = "PATH")]
    pub file: Vec<FileInput>,

    /// How fast to read files: `max`, `realtime`, or messages per second
    #[arg(long, default_value = "max", requires = "file")]
    pub pace: Pace,
}

/// Where the endpoints for operators are configured.
const LISTEN_KEY: &str = "operations.acquisition";

/// The whole program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let args = Args::parse();
    run_app(|shutdown| execute(args, shutdown))
}

/// Does what the command line says.
///
/// # Errors
/// With exit code 2 when the configuration is wrong or names no source, 3 when a source or the log
/// is not available, 4 when there is nothing to read.
pub async fn execute(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut config = args.common.start()?;
    match args.command {
        Command::Check => check(&config).await,
        Command::Healthcheck => healthcheck(config.operations.acquisition, LISTEN_KEY).await,
        Command::Run(args) => {
            if let Some(directory) = &args.data {
                config.data.directory.clone_from(directory);
            }
            // Before the log is made: a file that is missing must not leave one with the others
            // behind.
            let inputs = inputs(args, &config)?;
            let health = Health::default();
            let listen = config.operations.acquisition.filter(|_| !finite(&inputs));
            let operations = Operations::start(listen, LISTEN_KEY, &health).await?;
            operations.during(Box::pin(store(inputs, config, &health, shutdown))).await
        }
    }
}

fn finite(inputs: &[Input]) -> bool {
    inputs.iter().all(|input| matches!(input, Input::Recording(_)))
}

async fn store(
    inputs: Vec<Input>,
    config: Config,
    health: &Health,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let (finite, stopping) = (finite(&inputs), shutdown.clone());
    let log = LogWriter::open(&config).explained()?;
    let stored = match config.log.store {
        LogStore::Embedded => straight(inputs, config, log, health, shutdown).await?,
        LogStore::Kafka => spooled(inputs, config, log, health, shutdown).await?,
    };
    info!(stored, "stored all messages");
    if finite && stored == 0 && !stopping.is_cancelled() {
        return Err(anyhow!("the files contain no messages")).exit(Exit::NoInput).hint(INPUT_HINT);
    }
    Ok(())
}

/// Into a log on this machine, which is not away.
async fn straight(
    inputs: Vec<Input>,
    config: Config,
    log: LogWriter,
    health: &Health,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    let positions = log.clone();
    let last_stored = move |source: Arc<str>| {
        let log = positions.clone();
        async move { log.last_cursor(&source).await }
    };
    let log = Watched::new(log, "log", health);
    let options = Options { decoder: config.decoder(), acquisition: config.acquisition };
    let running = run(inputs, log, last_stored, SystemClock, options, shutdown);
    Ok(running.await.explained()?.stored)
}

/// Into a log on servers, with a spool for the time that they are away.
async fn spooled(
    inputs: Vec<Input>,
    config: Config,
    log: LogWriter,
    health: &Health,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    let (stream, directory) = (config.stream().name, config.spool_directory());
    stores::make(&directory).explained()?;
    let spool = Spool::open(&directory.join("spool.db"), config.spool.bytes_max.0).explained()?;
    observe::spool_limit(stream, config.spool.bytes_max.0);
    let at_limit = match config.spool.at_limit {
        config::AtLimit::Wait => AtLimit::Wait,
        config::AtLimit::Drop => AtLimit::Drop,
    };
    let positions = log.clone();
    let log = SpooledLog::open(stream, Watched::new(log, "log", health), spool, at_limit).await;
    let log = log.explained()?;
    let handle = log.handle();
    let last_stored = move |source: Arc<str>| {
        let (log, handle) = (positions.clone(), handle.clone());
        async move { handle.last_stored(&source, log.last_cursor(&source)).await }
    };
    let options = Options { decoder: config.decoder(), acquisition: config.acquisition };
    let running = run_spooled(inputs, log, last_stored, SystemClock, options, shutdown);
    let summary = running.await.explained()?;
    Ok(summary.stored)
}

/// Connects to every source of the configuration and says on standard output how that went.
async fn check(config: &Config) -> anyhow::Result<()> {
    if let Some(line) = stores::check_log(config).await? {
        println!("{line}");
    }
    let sources = sources(config)?;
    // What is wrong for all sources is said once.
    Tcp::new(&config.acquisition).explained()?;
    let mut failed = 0;
    for source in &sources {
        match crate::check(source, &config.acquisition).await {
            Ok(()) => println!("{}: ok", source.name),
            Err(error) => {
                failed += 1;
                println!("{}: {error:#}", source.name);
            }
        }
    }
    if failed > 0 {
        let count = sources.len();
        return Err(anyhow!("failed to connect to {failed} of {count} sources"))
            .exit(Exit::Unavailable)
            .hint(
                "see standard output for the reasons; check each `url`, and that its source runs",
            );
    }
    Ok(())
}

fn inputs(args: RunArgs, config: &Config) -> anyhow::Result<Vec<Input>> {
    if args.file.is_empty() {
        return Ok(sources(config)?.into_iter().map(Input::Websocket).collect());
    }
    let recording = |input: FileInput| {
        input.check().explained()?;
        let name: Arc<str> = input.name().into();
        Ok(Input::Recording(Recording::new(name, input, args.pace)))
    };
    args.file.into_iter().map(recording).collect()
}

fn sources(config: &Config) -> anyhow::Result<Vec<Source>> {
    if config.acquisition.sources.is_empty() {
        return Err(anyhow!("no source is configured")).exit(Exit::Usage).hint(
            "add `[[acquisition.sources]]` to the configuration, or name a file with `--file`",
        );
    }
    Ok(config.acquisition.sources.clone())
}
