//! All of Pulso in one process: no broker, no server, one folder of data.
//!
//! Wires the layers' `run` functions to the embedded adapters; computes nothing itself.

mod check;
mod cli;
mod data;
mod demo;
mod export;
mod finite;
mod layers;
mod replay;
mod serve;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let Cli { common, command } = Cli::parse();
    pulso_runtime::run_app(|shutdown| async move {
        match command.unwrap_or_default() {
            Command::Demo(args) => demo::demo(&common, args, shutdown).await,
            Command::Replay(args) => replay::replay(&common, args, shutdown).await,
            Command::Export(args) => export::export(&common, args).await,
            Command::Verify(args) => verify::verify(&common, args, shutdown).await,
            Command::Serve(args) => serve::serve(&common, args, shutdown).await,
            Command::Check(args) => check::check(&common, &args).await,
            Command::Completions { shell } => cli::print_completions(shell),
        }
    })
}
