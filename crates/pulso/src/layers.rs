//! The layers' `run` functions over the embedded adapters.

use anyhow::anyhow;
use pulso_acquisition::Input;
use pulso_batch::{BatchLayer, Turn};
use pulso_model::Offsets;
use pulso_pipeline::{Checkpoints, Source, SystemClock, speed_checkpoint};
use pulso_runtime::config::Schedule;
use pulso_runtime::health::Health;
use pulso_runtime::stores::LogWriter;
use pulso_runtime::{Config, Exit, ExplainExt, FailureExt};
use pulso_speed::{Options, Status};
use pulso_sqlite::{CheckpointStore, Log, LogSource, ViewStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::data::DataFolder;

/// The stores of a data folder.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) log: Log,
    pub(crate) views: ViewStore,
    /// Up to where the log is in the lake.
    pub(crate) archived: Offsets,
}

/// The checkpoint of the stream's speed layer.
pub(crate) fn speed_checkpoints(config: &Config, views: &ViewStore) -> CheckpointStore {
    views.checkpoints(&speed_checkpoint(&config.stream))
}

/// Opens the stores, and makes sure that all of the folder was made of this log.
///
/// Views and lake say up to where they were made. A log that ends before (a new one in the place of
/// a lost one, say) would have its messages taken for ones that were read long ago.
pub(crate) async fn open(config: &Config, folder: &DataFolder) -> anyhow::Result<Stores> {
    let views = folder.views(config)?;
    let checkpoint = speed_checkpoints(config, &views).load().await.explained()?;
    let read = checkpoint.map(|checkpoint| checkpoint.next_offsets()).unwrap_or_default();
    let archived = match pulso_batch::find_lake(config).await? {
        Some(lake) => lake.next_offsets(config.log.partitions).await.explained()?,
        None => Offsets::zero(config.log.partitions),
    };
    let nothing_read = read.is_zero() && archived.is_zero();
    if !nothing_read && !config.log_path().exists() {
        return missing_log(config);
    }
    let log = folder.log(config)?;
    let ends = log.end_offsets().await.explained()?;
    for (what, next_offsets) in [("speed layer", &read), ("lake", &archived)] {
        let beyond = next_offsets.zip(&ends).find(|(_, next_offset, end)| next_offset > end);
        if let Some((partition, next_offset, end)) = beyond {
            let log = config.log_path();
            let problem = format!(
                "partition {partition} of the log in `{}` ends at offset {end}, but the {what} \
                 in the same folder goes up to {next_offset}",
                log.display()
            );
            return foreign_log(config, problem);
        }
    }
    Ok(Stores { log, views, archived })
}

/// The error of a folder with views or a lake, but without the log that they were made of.
pub(crate) fn missing_log<T>(config: &Config) -> anyhow::Result<T> {
    foreign_log(config, format!("`{}` is missing", config.log_path().display()))
}

fn foreign_log<T>(config: &Config, problem: String) -> anyhow::Result<T> {
    let (path, log) = (config.data.directory.display(), config.log_path());
    Err(anyhow!(problem)).exit(Exit::Unavailable).hint(format!(
        "restore the `{}` from which the rest of `{path}` was computed, or start with another folder \
         (`--data DIR`)",
        log.display()
    ))
}

/// Inputs -> log. Returns how many messages were stored.
pub(crate) async fn acquire(
    config: &Config,
    inputs: Vec<Input>,
    log: Log,
    shutdown: CancellationToken,
) -> anyhow::Result<u64> {
    let log = LogWriter::Embedded(log);
    Box::pin(pulso_acquisition::store(config, inputs, log, &Health::default(), shutdown)).await
}

/// Log -> realtime views.
pub(crate) async fn speed(
    config: &Config,
    stores: &Stores,
    source: impl Source,
    status: watch::Sender<Status>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let options = Options::new(config, status);
    let (views, checkpoints) = (stores.views.clone(), speed_checkpoints(config, &stores.views));
    let ran = pulso_speed::run(source, views, checkpoints, SystemClock, &options, shutdown).await;
    ran.map_err(Into::into)
}

/// The batch layer of a data folder.
pub(crate) async fn batch(
    config: &Config,
    stores: &Stores,
    shutdown: &CancellationToken,
) -> anyhow::Result<BatchLayer<LogSource, ViewStore, SystemClock>> {
    let source = stores.log.source(config.log.batch_records).explained()?;
    pulso_batch::open(config, source, stores.views.clone(), shutdown.clone()).await
}

/// Archive and jobs by the schedule, until `shutdown`.
pub(crate) async fn schedule(
    config: &Config,
    stores: &Stores,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if !config.schedule.enabled {
        shutdown.cancelled().await;
        return Ok(());
    }
    let layer = batch(config, stores, &shutdown).await?;
    // What one process has made in its folder stays.
    let schedule = Schedule { retain: None, ..config.schedule.clone() };
    pulso_batch::schedule(layer, &schedule, SystemClock, &Turn::default(), shutdown).await
}
