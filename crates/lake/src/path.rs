//! Where the table keeps what.

use std::fmt;
use std::path::{Path, PathBuf};

use deltalake::kernel::Version;
use pulso_model::Day;

use crate::columns::DAY;

/// The folder of the table.
#[derive(Clone, Debug)]
pub(crate) struct TableFolder(PathBuf);

impl TableFolder {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder of the transaction log.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("_delta_log")
    }

    pub(crate) fn commit(&self, version: Version) -> PathBuf {
        self.log().join(format!("{version:020}.json"))
    }

    /// A name for a commit that is being written; readers of the log pass over it.
    pub(crate) fn unfinished_commit(&self) -> PathBuf {
        self.log().join(format!("_commit_{:016x}.json.tmp", rand::random::<u64>()))
    }

    pub(crate) fn checkpoint(&self, version: Version) -> PathBuf {
        self.log().join(format!("{version:020}.checkpoint.parquet"))
    }

    /// A file by its path in the table.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

/// The path in the table of a Parquet file: `day=2017-03-19/9f86d081884c7d65.zstd.parquet`.
///
/// The name is random: what a crash left behind must never be overwritten, or taken for the file of
/// a later attempt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentPath(String);

impl SegmentPath {
    pub(crate) fn random(day: Day) -> Self {
        Self(format!("{DAY}={day}/{:016x}.zstd.parquet", rand::random::<u64>()))
    }
}

impl fmt::Display for SegmentPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
