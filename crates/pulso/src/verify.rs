//! The reconciliation of both layers over a data folder.

use anyhow::anyhow;
use pulso_pipeline::Checkpoints;
use pulso_runtime::{CommonArgs, Exit, ExplainExt, FailureExt};
use pulso_speed::{Processor, SpeedError, StreamSettings};
use tokio_util::sync::CancellationToken;

use crate::cli::DataArgs;
use crate::data::{DataFolder, start};
use crate::{layers, output};

pub(crate) async fn verify(
    common: &CommonArgs,
    args: DataArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = start(common, &args)?;
    let folder = DataFolder::open(&config.data.directory)?;
    let stores = layers::open(&config, &folder).await?;
    let checkpoint = stores.speed_checkpoints(&config).load().await.explained()?;
    let checkpoint = checkpoint
        .ok_or_else(|| {
            anyhow!("the speed layer has no checkpoint in `{}`", folder.path().display())
        })
        .exit(Exit::NoInput)
        .hint("run `pulso replay` or `pulso demo` on it first")?;
    // With other windows every document would differ.
    let stream = StreamSettings::new(&config);
    let settings = pulso_speed::settings(&config);
    Processor::restore(&stream, &checkpoint, &settings, config.log.partitions)
        .map_err(SpeedError::from)?;
    let mut batch = layers::batch(&config, &stores, &shutdown).await?;
    let report = batch.verify(&checkpoint).await?;
    output::print(&report.to_string())?;
    report.conclude()
}
