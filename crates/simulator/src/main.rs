//! The simulator as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulso_simulator::cli::main()
}
