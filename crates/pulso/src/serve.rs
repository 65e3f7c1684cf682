//! The API and the page over a data folder that may grow meanwhile.

use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, metrics};
use pulso_web::{Facts, Options};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
    let options = Options::open(&config).explained()?;
    let views = DataFolder::open_read_only(&config.data.directory)?.views_read_only(&config)?;
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
