//! The speed layer as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulso_speed::cli::main()
}
