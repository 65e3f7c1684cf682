//! The speed layer as a program of its own, over the embedded stores or files.

use std::process::ExitCode;

use clap::Parser;
use pulso_runtime::run_app;
use pulso_speed::cli::{Args, execute};

fn main() -> ExitCode {
    let args = Args::parse();
    run_app(|shutdown| execute(args, shutdown))
}
