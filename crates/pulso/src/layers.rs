//! The layers' `run` functions over the embedded adapters.

use std::sync::Arc;

use anyhow::Context;
use pulso_acquisition::{Error, Input};
use pulso_batch::{BatchLayer, LayerOptions, Schedule};
use pulso_lake::Lake;
use pulso_pipeline::{Source, SystemClock};
use pulso_runtime::{Config, Exit, FailureExt};
use pulso_speed::{Options, Status};
use pulso_sqlite::{Log, LogSource, ViewStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::data::{DataFolder, explained};

/// Inputs -> log. Returns how many messages were stored.
pub(crate) async fn acquire(
    config: &Config,
    inputs: Vec<Input>,
    log: Log,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    let looking = log.clone();
    let last_stored = move |source: Arc<str>| {
        let log = looking.clone();
        async move { log.last_stored_mtime(&source).await }
    };
    let options = config.acquisition.clone();
    let summary =
        pulso_acquisition::run(inputs, log, last_stored, SystemClock, options, shutdown).await;
    match summary {
        Ok(summary) => Ok(summary.stored),
        Err(Error::File(error)) => Err(error).exit(Exit::NoInput),
        Err(Error::Store { count, source }) => {
            explained(Err(source)).with_context(|| format!("failed to store {count} messages"))
        }
        Err(error) => Err(error).exit(Exit::Unavailable),
    }
}

/// Log -> realtime views.
pub(crate) async fn speed(
    config: &Config,
    folder: &DataFolder,
    source: impl Source,
    status: watch::Sender<Status>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let options = Options::new(config, status);
    let (views, checkpoints) = (folder.views()?, folder.speed_checkpoints()?);
    pulso_speed::run(source, views, checkpoints, SystemClock, &options, shutdown)
        .await
        .context("the speed layer ended")
        .exit(Exit::Unavailable)
}

/// The batch layer of a data folder.
pub(crate) async fn batch(
    config: &Config,
    folder: &DataFolder,
    log: &Log,
    shutdown: &CancellationToken,
) -> anyhow::Result<BatchLayer<LogSource, ViewStore, SystemClock>> {
    let source = explained(log.source(config.log.batch_records))?;
    let lake = explained_lake(Lake::open_or_create(folder.lake()).await)?;
    let options = LayerOptions::new(config, folder.scratch()?);
    let views = folder.views()?;
    let mut layer = BatchLayer::new(source, lake, views, SystemClock, options, shutdown.clone());
    layer.recover().await?;
    Ok(layer)
}

/// Archive and jobs by the schedule, until `shutdown`.
pub(crate) async fn schedule(
    config: &Config,
    folder: &DataFolder,
    log: &Log,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if !config.schedule.enabled {
        shutdown.cancelled().await;
        return Ok(());
    }
    let layer = batch(config, folder, log, &shutdown).await?;
    let crons =
        Schedule { archive: config.schedule.archive.clone(), jobs: config.schedule.jobs.clone() };
    pulso_batch::schedule(layer, &crons, SystemClock, shutdown).await
}

/// Gives an error of the lake its hint.
pub(crate) fn explained_lake<T>(result: Result<T, pulso_lake::Error>) -> anyhow::Result<T> {
    let hint = result.as_ref().err().and_then(pulso_lake::Error::hint);
    let failure = result.exit(Exit::Unavailable);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
