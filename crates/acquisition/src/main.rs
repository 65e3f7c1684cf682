//! The acquisition layer as a program of its own, with the embedded log.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use pulso_acquisition::cli::{Args, Command, check, store};
use pulso_pipeline::SystemClock;
use pulso_runtime::{Config, Exit, FailureExt, run_app};
use pulso_sqlite::Log;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let args = Args::parse();
    run_app(|shutdown| start(args, shutdown))
}

async fn start(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let config = args.common.start()?;
    match args.command {
        Command::Check => check(&config).await,
        Command::Run(args) => {
            let log = open(&config)?;
            let positions = log.clone();
            let last_stored = move |source: std::sync::Arc<str>| {
                let log = positions.clone();
                async move { log.last_stored_mtime(&source).await }
            };
            store(args, config, log, last_stored, shutdown).await
        }
    }
}

fn open(config: &Config) -> anyhow::Result<Log> {
    let directory = &config.data.directory;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("failed to make directory `{}`", directory.display()))
        .exit(Exit::Usage)?;
    Log::open(&directory.join("log.db"), config.log.partitions, SystemClock)
        .context("failed to open the log")
        .exit(Exit::Unavailable)
}
