//! The batch layer as a program of its own, over the embedded stores.

use std::process::ExitCode;

use clap::Parser;
use pulso_batch::cli::{Args, execute};
use pulso_runtime::run_app;

fn main() -> ExitCode {
    let args = Args::parse();
    run_app(|shutdown| execute(args, shutdown))
}
