//! The command line: `run` serves a stream, `generate` and `repeat` write one to a file.

mod arguments;
mod commands;
mod serve;
mod write;

pub use arguments::{Cli, GenerateArguments, RepeatArguments, RunArguments, Verb};

use crate::error::SimulatorError;

/// Does what the command line asks for. `run` starts a runtime of its own and returns after SIGINT or SIGTERM.
///
/// # Errors
/// See [`SimulatorError`]; its exit code and hint are for the caller to show.
pub fn execute(cli: Cli) -> Result<(), SimulatorError> {
    match cli.verb {
        Verb::Run(arguments) => serve::run(&arguments),
        Verb::Generate(arguments) => write::generate(&arguments),
        Verb::Repeat(arguments) => write::repeat(&arguments),
    }
}
