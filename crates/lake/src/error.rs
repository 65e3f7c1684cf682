//! What can go wrong with the table, whether to try again, and what the user can do.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use deltalake::DeltaTableError;
use deltalake::kernel::Version;
use deltalake::parquet::errors::ParquetError;
use pulso_model::Position;
use pulso_pipeline::{AdapterError, ErrorKind, Retry};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to create folder `{}`", path.display())]
    CreateFolder { path: PathBuf, source: io::Error },
    #[error("there is no master dataset in `{}`", path.display())]
    NotFound { path: PathBuf },
    #[error("failed to create the master dataset in `{}`", path.display())]
    Create { path: PathBuf, source: Box<DeltaTableError> },
    #[error("failed to read the transaction log of `{}`", path.display())]
    ReadLog { path: PathBuf, source: Box<DeltaTableError> },
    #[error("the table in `{}` has other columns than the master dataset", path.display())]
    OtherColumns { path: PathBuf },
    /// A file of the table is missing or unreadable.
    #[error("the master dataset is damaged: `{}` {problem}", path.display())]
    Damaged { path: PathBuf, problem: String },
    #[error("failed to write `{}`", path.display())]
    WriteFile { path: PathBuf, source: io::Error },
    #[error("failed to write `{}`", path.display())]
    EncodeFile { path: PathBuf, source: ParquetError },
    #[error("failed to read `{}`", path.display())]
    DecodeFile { path: PathBuf, source: ParquetError },
    /// Another program changed the table such that Pulso must not write to it.
    #[error("failed to commit version `{version}`")]
    Commit { version: Version, source: Box<DeltaTableError> },
    /// Another archiver was there first, or the segment does not follow what the table holds.
    #[error(
        "partition `{partition}` of the master dataset is at offset `{next_offset}`, \
         the segment begins at `{segment_offset}`"
    )]
    Conflict { partition: usize, next_offset: u64, segment_offset: u64 },
    #[error("other writers committed first, `{attempts}` times in a row")]
    Contended { attempts: u32 },
    #[error("partition `{partition}` gave offset `{offset}` where `{next_offset}` comes next")]
    OutOfOrder { partition: u32, offset: u64, next_offset: u64 },
    #[error("the log has no partition `{partition}`")]
    UnknownPartition { partition: u32 },
    #[error("failed to remove unused files of `{}`", path.display())]
    Vacuum { path: PathBuf, source: Box<DeltaTableError> },
    /// Nothing has changed.
    #[error("the message at partition `{}`, offset `{}` {problem}", position.partition, position.offset)]
    Rewrite { position: Position, problem: &'static str },
    #[error("failed to sum up the transaction log in `{}`", path.display())]
    Checkpoint { path: PathBuf, source: Box<DeltaTableError> },
    #[error("failed to remove `{}`", path.display())]
    RemoveFile { path: PathBuf, source: io::Error },
    #[error("failed to write the exported file")]
    Export { source: ParquetError },
    #[error("failed to plan reading the master dataset")]
    Scan { source: Box<deltalake::datafusion::error::DataFusionError> },
    #[error("a writer of the master dataset ended early")]
    Task { source: tokio::task::JoinError },
}

impl Error {
    /// The operating system's part in the error.
    fn io_kind(&self) -> Option<io::ErrorKind> {
        let mut cause: &(dyn StdError + 'static) = self;
        loop {
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                return Some(error.kind());
            }
            cause = cause.source()?;
        }
    }
}

impl AdapterError for Error {
    fn retry(&self) -> Retry {
        match self {
            Self::Conflict { .. } | Self::Contended { .. } => Retry::Backoff,
            _ => match self.io_kind() {
                None
                | Some(
                    io::ErrorKind::PermissionDenied
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::AlreadyExists
                    | io::ErrorKind::NotFound,
                ) => Retry::No,
                Some(_) => Retry::Backoff,
            },
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotFound { .. } => "run `archive` first",
            Self::OtherColumns { .. } => "give the master dataset a folder of its own",
            Self::Damaged { .. } => {
                "restore the file from a backup; or move the folder of the master dataset away \
                 and archive the log again; a last commit cut short by a power failure can be \
                 deleted, its messages are archived again"
            }
            Self::Conflict { .. } => "run one archiver at a time",
            _ => match self.io_kind()? {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "make the folder writable for the user that runs Pulso"
                }
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                    "a file is where the folder should be; move it away"
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room on the disk; nothing is lost, archiving goes on where it was"
                }
                _ => return None,
            },
        };
        Some(hint.to_owned())
    }
}
