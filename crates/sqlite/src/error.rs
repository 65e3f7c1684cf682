//! Errors by operation, whether to retry, and what a person can do.

use std::path::{Path, PathBuf};

use pulso_model::View;
use pulso_pipeline::{AdapterError, ErrorKind, Retry};
use rusqlite::ErrorCode;

use crate::database::Contents;
use crate::log::MAX_PARTITIONS;

/// What failed, on which file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to open the {contents} in `{path}`")]
    Open { contents: Contents, path: PathBuf, source: rusqlite::Error },
    /// A reader came before the writer.
    #[error("`{path}` does not hold the {contents} yet")]
    Missing { contents: Contents, path: PathBuf },
    /// The file is another program's database, or another one of Pulso's files.
    #[error("`{path}` does not hold the {contents} of Pulso")]
    OtherContents { contents: Contents, path: PathBuf },
    #[error("`{path}` has schema version {found}; this program knows versions up to {known}")]
    NewerSchema { path: PathBuf, found: i32, known: i32 },
    #[error("`{path}` was made by an older version of Pulso (schema version {found}, not {known})")]
    OlderSchema { path: PathBuf, found: i32, known: i32 },
    #[error("the log in `{path}` has {stored} partitions, not {requested}")]
    Partitions { path: PathBuf, stored: u32, requested: u32 },
    #[error("a log has 1 to {MAX_PARTITIONS} partitions, not {requested}")]
    PartitionCount { requested: u32 },
    #[error("failed to append to the log in `{path}`")]
    Append { path: PathBuf, source: rusqlite::Error },
    #[error("failed to read the log in `{path}`")]
    Read { path: PathBuf, source: rusqlite::Error },
    #[error("{given} offsets were given for the {partitions} partitions of the log in `{path}`")]
    Seek { path: PathBuf, given: u32, partitions: u32 },
    #[error("failed to write documents to `{path}`")]
    WriteDocuments { path: PathBuf, source: rusqlite::Error },
    #[error("failed to query `{path}`")]
    Query { path: PathBuf, source: rusqlite::Error },
    #[error("failed to read a whole view of `{path}`")]
    Scan { path: PathBuf, source: rusqlite::Error },
    #[error("failed to write batch documents to `{path}`")]
    Stage { path: PathBuf, source: rusqlite::Error },
    #[error("failed to publish batch documents in `{path}`")]
    Publish { path: PathBuf, source: rusqlite::Error },
    #[error("failed to delete replaced batch documents in `{path}`")]
    Sweep { path: PathBuf, source: rusqlite::Error },
    /// A later attempt at the same part has begun.
    #[error("stage {generation} of the view `{view}` in `{path}` is not open any more")]
    StageGone { path: PathBuf, view: View, generation: i64 },
    #[error("failed to use the spool in `{path}`")]
    Spool { path: PathBuf, source: rusqlite::Error },
    #[error("failed to load a checkpoint from `{path}`")]
    LoadCheckpoint { path: PathBuf, source: rusqlite::Error },
    #[error("failed to save a checkpoint to `{path}`")]
    SaveCheckpoint { path: PathBuf, source: rusqlite::Error },
    /// It is to be had alone.
    #[error("another program has the {contents} in `{path}` open")]
    InUse { contents: Contents, path: PathBuf },
    #[error("failed to change the {contents} in `{path}`")]
    Change { contents: Contents, path: PathBuf, source: rusqlite::Error },
    /// The runtime was shutting down; the operation had not begun.
    #[error("the program is stopping")]
    Stopping,
}

impl Error {
    /// The SQLite error behind this one.
    fn sqlite(&self) -> Option<(Contents, &Path, ErrorCode)> {
        let (contents, path, source) = match self {
            Self::Open { contents, path, source } | Self::Change { contents, path, source } => {
                (*contents, path, source)
            }
            Self::Append { path, source } | Self::Read { path, source } => {
                (Contents::Log, path, source)
            }
            Self::Spool { path, source } => (Contents::Spool, path, source),
            Self::WriteDocuments { path, source }
            | Self::Query { path, source }
            | Self::Scan { path, source }
            | Self::Stage { path, source }
            | Self::Publish { path, source }
            | Self::Sweep { path, source }
            | Self::LoadCheckpoint { path, source }
            | Self::SaveCheckpoint { path, source } => (Contents::Views, path, source),
            _ => return None,
        };
        Some((contents, path, source.sqlite_error_code()?))
    }
}

impl AdapterError for Error {
    fn retry(&self) -> Retry {
        match self.sqlite() {
            None if matches!(self, Self::Missing { .. }) => Retry::Backoff,
            Some((_, _, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => Retry::Backoff,
            _ => Retry::No,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Partitions { .. } | Self::PartitionCount { .. } => ErrorKind::Settings,
            _ => ErrorKind::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("start the program that writes it first".into()),
            Self::OtherContents { path, .. } => {
                Some(format!("check the data directory; is `{}` another program's?", show(path)))
            }
            Self::NewerSchema { path, .. } => {
                Some(format!("use the newer program that wrote `{}`", show(path)))
            }
            Self::OlderSchema { .. } => Some(
                "nothing is migrated: choose another data directory, and replay what you have recorded \
                 (`pulso replay FILE... --data DIR`)"
                    .into(),
            ),
            Self::Partitions { stored, .. } => Some(format!(
                "the number is fixed when a log is made: configure {stored} partitions, or choose \
                 another data directory"
            )),
            Self::InUse { .. } => Some(
                "stop all programs of Pulso that use this data directory, then try again".into(),
            ),
            Self::PartitionCount { .. } => Some("4 are enough for most machines".into()),
            _ => self.sqlite().and_then(|(contents, path, code)| advice(contents, path, code)),
        }
    }
}

fn advice(contents: Contents, path: &Path, code: ErrorCode) -> Option<String> {
    let folder = show(path.parent().unwrap_or(path));
    let file = show(path);
    let advice = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            format!("another program holds `{file}` locked; close it there")
        }
        ErrorCode::DiskFull => format!(
            "free space on the disk of `{folder}`, then start again: everything acknowledged is \
             stored, and nothing of what was refused"
        ),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => match contents {
            Contents::Log => format!(
                "`{file}` is damaged: stop, put a copy back, or save what can still be read, with \
                 a current `sqlite3`: `sqlite3 {file} .recover | sqlite3 {file}.recovered`, and put \
                 that in its place"
            ),
            Contents::Spool => format!(
                "`{file}` is damaged: stop, save what can still be read, with a current `sqlite3`: \
                 `sqlite3 {file} .recover | sqlite3 {file}.recovered`, and put that in its place; or \
                 give up what waited there and delete it with its `-wal` and `-shm` files"
            ),
            Contents::Views => format!(
                "`{file}` is damaged: stop, put a copy back, or delete it with its `-wal` and \
                 `-shm` files; all of it can be computed again from the log"
            ),
        },
        ErrorCode::CannotOpen => {
            format!("check that the folder `{folder}` exists and that this user may write in it")
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            format!("let this user write to `{file}` and to its folder")
        }
        ErrorCode::SystemIoFailure => format!("check the disk of `{folder}`"),
        _ => return None,
    };
    Some(advice)
}

fn show(path: &Path) -> std::path::Display<'_> {
    path.display()
}
