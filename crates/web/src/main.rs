//! The serving layer as a separate program.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulso_web::cli::main()
}
