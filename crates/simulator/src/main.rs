//! The program: parses the command line, runs the verb, answers with an exit code.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use pulso_simulator::cli::{self, Cli};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colored = io::stderr().is_terminal() && !no_color;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colored);
    subscriber.with_writer(io::stderr).init();
    match cli::execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let (code, hint) = (error.exit_code(), error.hint());
            eprintln!("error: {:#}", anyhow::Error::new(error));
            if let Some(hint) = hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(code)
        }
    }
}
