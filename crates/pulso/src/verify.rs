//! The reconciliation of both layers over a data folder.

use anyhow::anyhow;
use pulso_pipeline::Checkpoints;
use pulso_runtime::{CommonArgs, Exit, FailureExt};
use pulso_speed::{Processor, SpeedError};
use tokio_util::sync::CancellationToken;

use crate::cli::DataArgs;
use crate::data::{DataFolder, explained, explained_batch, start};
use crate::{layers, output};

pub(crate) async fn verify(
    common: &CommonArgs,
    args: DataArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = start(common, &args)?;
    let folder = DataFolder::open(&config.data.directory)?;
    let stores = layers::open(&config, &folder).await?;
    let checkpoint = explained(stores.speed_checkpoints().load().await)?;
    let checkpoint = checkpoint
        .ok_or_else(|| {
            anyhow!("the speed layer has no checkpoint in `{}`", folder.path().display())
        })
        .exit(Exit::NoInput)
        .hint("run `pulso replay` or `pulso demo` on it first")?;
    // With other windows every document would differ.
    Processor::restore(&checkpoint, &pulso_speed::settings(&config), config.log.partitions)
        .map_err(|error| SpeedError::Restore(error).explained())?;
    let mut batch = layers::batch(&config, &folder, &stores, &shutdown).await?;
    let report = explained_batch(batch.verify(&checkpoint).await)?;
    output::print(&report.to_string())?;
    report.conclude()
}
