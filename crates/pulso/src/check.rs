//! Is everything there that a run needs? Changes nothing.

use std::path::Path;

use anyhow::{Context, anyhow};
use pulso_model::{Stream, View};
use pulso_pipeline::{LayerChoice, Query, StoredDocument, Views};
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt};
use pulso_sqlite::ViewReader;
use rustix::fs::{Access, access};
use serde_json::Value;

use crate::cli::DataArgs;
use crate::data::{DataFolder, start};
use crate::output::print;
use crate::{layers, serve};

pub(crate) async fn check(common: &CommonArgs, args: &DataArgs) -> anyhow::Result<()> {
    let config = start(common, args)?;
    print("configuration: ok\n")?;
    let path = &config.data.directory;
    let found = DataFolder::find(path)?;
    may_write(path)?;
    let streams = config.each_stream();
    let found = match found {
        Some(folder) => stores(&config, &streams, &folder).await?,
        None => "nothing in it yet",
    };
    print(&format!("data folder `{}`: ok, {found}\n", path.display()))?;
    let listener = serve::bind(&config, false).await?;
    print(&format!("web address {}: free\n", listener.local_addr()?))?;
    let is_served = |stream: &str| streams.iter().any(|config| config.stream == stream);
    let served = config.acquisition.sources.iter().filter(|source| is_served(&source.stream));
    for source in served {
        pulso_acquisition::check(source, &config.acquisition)
            .await
            .with_context(|| format!("source `{}` cannot be followed", source.name))
            .exit(Exit::Unavailable)
            .hint("check its `url`, `paths` or `listen` in the configuration, and the network")?;
        print(&format!("source `{}`: ok\n", source.name))?;
    }
    Ok(())
}

/// Opens what is there, and looks whether it belongs together.
async fn stores(
    config: &Config,
    streams: &[Config],
    folder: &DataFolder,
) -> anyhow::Result<&'static str> {
    let views = folder.views_read_only(config)?;
    for view in config.all_views() {
        views.query(Query::newest(view, 1)).await.explained()?;
    }
    if folder.in_use() {
        return Ok("in use by another pulso");
    }
    for config in streams {
        // Opening makes what is not there, and a check must not.
        if config.log_path().exists() {
            drop(layers::open(config, folder).await?);
        } else if was_written(config.stream(), &views).await? {
            return layers::missing_log(config);
        }
    }
    Ok("not in use")
}

/// Whether there is a document that only the stream's own log can have led to. Other streams have
/// theirs in the same file.
async fn was_written(stream: &Stream, views: &ViewReader) -> anyhow::Result<bool> {
    for view in stream.views() {
        if !views.query(Query::newest(view, 1)).await.explained()?.documents.is_empty() {
            return Ok(true);
        }
    }
    let of_stream = |stored: &StoredDocument| {
        let document: Value = serde_json::from_str(&stored.document.body).unwrap_or_default();
        document["stream"] == stream.name
    };
    for journal in View::JOURNALS {
        let mut documents = views.scan(journal, LayerChoice::Current).await.explained()?;
        while let Some(chunk) = documents.recv().await {
            if chunk.explained()?.iter().any(of_stream) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether the folder can be written to, or made.
fn may_write(folder: &Path) -> anyhow::Result<()> {
    let is_there = |path: &&Path| path.exists();
    let nearest = folder.ancestors().find(is_there).unwrap_or(Path::new("."));
    if !nearest.is_dir() {
        return Err(anyhow!("`{}` is not a folder", nearest.display()))
            .exit(Exit::Unavailable)
            .hint("choose another data folder with `--data DIR`");
    }
    access(nearest, Access::WRITE_OK | Access::EXEC_OK)
        .with_context(|| format!("failed to write to the folder `{}`", nearest.display()))
        .exit(Exit::Unavailable)
        .hint("let this user write there, or choose another data folder with `--data DIR`")
}
