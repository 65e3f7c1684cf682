//! The command line of the serving layer as a separate program, over views that other processes
//! write.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use pulso_model::View;
use pulso_pipeline::{Query, SystemClock, Views};
use pulso_runtime::operations::healthcheck;
use pulso_runtime::stores::{self, StoreError, ViewReader, ViewStore};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, chain, metrics, run_app};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::account::{self, AccountArgs};
use crate::{ContactWriter, Facts, Options, bind, organiser, run};

/// Serves Pulso's JSON API and pages
#[derive(Debug, Parser)]
#[command(name = "pulso-web", version)]
pub struct Cli {
    #[command(flatten)]
    common: CommonArgs,

    /// The data directory that holds the views [default: `data.directory` of the configuration]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The address to listen on [default: `web.listen` of the configuration]
    #[arg(long, global = true, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Serve until stopped
    Run,
    /// Check the configuration and that the views can be read, without changing anything
    Check,
    /// Ask the running service whether it is healthy: exits with 0 if it is, otherwise with 1
    Healthcheck,
    Account(AccountArgs),
}

/// The whole program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let args = Cli::parse();
    run_app(|shutdown| execute(args, shutdown))
}

/// Does what the command line says.
///
/// # Errors
/// With exit code 2 if the configuration is wrong, 3 if the views or the port are unavailable.
pub async fn execute(cli: Cli, shutdown: CancellationToken) -> Result<()> {
    if let Command::Account(args) = &cli.command {
        println!("{}", account::make(args)?);
        return Ok(());
    }
    let mut config = cli.common.start()?;
    config.data.directory = cli.data.unwrap_or(config.data.directory);
    config.web.listen = cli.listen.unwrap_or(config.web.listen);
    match cli.command {
        Command::Account(_) => Ok(()),
        Command::Run => serve(&config, shutdown).await,
        Command::Healthcheck => healthcheck(Some(config.web.listen), "web.listen").await,
        Command::Check => {
            if let Some(line) = stores::check_views(&config).await? {
                println!("{line}");
            }
            Options::open(&config).explained()?;
            open(&config).await.explained()?;
            println!("the configuration is valid and the views can be read");
            Ok(())
        }
    }
}

/// Opens the views and reads one, so that a wrong store is noticed now and not by a visitor.
async fn open(config: &Config) -> Result<ViewReader, StoreError> {
    let views = ViewReader::open(config).await?;
    views.query(Query::newest(View::HEALTH, 1)).await?;
    Ok(views)
}

/// Writes contacts where the views are, if it may.
async fn contacts(config: &Config) -> Option<ContactWriter> {
    organiser::stream_of(config.shown_streams().iter().map(Config::stream))?;
    match ViewStore::open(config).await {
        Ok(views) => Some(ContactWriter::new(views, SystemClock)),
        Err(error) => {
            warn!(error = %chain(&error), "contacts cannot be noted");
            None
        }
    }
}

async fn serve(config: &Config, shutdown: CancellationToken) -> Result<()> {
    let mut options = Options::open(config).explained()?;
    let metrics = metrics::install()?;
    let views = match open(config).await {
        // Whoever asks meanwhile is told, and `/readyz` says so.
        Err(error) if error.away() => {
            warn!(error = %chain(&error), "the views cannot be read yet");
            ViewReader::unseen(config).explained()?
        }
        opened => opened.explained()?,
    };
    let listener = bind(config.web.listen, false)
        .await
        .exit(Exit::Unavailable)
        .hint("stop the program that uses this address, or choose another one with `--listen`")?;
    let render = move || metrics.render();
    options.organiser.contacts = contacts(config).await;
    run(listener, views, Facts::default, render, options, shutdown).await.context("failed to serve")
}
