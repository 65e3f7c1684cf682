//! The command line of the program `pulso-acquisition`.

mod log;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use pulso_pipeline::{AdapterError, SystemClock};
use pulso_runtime::config::Source;
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt};
use pulso_sqlite::Log;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::websocket::Tcp;
use crate::{Error, FileError, FileInput, INPUT_HINT, Input, Pace, Recording, TlsError, run};

/// Brings messages from websockets and files into the log.
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
    /// Store messages until told to stop, or until the files end
    Run(RunArgs),
    /// Check the configuration and connect to every source; changes nothing
    Check,
}

#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The directory of the log, made when missing [default: `data.directory` of the configuration]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Read this file (plain, gzip or zstd; `-` is standard input) instead of the configured sources;
    /// may be repeated
    #[arg(long, value_name = "PATH")]
    pub file: Vec<FileInput>,

    /// How fast to read files: `max`, `realtime`, or messages per second
    #[arg(long, default_value = "max", requires = "file")]
    pub pace: Pace,
}

const CERTIFICATES_HINT: &str =
    "`acquisition.trusted_certificates` names a file with `-----BEGIN CERTIFICATE-----`";

/// Does what the command line says.
///
/// # Errors
/// With exit code 2 when the configuration is wrong or names no source, 3 when a source or the log
/// is not available, 4 when there is nothing to read.
pub async fn execute(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut config = args.common.start()?;
    match args.command {
        Command::Check => check(&config).await,
        Command::Run(args) => {
            if let Some(directory) = &args.data {
                config.data.directory.clone_from(directory);
            }
            // Before the log is made: a file that is missing must not leave one with the others
            // behind.
            let inputs = inputs(args, &config)?;
            let log = log::open(&config)?;
            log::explained(store(inputs, config, log, shutdown).await)
        }
    }
}

async fn store(
    inputs: Vec<Input>,
    config: Config,
    log: Log,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let finite = inputs.iter().all(|input| matches!(input, Input::Recording(_)));
    let positions = log.clone();
    let last_stored = move |source: Arc<str>| {
        let log = positions.clone();
        async move { log.last_stored_mtime(&source).await }
    };
    let stopping = shutdown.clone();
    let running = run(inputs, log, last_stored, SystemClock, config.acquisition, shutdown);
    let summary = running.await.or_else(explained)?;
    info!(stored = summary.stored, "stored all messages");
    if finite && summary.stored == 0 && !stopping.is_cancelled() {
        return Err(anyhow!("there was nothing in the files")).exit(Exit::NoInput).hint(INPUT_HINT);
    }
    Ok(())
}

/// Connects to every source of the configuration and says on standard output how that went.
async fn check(config: &Config) -> anyhow::Result<()> {
    let sources = sources(config)?;
    // What is wrong for all sources is said once.
    Tcp::new(&config.acquisition).or_else(|error| explained(Error::<Infallible>::Tls(error)))?;
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
            .hint("standard output says why; look at each `url`, and whether its source is up");
    }
    Ok(())
}

fn inputs(args: RunArgs, config: &Config) -> anyhow::Result<Vec<Input>> {
    if args.file.is_empty() {
        return Ok(sources(config)?.into_iter().map(Input::Websocket).collect());
    }
    let recording = |input: FileInput| {
        input.check().exit(Exit::NoInput).hint(INPUT_HINT)?;
        let name: Arc<str> = input.name().into();
        Ok(Input::Recording(Recording::new(name, input, args.pace)))
    };
    args.file.into_iter().map(recording).collect()
}

fn sources(config: &Config) -> anyhow::Result<Vec<Source>> {
    if config.acquisition.sources.is_empty() {
        return Err(anyhow!("no source is configured"))
            .exit(Exit::Usage)
            .hint("add `[[acquisition.sources]]` to the configuration, or name a `--file`");
    }
    Ok(config.acquisition.sources.clone())
}

/// Gives an error its exit code and, unless only the log knows it, its hint.
fn explained<T, E: AdapterError>(error: Error<E>) -> anyhow::Result<T> {
    let (exit, hint) = match &error {
        Error::File(FileError::Open { .. }) => (Exit::NoInput, Some(INPUT_HINT)),
        Error::File(FileError::Read { .. } | FileError::GoBack) => {
            let hint = "all lines before that are stored; read the whole file once it is mended: \
                        what is there twice counts once";
            (Exit::Internal, Some(hint))
        }
        Error::Tls(TlsError::SetUp { .. }) => (Exit::Internal, None),
        Error::Tls(_) => (Exit::Usage, Some(CERTIFICATES_HINT)),
        Error::Store { .. } | Error::LastStored { .. } => (Exit::Unavailable, None),
    };
    Err(error).exit(exit).hint_if_any(hint)
}
