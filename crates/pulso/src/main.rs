//! All of Pulso in one process: no broker, no server, one folder of data. Under the name of another
//! program it is that one.
//!
//! Wires the layers' `run` functions to the embedded adapters; computes nothing itself.

mod check;
mod cli;
mod data;
mod demo;
mod export;
mod finite;
mod layers;
mod output;
mod programs;
mod replay;
mod report;
mod serve;
mod set_up;
mod sources;
mod streams;
mod target;
mod verify;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Parser;
use pulso_runtime::{Exit, FailureExt};
use pulso_web::account;
use tokio_util::sync::CancellationToken;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    if let Some(program) = programs::called() {
        return program();
    }
    let Cli { common, command } = Cli::parse();
    pulso_runtime::run_app(|shutdown| async move {
        let stop = shutdown.clone();
        match command.unwrap_or_default() {
            Command::Demo(args) => Box::pin(demo::demo(&common, args, shutdown)).await,
            Command::Replay(args) => replay::replay(&common, args, shutdown).await,
            Command::Export(args) => whole(export::export(&common, args), stop).await,
            Command::Report(args) => whole(report::report(&common, args), stop).await,
            Command::Verify(args) => whole(verify::verify(&common, args, shutdown), stop).await,
            Command::Serve(args) => serve::serve(&common, args, shutdown).await,
            Command::Streams(args) => whole(streams::streams(&common, args), stop).await,
            Command::Sources(args) => sources::run(&common, args),
            Command::Check(args) => whole(check::check(&common, &args), stop).await,
            Command::Account(args) => output::print(&format!("{}\n", account::make(&args)?)),
            Command::Setup => whole(set_up::set_up(&common), stop).await,
            Command::Completions { shell } => cli::print_completions(shell),
        }
    })
}

/// For commands whose answer is worth nothing unless it is whole: a stop is an error there.
async fn whole(
    command: impl Future<Output = anyhow::Result<()>>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let stopped = || Err(anyhow!("stopped before the end")).exit(Exit::Internal);
    stop.run_until_cancelled(Box::pin(command)).await.unwrap_or_else(stopped)
}
