//! The command line: `run` serves a stream, `send` writes one where servers log to, `generate` and `repeat` write
//! one to a file.

mod arguments;
mod commands;
mod send;
mod serve;
mod shape;
mod write;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

pub use arguments::{
    Cli, ClockArguments, FaultArguments, FormatName, FramingName, GenerateArguments, PostArguments,
    ProtocolName, RepeatArguments, RequestArguments, RotateName, RotationArguments, RunArguments,
    SendArguments, StreamName, SyslogArguments, SyslogName, Verb,
};

use crate::error::SimulatorError;

/// The whole program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colored = io::stderr().is_terminal() && !no_color;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colored);
    subscriber.with_writer(io::stderr).init();
    match execute(cli) {
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

/// Does what the command line asks for. `run` starts its own runtime and returns after SIGINT or
/// SIGTERM.
///
/// # Errors
/// See [`SimulatorError`]; the caller shows its hint and uses its exit code.
pub fn execute(cli: Cli) -> Result<(), SimulatorError> {
    match cli.verb {
        Verb::Run(arguments) => serve::run(&arguments),
        Verb::Send(arguments) => send::run(&arguments),
        Verb::Generate(arguments) => write::generate(&arguments),
        Verb::Repeat(arguments) => write::repeat(&arguments),
    }
}
