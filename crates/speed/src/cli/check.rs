//! Is everything there that a run needs? Changes nothing.

use std::path::Path;

use anyhow::Context;
use pulso_file::NdjsonOutput;
use pulso_pipeline::{Checkpoints, Source};
use pulso_runtime::stores::{self, CheckpointStore, LogReader, Reading};
use pulso_runtime::{Config, Exit, ExplainExt, FailureExt, in_turn};

use super::{Ports, open};
use crate::state::fits_log;
use crate::{Processor, SpeedError, StreamSettings, settings};

pub(super) async fn check(config: &Config, ports: Ports) -> anyhow::Result<()> {
    if ports.is_service() {
        let each = config.each_stream();
        let several = each.len() > 1;
        in_turn(each, async |config| {
            if several {
                println!("stream {}", config.stream);
            }
            service(config).await
        })
        .await?;
    } else {
        lines(config, ports).await?;
    }
    println!("ok");
    Ok(())
}

async fn service(config: &Config) -> anyhow::Result<()> {
    let partitions = log(config).await?;
    if let Some(line) = stores::check_views(config).await? {
        println!("{line}");
    }
    checkpoint(config, partitions).await
}

async fn lines(config: &Config, Ports { source, sink, .. }: Ports) -> anyhow::Result<()> {
    match source {
        Some(files) => {
            open(files, config)?;
            println!("all input files are there");
        }
        None => drop(log(config).await?),
    }
    match sink {
        Some(NdjsonOutput::Path(path)) => folder(&path),
        Some(NdjsonOutput::Standard) | None => Ok(()),
    }
}

async fn log(config: &Config) -> anyhow::Result<u32> {
    if let Some(line) = stores::check_log(config).await? {
        println!("{line}");
        return Ok(config.log.partitions);
    }
    let log = LogReader::open(config, Reading::Shared).await.explained()?;
    println!("the log has {} partitions", log.partitions());
    Ok(log.partitions())
}

fn folder(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::read_dir(folder)
        .with_context(|| format!("failed to look into folder `{}`", folder.display()))
        .exit(Exit::Unavailable)
        .map(drop)
}

async fn checkpoint(config: &Config, partitions: u32) -> anyhow::Result<()> {
    let Some(mut checkpoints) = CheckpointStore::of_speed_layer(config).await.explained()? else {
        println!("there are no views yet");
        return Ok(());
    };
    let Some(checkpoint) = checkpoints.load().await.explained()? else {
        println!("there is no checkpoint yet");
        return Ok(());
    };
    let restored = Processor::restore(
        &StreamSettings::new(config),
        &checkpoint,
        &settings(config),
        partitions,
    );
    restored.map_err(SpeedError::from)?;
    let mut log = LogReader::open(config, Reading::Shared).await.explained()?;
    let next_offsets = checkpoint.next_offsets();
    log.seek(&next_offsets).await.explained()?;
    let batch = log.next_batch().await.explained()?;
    fits_log(&next_offsets, &batch.end_offsets).map_err(SpeedError::from)?;
    println!("the checkpoint fits the configuration and the log");
    Ok(())
}
