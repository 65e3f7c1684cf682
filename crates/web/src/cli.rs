//! The command line of the serving layer as a program of its own, over the views in a data directory
//! that other processes write.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::{Parser, Subcommand};
use pulso_model::View;
use pulso_pipeline::{Query, Views};
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt, metrics};
use pulso_sqlite::{Error, ViewReader, ViewStore};
use tokio_util::sync::CancellationToken;

use crate::{Facts, Options, bind, run};

/// Serves the JSON API and the page of Pulso
#[derive(Debug, Parser)]
#[command(name = "pulso-web", version)]
pub struct Cli {
    #[command(flatten)]
    common: CommonArgs,

    /// The data directory that holds the views [default: `data.directory` of the configuration]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Where to answer [default: `web.listen` of the configuration]
    #[arg(long, global = true, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Serve until stopped
    Run,
    /// Check the configuration and that the views can be read; changes nothing
    Check,
}

/// Does what the command line says.
///
/// # Errors
/// With exit code 2 when the configuration is wrong, 3 when the views or the port cannot be had.
pub async fn execute(cli: Cli, shutdown: CancellationToken) -> Result<()> {
    let mut config = cli.common.start()?;
    config.data.directory = cli.data.unwrap_or(config.data.directory);
    config.web.listen = cli.listen.unwrap_or(config.web.listen);
    let views = open(&config).await?;
    match cli.command {
        Command::Run => serve(&config, views, shutdown).await,
        Command::Check => {
            println!("the configuration is valid and the views can be read");
            Ok(())
        }
    }
}

/// Opens the views and reads one, so that a wrong file is found out now and not by a visitor.
async fn open(config: &Config) -> Result<ViewReader> {
    let path = config.data.directory.join("views.db");
    if !path.exists() {
        return Err(anyhow!("there are no views at `{}`", path.display()))
            .exit(Exit::Unavailable)
            .hint("start what writes them first, or name another directory with `--data`");
    }
    let views = unavailable(ViewStore::open_read_only(&path))?;
    unavailable(views.query(Query::newest(View::TrendingTopics, 1)).await)?;
    Ok(views)
}

fn unavailable<T>(result: Result<T, Error>) -> Result<T> {
    let hint = result.as_ref().err().and_then(Error::hint);
    let result = result.exit(Exit::Unavailable);
    match hint {
        Some(hint) => result.hint(hint),
        None => result,
    }
}

async fn serve(config: &Config, views: ViewReader, shutdown: CancellationToken) -> Result<()> {
    let metrics = metrics::install()?;
    let listener = bind(config.web.listen, false)
        .await
        .exit(Exit::Unavailable)
        .hint("stop the other program, or choose another address with `--listen`")?;
    let render = move || metrics.render();
    run(listener, views, Facts::default, render, Options::from(config), shutdown)
        .await
        .context("failed to serve")
}
