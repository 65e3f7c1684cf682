//! The program: parses the command line, runs the verb, answers with an exit code.

use std::process::ExitCode;

use clap::Parser;
use pulso_runtime::run_app;
use pulso_web::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    run_app(|shutdown| cli::execute(cli, shutdown))
}
