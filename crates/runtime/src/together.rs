//! One program that serves several streams at once.

use anyhow::Context;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span};

use crate::{Config, chain};

/// Runs a service for each of some streams, each on a thread of its own, so that none waits for another,
/// and returns what they did. The first that fails stops the others in order.
///
/// # Errors
/// That of the first that failed; names the stream where there are several.
pub async fn together<T, Service>(
    streams: Vec<Config>,
    shutdown: &CancellationToken,
    service: Service,
) -> anyhow::Result<Vec<T>>
where
    T: Send + 'static,
    Service: AsyncFnOnce(Config, CancellationToken) -> anyhow::Result<T> + Clone + Send + 'static,
{
    let stop = shutdown.child_token();
    let several = streams.len() > 1;
    let mut services = JoinSet::new();
    for config in streams {
        let (service, stop, runtime) = (service.clone(), stop.clone(), Handle::current());
        services.spawn_blocking(move || {
            let stream = config.stream.clone();
            let span = info_span!("stream", name = stream);
            let ended = runtime.block_on(service(config, stop).instrument(span));
            ended.map_err(|error| of_stream(error, &stream, several))
        });
    }
    let (mut done, mut failed) = (Vec::new(), None);
    while let Some(ended) = services.join_next().await {
        match ended.context("a service ended early").flatten() {
            Ok(result) => done.push(result),
            Err(error) => {
                stop.cancel();
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

/// Says which stream an error is of, where that is not clear.
fn of_stream(error: anyhow::Error, stream: &str, several: bool) -> anyhow::Error {
    if several { error.context(format!("stream `{stream}`")) } else { error }
}

/// Does something for each of some streams, one after the other, whatever becomes of those before.
///
/// # Errors
/// The first one; names the stream where there are several. Further ones are logged.
pub async fn in_turn(
    streams: Vec<Config>,
    mut work: impl AsyncFnMut(&Config) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let several = streams.len() > 1;
    let mut result = Ok(());
    for config in streams {
        let done = work(&config).await.map_err(|error| of_stream(error, &config.stream, several));
        match (&result, done) {
            (Ok(()), done) => result = done,
            (Err(_), Err(error)) => error!(error = %chain(&*error), "another stream failed, too"),
            (Err(_), Ok(())) => {}
        }
    }
    result
}

#[cfg(test)]
mod tests;
