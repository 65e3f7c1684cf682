//! Keeping the table quick to open and free of files that nobody needs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use deltalake::DeltaResult;
use deltalake::TableProperty;
use deltalake::checkpoints::{cleanup_metadata, create_checkpoint};
use deltalake::kernel::{Action, MetadataExt, Version};
use deltalake::operations::vacuum::{Clock, VacuumMode};
use deltalake::protocol::DeltaOperation;
use pulso_model::WallTime;

use crate::commit::{ATTEMPTS_MAX, Attempt, commit_next};
use crate::file::{remove_unused, sync};
use crate::table::read_log;
use crate::{Error, Lake};

/// A checkpoint sums up the log after so many commits, so that opening the table reads at most so
/// many commits.
const CHECKPOINT_EVERY: Version = 32;

/// The longest time between two vacuums of a [`Lake`] that stays open.
const VACUUM_EVERY_MAX: Duration = Duration::from_hours(24);

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
    pub(crate) async fn checkpoint(&self) -> DeltaResult<()> {
        create_checkpoint(&self.table, None).await?;
        let path = self.folder.checkpoint(self.version());
        let synced = tokio::task::spawn_blocking(move || sync(&path)).await;
        synced.map_err(std::io::Error::other).flatten()?;
        cleanup_metadata(&self.table, None).await?;
        Ok(())
    }

    /// Runs a [`vacuum`](Self::vacuum) unless this value has done so within the last `kept`, or the last
    /// day. So no more is left on the disk than was replaced within twice that time. A failure costs
    /// only room, so it is no error.
    pub async fn vacuum_when_due(&mut self, kept: Duration, now: WallTime) {
        let every = i64::try_from(kept.min(VACUUM_EVERY_MAX).as_millis()).unwrap_or(i64::MAX);
        // After the clock was set back, the last vacuum lies ahead: it does not count.
        let recent = |last: WallTime| last <= now && now.0 - last.0 < every;
        let untouched = self.version() == 0;
        if untouched || self.vacuumed.is_some_and(recent) {
            return;
        }
        match self.vacuum(kept, now).await {
            Ok(0) => {}
            Ok(files) => tracing::debug!(files, "removed replaced files"),
            Err(error) => tracing::warn!(%error, "failed to remove replaced files"),
        }
        self.vacuumed = Some(now);
    }

    /// Removes files that have not been in the table since `kept` before `now`: those that a compaction
    /// replaced, and those of a segment that was never committed. A query that began before that would
    /// miss them, and so would an archiver that has written but not committed: `kept` is the longest time
    /// that either may take. The table says the same to other programs that maintain it.
    ///
    /// Returns how many were removed.
    ///
    /// # Errors
    /// [`Error::Vacuum`], [`Error::ReadLog`], [`Error::Damaged`], the errors of a commit.
    pub async fn vacuum(&mut self, kept: Duration, now: WallTime) -> Result<usize, Error> {
        self.refresh().await?;
        self.announce(kept).await?;
        // A dry run, since removing needs no commit of its own.
        let unused = self
            .table
            .clone()
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(TimeDelta::from_std(kept).unwrap_or(TimeDelta::MAX))
            .with_enforce_retention_duration(false)
            .with_clock(Arc::new(Now(now)))
            .with_dry_run(true);
        let (_, unused) = unused.await.map_err(|source| Error::Vacuum {
            path: self.folder.path().to_owned(),
            source: Box::new(source),
        })?;
        // A file that is gone is named again until a checkpoint forgets it.
        let there = |path: &&String| self.folder.file(path).exists();
        let files: Vec<&String> = unused.files_deleted.iter().filter(there).collect();
        remove_unused(&self.folder, files.iter().copied());
        Ok(files.len())
    }

    /// Has the table say how long replaced files are kept. Checkpoints forget replaced files by this, and
    /// a file that is forgotten is removed for its own age: so it must be said before anything is removed.
    async fn announce(&mut self, kept: Duration) -> Result<(), Error> {
        let name = TableProperty::DeletedFileRetentionDuration.as_ref();
        let interval = interval(kept);
        for _ in 0..ATTEMPTS_MAX {
            let failed = |error| read_log(&self.folder, error);
            let state = self.table.snapshot().map_err(failed)?;
            if state.metadata().configuration().get(name) == Some(&interval) {
                return Ok(());
            }
            let metadata =
                state.metadata().clone().add_config_key(name.to_owned(), interval.clone());
            let actions = vec![Action::Metadata(metadata.map_err(|error| failed(error.into()))?)];
            let properties = HashMap::from([(name.to_owned(), interval.clone())]);
            let operation = DeltaOperation::SetTableProperties { properties };
            let attempt = commit_next(&self.folder, &self.table, actions, operation, Vec::new());
            let attempt = attempt.await?;
            self.refresh().await?;
            if attempt == Attempt::Committed {
                self.checkpoint_when_due().await;
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS_MAX })
    }
}

/// A duration as table properties have it.
pub(crate) fn interval(duration: Duration) -> String {
    format!("interval {} seconds", duration.as_secs())
}

/// The time of the caller's clock.
#[derive(Debug)]
struct Now(WallTime);

impl Clock for Now {
    fn current_timestamp_millis(&self) -> i64 {
        self.0.0
    }
}
