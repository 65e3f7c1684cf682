//! The API and the page over a data folder that may grow meanwhile.

use pulso_pipeline::SystemClock;
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, metrics};
use pulso_web::{ContactWriter, Facts, Options};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::cli::ServeArgs;
use crate::data::{DataFolder, start};
use crate::output;

pub(crate) async fn serve(
    common: &CommonArgs,
    args: ServeArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut config = start(common, &args.data)?;
    config.web.listen = args.listen.unwrap_or(config.web.listen);
    let mut options = Options::open(&config).explained()?;
    let folder = DataFolder::open_read_only(&config.data.directory)?;
    let views = folder.views_read_only(&config)?;
    // A folder that can only be read is served, too.
    options.organiser.contacts = match folder.views(&config) {
        Ok(writer) => Some(ContactWriter::new(writer, SystemClock)),
        Err(error) => {
            warn!(error = format!("{error:#}"), "contacts cannot be noted in this data folder");
            None
        }
    };
    let metrics = metrics::install()?;
    let listener = bind(&config, false).await?;
    let (directory, address) = (config.data.directory.display(), listener.local_addr()?);
    output::print(&format!("serving `{directory}` at http://{address}/ until Ctrl-C\n"))?;
    let metrics = move || metrics.render();
    pulso_web::run(listener, views, Facts::default, metrics, options, shutdown).await?;
    Ok(())
}

/// The web API's socket; with `fallback_to_next` on the next free port.
pub(crate) async fn bind(config: &Config, fallback_to_next: bool) -> anyhow::Result<TcpListener> {
    pulso_web::bind(config.web.listen, fallback_to_next)
        .await
        .exit(Exit::Unavailable)
        .hint("choose another address with `--listen 127.0.0.1:PORT`")
}
