//! The standard output: what was asked for goes there, and nothing else.

use std::io::{self, Write};

use anyhow::Context;
use pulso_runtime::{Config, Exit, FailureExt};

/// Prints what was asked for. Whoever reads may stop early, as `head` does.
///
/// # Errors
/// When the standard output cannot be written.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match write(text.as_bytes()) {
        Err(error) if !is_broken_pipe(&error) => Err(error)
            .context("failed to write to standard output")
            .exit(Exit::Unavailable)
            .hint("check the free space on the disk that it is redirected to"),
        _ => Ok(()),
    }
}

/// The same without an explanation.
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Nobody reads any more.
pub(crate) fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// What a person types to come back to this data.
pub(crate) fn data_arguments(config: &Config) -> String {
    let data = config.data.directory.display();
    match config.stream.as_str() {
        Config::STREAM => format!("--data {data}"),
        other => format!("--stream {other} --data {data}"),
    }
}
