//! The acquisition layer as a program of its own, with the embedded log.

use std::process::ExitCode;

use clap::Parser;
use pulso_acquisition::cli::{self, Args};
use pulso_runtime::run_app;

fn main() -> ExitCode {
    let args = Args::parse();
    run_app(|shutdown| cli::execute(args, shutdown))
}
