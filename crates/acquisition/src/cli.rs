//! The command line of the program `pulso-acquisition`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Parser, Subcommand};
use pulso_runtime::health::Health;
use pulso_runtime::operations::{Operations, healthcheck};
use pulso_runtime::stores::{self, LogWriter};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, run_app, together};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::network::Tcp;
use crate::{FileInput, INPUT_HINT, Input, Pace, Recording, store};

/// Stores messages from sources and files in the log.
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
    /// Check the configuration and whether every source can be followed, without changing anything
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
    match args.command {
        Command::Check => check(&args.common.start()?).await,
        Command::Healthcheck => {
            healthcheck(args.common.start()?.operations.acquisition, LISTEN_KEY).await
        }
        Command::Run(run) if run.file.is_empty() => {
            let config = run.folder(args.common.start()?);
            follow(&config, shutdown).await
        }
        Command::Run(run) => {
            let config = run.folder(args.common.start_one()?);
            // Before the log is made: a file that is missing must not leave one with the others
            // behind.
            let inputs = recordings(run)?;
            let stopping = shutdown.clone();
            let health = Health::default();
            let stored = Box::pin(store_from(inputs, config, health, shutdown)).await?;
            if stored == 0 && !stopping.is_cancelled() {
                let nothing = Err(anyhow!("the files contain no messages"));
                return nothing.exit(Exit::NoInput).hint(INPUT_HINT);
            }
            Ok(())
        }
    }
}

impl RunArgs {
    fn folder(&self, mut config: Config) -> Config {
        if let Some(directory) = &self.data {
            config.data.directory.clone_from(directory);
        }
        config
    }
}

/// The service: from the sources of each stream to its log.
async fn follow(config: &Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let streams = with_sources(config)?;
    let health = Health::default();
    let operations = Operations::start(config.operations.acquisition, LISTEN_KEY, &health).await?;
    let service = async move |config: Config, shutdown| {
        let health = health.of_stream(&config.stream);
        let inputs = config.acquisition.sources.iter().cloned().map(Input::Source).collect();
        Box::pin(store_from(inputs, config, health, shutdown)).await
    };
    let following = together(streams, &shutdown, service);
    operations.during(following).await.map(drop)
}

async fn store_from(
    inputs: Vec<Input>,
    config: Config,
    health: Health,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    let log = LogWriter::open(&config).explained()?;
    let stored = store(&config, inputs, log, &health, shutdown).await?;
    info!(stored, "stored all messages");
    Ok(stored)
}

/// Connects to every source of the configuration and says on standard output how that went.
async fn check(config: &Config) -> anyhow::Result<()> {
    let streams = with_sources(config)?;
    for config in &streams {
        if let Some(line) = stores::check_log(config).await? {
            println!("{line}");
        }
    }
    // What is wrong for all sources is said once.
    Tcp::new(&config.acquisition).explained()?;
    let (mut count, mut failed) = (0, 0);
    for config in &streams {
        for source in &config.acquisition.sources {
            count += 1;
            match crate::check(source, &config.acquisition).await {
                Ok(()) => println!("{}: ok", source.name),
                Err(error) => {
                    failed += 1;
                    println!("{}: {error:#}", source.name);
                }
            }
        }
    }
    if failed > 0 {
        return Err(anyhow!("failed to follow {failed} of {count} sources"))
            .exit(Exit::Unavailable)
            .hint(
                "see standard output for the reasons; check each `url`, `paths` or `listen`, and that the source is there",
            );
    }
    Ok(())
}

fn recordings(args: RunArgs) -> anyhow::Result<Vec<Input>> {
    let recording = |input: FileInput| {
        input.check().explained()?;
        let name: Arc<str> = input.name().into();
        Ok(Input::Recording(Recording::new(name, input, args.pace)))
    };
    args.file.into_iter().map(recording).collect()
}

/// The streams that are served and have sources, each with those alone.
fn with_sources(config: &Config) -> anyhow::Result<Vec<Config>> {
    let mut streams = config.each_stream();
    for config in &mut streams {
        let Config { stream, acquisition, .. } = config;
        acquisition.sources.retain(|source| source.stream == *stream);
    }
    let names: Vec<_> = streams.iter().map(|config| config.stream.clone()).collect();
    streams.retain(|config| !config.acquisition.sources.is_empty());
    if streams.is_empty() {
        let message = format!("no source of `{}` is configured", names.join("`, `"));
        return Err(anyhow!(message)).exit(Exit::Usage).hint(
            "add `[[acquisition.sources]]` to the configuration, or name a file with `--file`",
        );
    }
    Ok(streams)
}

#[cfg(test)]
mod tests {
    use pulso_runtime::config::Layers;

    use super::*;

    /// The usual stream and the posts, with these sources.
    fn both_streams(sources: &str) -> Config {
        let usual = format!("streams.{}", Config::STREAM);
        let pairs = [("streams.posts", "{}"), (&*usual, "{}"), ("acquisition.sources", sources)];
        let overrides = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Config::load(&Layers { overrides, ..Layers::default() }).unwrap()
    }

    #[test]
    fn each_stream_has_its_own_sources() {
        let sources = "[{name='a', url='ws://a'}, {name='b', url='ws://b', stream='posts'}, \
                       {name='c', url='ws://c', stream='posts'}]";
        let config = both_streams(sources);
        let names = |config: &Config| {
            let names = config.acquisition.sources.iter().map(|source| source.name.to_string());
            (config.stream.clone(), names.collect::<Vec<_>>())
        };
        let found: Vec<_> = with_sources(&config).unwrap().iter().map(names).collect();
        let expected = [("posts", vec!["b", "c"]), (Config::STREAM, vec!["a"])];
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(found, expected.map(|(stream, names)| (stream.to_owned(), owned(names))));
        let posts = config.serving(&["posts".to_owned()]).unwrap();
        assert_eq!(with_sources(&posts).unwrap().len(), 1);
    }

    /// A stream without sources is read from elsewhere; one stream must have some.
    #[test]
    fn a_stream_without_sources_is_left_out() {
        let error = with_sources(&Config::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("no source of `{}` is configured", Config::STREAM));
        let config = both_streams("[{name='a', url='ws://a'}]");
        assert_eq!(with_sources(&config).unwrap().len(), 1);
    }
}
