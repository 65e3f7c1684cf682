//! The batch layer as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulso_batch::cli::main()
}
