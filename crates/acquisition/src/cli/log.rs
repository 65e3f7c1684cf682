//! The embedded log, and what a person can do when it fails.

use std::path::Path;

use anyhow::Context;
use pulso_pipeline::SystemClock;
use pulso_runtime::{Config, Exit, FailureExt};
use pulso_sqlite::{Error, Log};

/// Opens the log of the data directory; makes both when missing.
pub(super) fn open(config: &Config) -> anyhow::Result<Log> {
    let directory = &config.data.directory;
    make(directory)?;
    let opened = Log::open(&directory.join("log.db"), config.log.partitions, SystemClock);
    opened.or_else(|error| {
        let wrong = matches!(error, Error::Partitions { .. } | Error::PartitionCount { .. });
        let hint = error.hint();
        let exit = if wrong { Exit::Usage } else { Exit::Unavailable };
        Err(error).exit(exit).hint_if_any(hint)
    })
}

/// Gives a failure the hint of the log's error among its causes, if there is one.
pub(super) fn explained<T>(result: anyhow::Result<T>) -> anyhow::Result<T> {
    let causes = result.as_ref().err().into_iter().flat_map(anyhow::Error::chain);
    let hint = causes.filter_map(|cause| cause.downcast_ref::<Error>()?.hint()).next();
    result.hint_if_any(hint)
}

fn make(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("failed to make the data directory `{}`", directory.display()))
        .exit(Exit::Unavailable)
        .hint("choose a directory that you may write to with `--data`")
}
