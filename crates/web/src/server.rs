//! The API and the page behind a socket.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use hyper_util::service::TowerToHyperService;
use pulso_pipeline::Views;
use pulso_runtime::server;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::http::{self, Facts, Options};
use crate::organiser;

/// Why the server could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("failed to read the address of the listening socket")]
    ReadAddress { source: io::Error },
}

/// Serves the API and the page until `shutdown`. Then lets requests in progress finish, for five
/// seconds at most.
///
/// The page and `/readyz` call `status`, and `/metrics` calls `metrics` (Prometheus text). Both
/// must answer at once.
///
/// # Errors
/// When the listener is unusable. Errors of single connections and requests do not end the server.
pub async fn run(
    listener: TcpListener,
    views: impl Views,
    status: impl Fn() -> Facts + Send + Sync + 'static,
    metrics: impl Fn() -> String + Send + Sync + 'static,
    options: Options,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let address = listener.local_addr().map_err(|source| RunError::ReadAddress { source })?;
    info!(url = %format_args!("http://{address}"), "serving");
    let stream = organiser::stream_of(options.streams.iter().map(|served| served.stream));
    let desk = organiser::keep(views.clone(), options.organiser.clone(), stream, shutdown.clone());
    let guard = Arc::clone(&options.guard);
    let following = shutdown.run_until_cancelled(guard.follow_accounts());
    let router = http::router(views, status, metrics, options, shutdown.clone());
    let serving = server::serve(listener, TowerToHyperService::new(router), shutdown.clone());
    tokio::join!(desk, following, serving);
    Ok(())
}
