//! The acquisition layer as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulso_acquisition::cli::main()
}
