//! The reconciliation of both layers over a data folder.

use anyhow::anyhow;
use pulso_batch::{Report, Reports};
use pulso_pipeline::{Checkpoint, Checkpoints};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt};
use pulso_speed::{Processor, SpeedError, StreamSettings};
use tokio_util::sync::CancellationToken;

use crate::cli::DataArgs;
use crate::data::{DataFolder, start};
use crate::layers::{self, Stores};
use crate::output;

/// Verifies the streams that are named, or all that have anything in the folder.
pub(crate) async fn verify(
    common: &CommonArgs,
    args: DataArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = start(common, &args)?;
    let folder = DataFolder::open(&config.data.directory)?;
    let named = !common.stream.is_empty();
    let streams = if named { config.each_stream() } else { config.every_stream() };
    let views = folder.views(&config)?;
    let mut read = Vec::new();
    for config in streams {
        match layers::speed_checkpoints(&config, &views).load().await.explained()? {
            Some(checkpoint) => read.push((config, checkpoint)),
            None if named => {
                return nothing_read(&folder, &format!("checkpoint of `{}`", config.stream));
            }
            None => {}
        }
    }
    if read.is_empty() {
        return nothing_read(&folder, "checkpoint");
    }
    let mut reports = Reports::default();
    let several = read.len() > 1;
    for (config, checkpoint) in &read {
        // Before anything is said of it: the folder may not be whole.
        let stores = layers::open(config, &folder).await?;
        if several {
            output::print(&format!("stream {}\n", config.stream))?;
        }
        let report = of_stream(config, &stores, checkpoint, &shutdown).await?;
        output::print(&report.to_string())?;
        reports.add(&config.stream, report);
    }
    reports.conclude()
}

fn nothing_read(folder: &DataFolder, missing: &str) -> anyhow::Result<()> {
    let folder = folder.path().display();
    Err(anyhow!("the speed layer has no {missing} in `{folder}`"))
        .exit(Exit::NoInput)
        .hint("run `pulso replay` or `pulso demo` on it first")
}

async fn of_stream(
    config: &Config,
    stores: &Stores,
    checkpoint: &Checkpoint,
    shutdown: &CancellationToken,
) -> anyhow::Result<Report> {
    // With other windows every document would differ.
    let stream = StreamSettings::new(config);
    let settings = pulso_speed::settings(config);
    Processor::restore(&stream, checkpoint, &settings, config.log.partitions)
        .map_err(SpeedError::from)?;
    layers::batch(config, stores, shutdown).await?.verify(checkpoint).await
}
