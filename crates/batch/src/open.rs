//! The batch layer over the data directory, for every program that runs it.

use pulso_lake::{Error, Lake};
use pulso_model::ViewDocument;
use pulso_pipeline::{BatchViews, Sink, Source, SystemClock, Views};
use pulso_runtime::{Config, ExplainExt, stores};
use tokio_util::sync::CancellationToken;

use crate::{BatchLayer, LayerOptions};

/// The lake of a stream; `None` when nothing has been archived yet.
///
/// # Errors
/// When it cannot be had.
pub async fn find_lake(config: &Config) -> anyhow::Result<Option<Lake>> {
    match Lake::open(config.lake_path(), &config.decoder()).await {
        Err(Error::NotFound { .. }) => Ok(None),
        lake => lake.map(Some).explained(),
    }
}

/// Puts the layer of a stream together with its lake in the data directory, which is made if it is
/// missing, and has it mark what an earlier program left unfinished.
///
/// # Errors
/// When the lake, the directory or the view store cannot be had.
pub async fn open<S, V>(
    config: &Config,
    source: S,
    views: V,
    shutdown: CancellationToken,
) -> anyhow::Result<BatchLayer<S, V, SystemClock>>
where
    S: Source,
    V: Views + BatchViews + Sink<ViewDocument> + Sync,
{
    let lake = Lake::open_or_create(config.lake_path(), &config.decoder()).await.explained()?;
    let scratch = config.scratch_path();
    stores::make(&scratch).explained()?;
    let options = LayerOptions::new(config, scratch);
    let mut layer = BatchLayer::new(source, lake, views, SystemClock, options, shutdown);
    layer.recover().await?;
    Ok(layer)
}
