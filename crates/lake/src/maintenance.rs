//! Keeping the table quick to open and free of files that nobody needs.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use deltalake::DeltaResult;
use deltalake::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake::kernel::Version;
use deltalake::operations::vacuum::{Clock, VacuumMode};
use pulso_model::WallTime;

use crate::file::{remove_unused, sync};
use crate::{Error, Lake};

/// A checkpoint sums up the log after so many commits, so that opening the table reads at most so
/// many commits.
const CHECKPOINT_EVERY: Version = 32;

impl Lake {
    /// A failure costs only time when opening the table, so it is no error.
    pub(crate) async fn checkpoint_when_due(&self) {
        let version = self.version();
        if version.is_multiple_of(CHECKPOINT_EVERY)
            && let Err(error) = self.checkpoint().await
        {
            tracing::warn!(version, %error, "failed to make a checkpoint of the transaction log");
        }
    }

    /// Sums up the log, then removes what is older than the retention.
    async fn checkpoint(&self) -> DeltaResult<()> {
        create_checkpoint(&self.table, None).await?;
        let path = self.folder.checkpoint(self.version());
        let synced = tokio::task::spawn_blocking(move || sync(&path)).await;
        synced.map_err(std::io::Error::other).flatten()?;
        cleanup_metadata(&self.table, None).await?;
        Ok(())
    }

    /// Removes files that have not been in the table for `retention` before `now`: those that a
    /// compaction replaced, and those of a segment that was never committed. A query that began
    /// before that would miss them, and so would an archiver that has written but not committed:
    /// [`RETENTION`](crate::RETENTION) leaves both enough time.
    ///
    /// Returns how many were removed.
    ///
    /// # Errors
    /// [`Error::Vacuum`], [`Error::ReadLog`], [`Error::Damaged`].
    pub async fn vacuum(&mut self, retention: Duration, now: WallTime) -> Result<usize, Error> {
        self.refresh().await?;
        // A dry run, since removing needs no commit of its own.
        let unused = self
            .table
            .clone()
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX))
            .with_enforce_retention_duration(false)
            .with_clock(Arc::new(Now(now)))
            .with_dry_run(true);
        let (_, unused) = unused.await.map_err(|source| Error::Vacuum {
            path: self.folder.path().to_owned(),
            source: Box::new(source),
        })?;
        remove_unused(&self.folder, &unused.files_deleted);
        Ok(unused.files_deleted.len())
    }
}

/// The time of the caller's clock.
#[derive(Debug)]
struct Now(WallTime);

impl Clock for Now {
    fn current_timestamp_millis(&self) -> i64 {
        self.0.0
    }
}
