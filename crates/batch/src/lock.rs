//! One program at a time runs batch jobs with a folder for temporary files.
//!
//! The lock is held during a run, not during the life of a program, so that commands work beside the
//! service that keeps the schedule.

#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use pulso_runtime::{Exit, FailureExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// The file in the folder that is locked.
pub(crate) const LOCK: &str = "batch.lock";

/// How long the run of another program is waited for: longer than most, shorter than a person's patience.
const WAIT: Duration = Duration::from_secs(300);

/// How often it is looked whether that run has ended.
const LOOK: Duration = Duration::from_millis(500);

/// Waits until no other program runs anything with `scratch`. Unlocked when the file is dropped.
///
/// # Errors
/// When the other one does not end in time, or before `shutdown`, or the folder cannot be written.
pub(crate) async fn lock(scratch: &Path, shutdown: &CancellationToken) -> anyhow::Result<File> {
    let path = scratch.join(LOCK);
    let failed = || format!("failed to lock `{}`", path.display());
    let file = File::create(&path).with_context(failed).exit(Exit::Unavailable)?;
    let mut begun = None;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(failed).exit(Exit::Unavailable);
            }
        }
        let begun = *begun.get_or_insert_with(|| {
            info!(folder = %scratch.display(), "another program is running batch jobs; waiting for it");
            Instant::now()
        });
        let looked = shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await;
        if looked.is_none() || begun.elapsed() >= WAIT {
            return Err(anyhow!(
                "another program is running batch jobs in `{}`",
                scratch.display()
            ))
            .exit(Exit::Unavailable)
            .hint("wait until it has finished, or stop it");
        }
    }
}
