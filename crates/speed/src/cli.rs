//! The command line of the program `pulso-speed`.

mod check;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use pulso_file::{FileInput, FileSource, NdjsonError, NdjsonOutput, NdjsonSink};
use pulso_pipeline::memory::MemoryCheckpoints;
use pulso_pipeline::{Source, SystemClock};
use pulso_runtime::health::{Health, Watched};
use pulso_runtime::operations::{Operations, healthcheck};
use pulso_runtime::stores::{DeadLetters, LogReader, Opener, Reading, ViewStore};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, Failure, FailureExt, run_app, together};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{Options, SpeedError, Status};

/// Where the endpoints for operators are configured.
const LISTEN_KEY: &str = "operations.speed";

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
    /// Keep the views up to date until stopped, or until the files end
    Run(Ports),
    /// Check the configuration, the input and the checkpoint, without changing anything
    Check(Ports),
    /// Ask the running service whether it is healthy: exits with 0 if it is, otherwise with 1
    Healthcheck,
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

/// The whole program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let args = Args::parse();
    run_app(|shutdown| execute(args, shutdown))
}

/// Does what the arguments say.
///
/// # Errors
/// With exit code 2 when the configuration does not fit the checkpoint, 3 when a store fails, 4
/// without an input.
pub async fn execute(
    Args { common, command }: Args,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    match command {
        Command::Healthcheck => healthcheck(common.start()?.operations.speed, LISTEN_KEY).await,
        Command::Check(ports) => {
            let config = ports.folder(if ports.is_service() {
                common.start()?
            } else {
                common.start_one()?
            });
            check::check(&config, ports).await
        }
        Command::Run(ports) if ports.is_service() => {
            let config = ports.folder(common.start()?);
            let health = Health::default();
            let operations =
                Operations::start(config.operations.speed, LISTEN_KEY, &health).await?;
            let service = async move |config: Config, shutdown| {
                let health = health.of_stream(&config.stream);
                keep_views(config, health, shutdown).await
            };
            let keeping = together(config.each_stream(), &shutdown, service);
            operations.during(keeping).await.map(drop)
        }
        Command::Run(ports) => {
            let config = ports.folder(common.start_one()?);
            let output = ports.sink.unwrap_or(NdjsonOutput::Standard);
            match ports.source {
                Some(files) => write_lines(open(files, &config)?, output, &config, shutdown).await,
                None => {
                    let log = LogReader::open(&config, Reading::Shared).await;
                    write_lines(log.explained()?, output, &config, shutdown).await
                }
            }
        }
    }
}

impl Ports {
    /// Whether this is the service, from the log to the views; else lines of one stream are written.
    fn is_service(&self) -> bool {
        self.source.is_none() && self.sink.is_none()
    }

    fn folder(&self, mut config: Config) -> Config {
        if let Some(data) = &self.data {
            config.data.directory.clone_from(data);
        }
        config
    }
}

/// The service: from the log to the views, wherever the configuration has them.
async fn keep_views(
    config: Config,
    health: Health,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let opener = Opener { health: &health, shutdown: &shutdown };
    let log = opener.open("log", async || LogReader::open(&config, Reading::OneAtATime).await);
    let Some(log) = log.await? else { return Ok(()) };
    let views = opener.open("views", async || ViewStore::open(&config).await);
    let Some(views) = views.await? else { return Ok(()) };
    let checkpoints = Watched::new(views.speed_checkpoints(&config), "checkpoint", &health);
    let views = DeadLetters::beside(views, &config).explained()?;
    let log = Watched::new(log, "log", &health);
    let views = Watched::new(views, "views", &health);
    let options = Options::new(&config, watch::Sender::default());
    let ran = crate::run(log, views, checkpoints, SystemClock, &options, shutdown).await;
    ran.map_err(Into::into)
}

/// From any source to lines; the checkpoint is as short-lived as the process.
async fn write_lines(
    source: impl Source,
    output: NdjsonOutput,
    config: &Config,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let sink = NdjsonSink::create(output).explained()?;
    let (sender, status) = watch::channel(Status::default());
    // The same input gives the same lines, whatever the clock says.
    let options = Options { health_interval: None, ..Options::new(config, sender) };
    let checkpoints = MemoryCheckpoints::default();
    let stopping = shutdown.clone();
    let ran = crate::run(source, sink.clone(), checkpoints, SystemClock, &options, shutdown).await;
    match ran {
        Err(SpeedError::Sink(error)) if closed(&error) => return Ok(()),
        ran => ran?,
    }
    sink.sync().await.explained()?;
    let messages = status.borrow().next_offsets().messages_before();
    info!(messages, "wrote the views of all messages");
    if messages == 0 && !stopping.is_cancelled() {
        return Err(anyhow!("there was nothing to read")).exit(Exit::NoInput);
    }
    Ok(())
}

fn closed(error: &Failure) -> bool {
    matches!(error.downcast_ref(), Some(NdjsonError::Closed { .. }))
}

fn open(Files(inputs): Files, config: &Config) -> anyhow::Result<FileSource<SystemClock>> {
    let bytes_max = config.acquisition.message_bytes_max.as_usize();
    FileSource::open(inputs, bytes_max, config.log.batch_records, SystemClock).explained()
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
        assert!(parse("pulso-speed healthcheck").is_ok());
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
