//! Commits: adding one file to the transaction log, whole or not at all, and never over another.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use deltalake::DeltaTable;
use deltalake::kernel::transaction::{CommitData, PROTOCOL};
use deltalake::kernel::{Action, Transaction, Version};
use deltalake::protocol::DeltaOperation;

use crate::file::sync;
use crate::path::TableFolder;
use crate::{Error, table};

/// How often a commit is tried on top of other writers' commits. Each attempt fails only when
/// someone else succeeds, and writers pause for seconds between commits.
pub(crate) const ATTEMPTS_MAX: u32 = 16;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Committed,
    /// Somebody else committed this version.
    VersionTaken,
}

/// Tries to commit the version after the one that `table` has loaded.
pub(crate) async fn commit_next(
    folder: &TableFolder,
    table: &DeltaTable,
    actions: Vec<Action>,
    operation: DeltaOperation,
    transactions: Vec<Transaction>,
) -> Result<Attempt, Error> {
    let state = table.snapshot().map_err(|error| table::read_log(folder, error))?;
    let version: Version = state.version() + 1;
    let not_allowed = |source| Error::Commit { version, source: Box::new(source) };
    let data = CommitData::new(actions, operation, HashMap::new(), transactions);
    PROTOCOL
        .can_commit(state, &data.actions, &data.operation)
        .map_err(|error| not_allowed(error.into()))?;
    let bytes = data.get_bytes().map_err(|error| not_allowed(error.into()))?;

    let (unfinished, path) = (folder.unfinished_commit(), folder.commit(version));
    let log = folder.log();
    let written = tokio::task::spawn_blocking(move || {
        create_whole(&unfinished, &path, &log, &bytes).map_err(|error| (path, error))
    });
    match written.await.map_err(|source| Error::Task { source })? {
        Ok(()) => Ok(Attempt::Committed),
        Err((_, error)) if error.kind() == io::ErrorKind::AlreadyExists => {
            Ok(Attempt::VersionTaken)
        }
        Err((path, source)) => Err(Error::WriteFile { path, source }),
    }
}

/// Creates a file that is complete and on disk from the moment at which it has its name.
fn create_whole(unfinished: &Path, path: &Path, folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let linked = File::create_new(unfinished).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        // Unlike a rename, a link never replaces a file.
        fs::hard_link(unfinished, path)
    });
    if let Err(error) = fs::remove_file(unfinished) {
        tracing::debug!(path = %unfinished.display(), %error, "left an unfinished commit behind");
    }
    linked.and_then(|()| sync(folder))
}
