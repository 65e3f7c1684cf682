//! The reconciliation of both layers over a data folder.

use anyhow::anyhow;
use pulso_pipeline::Checkpoints;
use pulso_runtime::{CommonArgs, Exit, FailureExt};
use tokio_util::sync::CancellationToken;

use crate::cli::DataArgs;
use crate::data::{DataFolder, explained, start};
use crate::layers;

pub(crate) async fn verify(
    common: &CommonArgs,
    args: DataArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = start(common, &args)?;
    let folder = DataFolder::open(&config.data.directory)?;
    let log = folder.log(config.log.partitions)?;
    let checkpoint = explained(folder.speed_checkpoints()?.load().await)?;
    let checkpoint = checkpoint
        .ok_or_else(|| {
            anyhow!("the speed layer has no checkpoint in `{}`", folder.path().display())
        })
        .exit(Exit::NoInput)
        .hint("run `pulso replay` or `pulso demo` on it first")?;
    // The lake may lag behind the speed layer; what is compared must be there.
    let mut batch = layers::batch(&config, &folder, &log, &shutdown).await?;
    batch.archive(|_| ()).await?;
    let report = batch.verify(&checkpoint).await?;
    crate::export::write_stdout(report.to_string().as_bytes())?;
    if report.holds() { Ok(()) } else { Err(anyhow!("the layers differ")).exit(Exit::Internal) }
}
