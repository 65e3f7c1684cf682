//! The command line of the program `pulso-acquisition`.

use std::sync::Arc;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use pulso_model::EventTime;
use pulso_pipeline::{AdapterError, Message, Sink, SystemClock};
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt};
use tokio_util::sync::CancellationToken;

use crate::{Error, FileError, FileInput, Input, Pace, Recording, run};

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
    /// Read this file (plain, gzip or zstd; `-` is standard input) instead of the configured sources;
    /// may be repeated
    #[arg(long, value_name = "PATH")]
    pub file: Vec<FileInput>,

    /// How fast to read files: `max`, `realtime`, or messages per second
    #[arg(long, default_value = "max", requires = "file")]
    pub pace: Pace,
}

/// Stores what the arguments and the configuration name into a log.
///
/// # Errors
/// With exit code 2 without any source, 3 when the log fails, 4 when a file cannot be opened or
/// nothing was in the files.
pub async fn store<S, L, Looking>(
    args: RunArgs,
    config: Config,
    sink: S,
    last_stored: L,
    shutdown: CancellationToken,
) -> anyhow::Result<()>
where
    S: Sink<Message>,
    L: Fn(Arc<str>) -> Looking + Send + Sync + 'static,
    Looking: Future<Output = Result<Option<EventTime>, S::Error>> + Send,
{
    let finite = !args.file.is_empty();
    let inputs = inputs(args, &config)?;
    let stopping = shutdown.clone();
    let running = run(inputs, sink, last_stored, SystemClock, config.acquisition, shutdown);
    let summary = running.await.map_err(|error| (exit_of(&error), error));
    let summary = summary.or_else(|(exit, error)| Err(error).exit(exit))?;
    tracing::info!(stored = summary.stored, "stored all messages");
    if finite && summary.stored == 0 && !stopping.is_cancelled() {
        return Err(anyhow!("there was nothing in the files")).exit(Exit::NoInput);
    }
    Ok(())
}

/// Connects to every source of the configuration and says on standard output how that went.
///
/// # Errors
/// With exit code 2 without any source, 3 when one does not answer.
pub async fn check(config: &Config) -> anyhow::Result<()> {
    let sources = sources(config)?;
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
            .exit(Exit::Unavailable);
    }
    Ok(())
}

fn inputs(args: RunArgs, config: &Config) -> anyhow::Result<Vec<Input>> {
    if args.file.is_empty() {
        return Ok(sources(config)?.into_iter().map(Input::Websocket).collect());
    }
    let recording = |input: FileInput| {
        let name = match &input {
            FileInput::Standard => "stdin".into(),
            FileInput::Path(path) => path.file_name().unwrap_or_default().to_string_lossy(),
        };
        let name: Arc<str> = name.into();
        Input::Recording(Recording::new(name, input, args.pace))
    };
    Ok(args.file.into_iter().map(recording).collect())
}

fn sources(config: &Config) -> anyhow::Result<Vec<pulso_runtime::config::Source>> {
    if config.acquisition.sources.is_empty() {
        return Err(anyhow!("no source is configured"))
            .exit(Exit::Usage)
            .hint("add `[[acquisition.sources]]` to the configuration, or name a `--file`");
    }
    Ok(config.acquisition.sources.clone())
}

fn exit_of<E: AdapterError>(error: &Error<E>) -> Exit {
    match error {
        Error::File(FileError::Open { .. }) => Exit::NoInput,
        Error::File(FileError::Read { .. } | FileError::GoBack) | Error::Tls(_) => Exit::Internal,
        Error::Store { .. } | Error::LastStored { .. } => Exit::Unavailable,
    }
}
