//! The command line of the program `pulso-speed`.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Parser, Subcommand};
use pulso_file::{FileInput, FileSource, INPUT_HINT, NdjsonError, NdjsonOutput, NdjsonSink};
use pulso_pipeline::memory::MemoryCheckpoints;
use pulso_pipeline::{Checkpoints, SPEED_CHECKPOINT, Source, SystemClock};
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt};
use pulso_sqlite::{CheckpointStore, LogSource, ViewStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{Options, Processor, SpeedError, Status, settings};

/// Keeps realtime views of the log up to date.
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
    /// Keep the views up to date until told to stop, or until the files end
    Run(Ports),
    /// Check the configuration, the input and the checkpoint; changes nothing
    Check(Ports),
}

/// What is read, and where the views go.
#[derive(Debug, clap::Args)]
pub struct Ports {
    /// The folder with the log and the views [default: `data.directory`]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Read messages from files, not from the log: `file:PATH[,PATH...]` (plain, gzip or zstd; `-` is
    /// standard input). They are always read from their start
    #[arg(long, requires = "sink", conflicts_with = "data", value_parser = parse_source)]
    pub source: Option<Files>,

    /// Write the views as lines of JSON: `ndjson:PATH`, or `ndjson:-` for standard output. All of the
    /// input is then read from its start, each time
    #[arg(long, value_parser = parse_sink)]
    pub sink: Option<NdjsonOutput>,
}

/// The inputs of `--source`.
#[derive(Clone, Debug)]
pub struct Files(Vec<FileInput>);

fn parse_source(text: &str) -> Result<Files, String> {
    let paths = text.strip_prefix("file:").filter(|paths| !paths.is_empty());
    let paths = paths.ok_or("it does not look like `file:PATH[,PATH...]`")?;
    let parse = |path: &str| path.parse().unwrap_or_else(|never| match never {});
    Ok(Files(paths.split(',').map(parse).collect()))
}

fn parse_sink(text: &str) -> Result<NdjsonOutput, String> {
    let path = text.strip_prefix("ndjson:").filter(|path| !path.is_empty());
    let path = path.ok_or("it does not look like `ndjson:PATH`")?;
    Ok(path.parse().unwrap_or_else(|never| match never {}))
}

/// Does what the arguments say.
///
/// # Errors
/// With exit code 2 when the configuration does not fit the checkpoint, 3 when a store fails, 4
/// without an input.
pub async fn execute(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut config = args.common.start()?;
    let (Command::Run(ports) | Command::Check(ports)) = &args.command;
    if let Some(data) = &ports.data {
        config.data.directory.clone_from(data);
    }
    match args.command {
        Command::Check(ports) => check(&config, ports).await,
        Command::Run(Ports { source: None, sink: None, .. }) => {
            let source = log(&config)?;
            let views = explained(ViewStore::open(&views_path(&config)))?;
            let checkpoints = views.checkpoints(SPEED_CHECKPOINT);
            let options = Options::new(&config, watch::Sender::default());
            let ran = crate::run(source, views, checkpoints, SystemClock, &options, shutdown);
            ran.await.map_err(SpeedError::explained)
        }
        Command::Run(Ports { source: None, sink: Some(output), .. }) => {
            write_lines(log(&config)?, output, &config, shutdown).await
        }
        Command::Run(Ports { source: Some(files), sink, .. }) => {
            let output = sink.unwrap_or(NdjsonOutput::Standard);
            write_lines(open(files, &config)?, output, &config, shutdown).await
        }
    }
}

/// From any source to lines; the checkpoint is as short-lived as the process.
async fn write_lines(
    source: impl Source,
    output: NdjsonOutput,
    config: &Config,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let sink = NdjsonSink::create(output).exit(Exit::Unavailable)?;
    let (sender, status) = watch::channel(Status::default());
    let options = Options::new(config, sender);
    let checkpoints = MemoryCheckpoints::default();
    let stopping = shutdown.clone();
    let ran = crate::run(source, sink.clone(), checkpoints, SystemClock, &options, shutdown).await;
    match ran {
        Err(SpeedError::Sink(error)) if closed(error.as_ref()) => return Ok(()),
        ran => ran.map_err(SpeedError::explained)?,
    }
    sink.sync().await.exit(Exit::Unavailable)?;
    let progress = &status.borrow().progress;
    let messages: u64 = progress.iter().map(|progress| progress.next_offset).sum();
    info!(messages, "wrote the views of all messages");
    if messages == 0 && !stopping.is_cancelled() {
        return Err(anyhow!("there was nothing to read")).exit(Exit::NoInput);
    }
    Ok(())
}

fn closed(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(NdjsonError::Closed { .. }))
}

fn open(Files(inputs): Files, config: &Config) -> anyhow::Result<FileSource<SystemClock>> {
    let bytes_max = config.acquisition.message_bytes_max.as_usize();
    FileSource::open(inputs, bytes_max, config.log.batch_records, SystemClock)
        .exit(Exit::NoInput)
        .hint(INPUT_HINT)
}

fn log(config: &Config) -> anyhow::Result<LogSource> {
    let path = config.data.directory.join("log.db");
    if !path.exists() {
        return Err(anyhow!("there is no log `{}`", path.display()))
            .exit(Exit::NoInput)
            .hint("start `pulso-acquisition` with the same folder, or name another with `--data`");
    }
    explained(LogSource::open_read_only(&path, config.log.batch_records))
}

fn views_path(config: &Config) -> PathBuf {
    config.data.directory.join("views.db")
}

async fn check(config: &Config, Ports { source, sink, .. }: Ports) -> anyhow::Result<()> {
    let partitions = match source {
        Some(files) => {
            let files = open(files, config)?;
            println!("all input files are there");
            files.partitions()
        }
        None => {
            let log = log(config)?;
            println!("the log has {} partitions", log.partitions());
            log.partitions()
        }
    };
    match sink {
        Some(NdjsonOutput::Path(path)) => check_folder(&path)?,
        Some(NdjsonOutput::Standard) => {}
        None => check_checkpoint(config, partitions).await?,
    }
    println!("ok");
    Ok(())
}

fn check_folder(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::read_dir(folder)
        .with_context(|| format!("failed to look into folder `{}`", folder.display()))
        .exit(Exit::Unavailable)
        .map(drop)
}

async fn check_checkpoint(config: &Config, partitions: u32) -> anyhow::Result<()> {
    let path = views_path(config);
    if !path.exists() {
        println!("there are no views yet");
        return Ok(());
    }
    let loaded = explained(CheckpointStore::open_read_only(&path, SPEED_CHECKPOINT))?.load().await;
    let Some(checkpoint) = explained(loaded)? else {
        println!("there is no checkpoint yet");
        return Ok(());
    };
    let restored = Processor::restore(&checkpoint, &settings(config), partitions);
    restored.map_err(|error| SpeedError::Restore(error).explained())?;
    println!("the checkpoint fits the configuration");
    Ok(())
}

/// Gives an error of the embedded store its exit code and hint.
fn explained<T>(result: Result<T, pulso_sqlite::Error>) -> anyhow::Result<T> {
    let hint = result.as_ref().err().and_then(pulso_sqlite::Error::hint);
    let result = result.exit(Exit::Unavailable);
    match hint {
        Some(hint) => result.hint(hint),
        None => result,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn ports_are_named_on_the_command_line() {
        Args::command().debug_assert();
        let parse = |arguments: &str| Args::try_parse_from(arguments.split(' '));
        assert!(parse("pulso-speed run").is_ok());
        assert!(parse("pulso-speed run --data d --sink ndjson:-").is_ok());
        assert!(parse("pulso-speed check --source file:a,b --sink ndjson:c").is_ok());
        for wrong in [
            "pulso-speed run --source file:a",
            "pulso-speed run --source a --sink ndjson:-",
            "pulso-speed run --source file: --sink ndjson:-",
            "pulso-speed run --sink a",
            "pulso-speed run --source file:a --sink ndjson:- --data d",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
