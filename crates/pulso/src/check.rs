//! Is everything there that a run needs? Changes nothing.

use anyhow::Context;
use pulso_pipeline::{Query, Views};
use pulso_runtime::{CommonArgs, Exit, FailureExt};

use crate::cli::DataArgs;
use crate::data::{DataFolder, explained, start};
use crate::serve;

pub(crate) async fn check(common: &CommonArgs, args: &DataArgs) -> anyhow::Result<()> {
    let config = start(common, args)?;
    println!("configuration: ok");
    let path = &config.data.directory;
    if path.exists() {
        let folder = DataFolder::open_read_only(path)?;
        let views = folder.views_read_only()?;
        let newest = Query::newest(pulso_model::View::CountryActivity, 1);
        explained(views.query(newest).await)?;
        println!("data folder `{}`: ok", path.display());
    } else {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(std::path::Path::new("."));
        std::fs::metadata(parent)
            .with_context(|| format!("failed to look at `{}`", parent.display()))
            .exit(Exit::Unavailable)
            .hint("make the folder, or choose another with `--data DIR`")?;
        println!("data folder `{}`: not there yet, will be made", path.display());
    }
    let listener = serve::bind(&config, false).await?;
    println!("web address {}: free", listener.local_addr()?);
    for source in &config.acquisition.sources {
        pulso_acquisition::check(source, &config.acquisition)
            .await
            .with_context(|| format!("source `{}`", source.name))
            .exit(Exit::Unavailable)?;
        println!("source `{}`: answers", source.name);
    }
    Ok(())
}
