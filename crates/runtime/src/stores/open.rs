//! Opening what a service needs, also when it is started before its servers.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::StoreError;
use crate::health::Health;
use crate::{Backoff, Explain, chain};

/// Pauses between attempts: at first, and at most. Short enough that a service goes on within seconds
/// of its server.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Opens stores for a service.
#[derive(Debug)]
pub struct Opener<'a> {
    pub health: &'a Health,
    pub shutdown: &'a CancellationToken,
}

impl Opener<'_> {
    /// Opens a store; as long as its server is merely away, tries again. `None` when the service is to
    /// stop before that.
    ///
    /// # Errors
    /// What trying again does not mend: wrong settings, versions, rights.
    pub async fn open<T>(
        &self,
        dependency: &'static str,
        mut open: impl AsyncFnMut() -> Result<T, StoreError>,
    ) -> anyhow::Result<Option<T>> {
        self.health.awaits(dependency);
        let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
        loop {
            let Some(opened) = self.shutdown.run_until_cancelled(open()).await else {
                return Ok(None);
            };
            let error = match opened {
                Ok(store) => {
                    self.health.works(dependency);
                    return Ok(Some(store));
                }
                Err(error) if error.away() => error,
                Err(error) => return Err(error.explained()),
            };
            self.health.fails(dependency, &error);
            let delay = backoff.next_delay(&mut rand::rng());
            warn!(dependency, ?delay, error = %chain(&error), "not there yet, trying again");
            let pause = tokio::time::sleep(delay);
            if self.shutdown.run_until_cancelled(pause).await.is_none() {
                return Ok(None);
            }
        }
    }
}
