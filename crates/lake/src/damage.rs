//! Finding out which file of a damaged table is the broken one. Slow; only after something failed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use deltalake::DeltaTable;
use deltalake::kernel::Version;
use deltalake::logstore::get_actions;
use deltalake::parquet::file::reader::SerializedFileReader;

use crate::Error;
use crate::path::TableFolder;

/// The first broken or missing file of the transaction log, if any.
pub(crate) fn in_log(folder: &TableFolder) -> Option<Error> {
    let files: Vec<PathBuf> =
        fs::read_dir(folder.log()).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let versions = |suffix: &'static str| {
        files.iter().filter_map(move |path| {
            let name = path.file_name()?.to_str()?.strip_suffix(suffix)?;
            name.parse::<Version>().ok()
        })
    };
    let checkpoint = versions(".checkpoint.parquet").max();
    if let Some(version) = checkpoint {
        let path = folder.checkpoint(version);
        let problem = File::open(&path)
            .map_err(|error| error.to_string())
            .and_then(|file| SerializedFileReader::new(file).map_err(|error| error.to_string()));
        if let Err(problem) = problem {
            return Some(Error::Damaged { path, problem: format!("cannot be read: {problem}") });
        }
    }
    let first = checkpoint.map_or(0, |version| version + 1);
    let last = versions(".json").max()?;
    (first..=last).find_map(|version| {
        let path = folder.commit(version);
        let problem = commit_problem(&path, version)?;
        Some(Error::Damaged { path, problem })
    })
}

fn commit_problem(path: &Path, version: Version) -> Option<String> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    match get_actions(version, &bytes.into()) {
        Ok(_) => None,
        Err(error) => Some(format!("is not a commit: {error}")),
    }
}

/// The first Parquet file of the table that is missing or has another size than when it was added.
pub(crate) fn in_files(folder: &TableFolder, table: &DeltaTable) -> Option<Error> {
    table.snapshot().ok()?.log_data().iter().find_map(|file| {
        let path = folder.file(&file.path());
        let problem = match fs::metadata(&path) {
            Err(error) => format!("cannot be read: {error}"),
            Ok(found) if i64::try_from(found.len()) != Ok(file.size()) => {
                format!("has {} bytes instead of {}", found.len(), file.size())
            }
            Ok(_) => return None,
        };
        Some(Error::Damaged { path, problem })
    })
}

/// The first Parquet file of the table that cannot be opened, as far as its footer tells.
pub(crate) fn in_footers(folder: &TableFolder, table: &DeltaTable) -> Option<Error> {
    table.snapshot().ok()?.log_data().iter().find_map(|file| {
        let path = folder.file(&file.path());
        let opened = File::open(&path)
            .map_err(|error| error.to_string())
            .and_then(|file| SerializedFileReader::new(file).map_err(|error| error.to_string()));
        let problem = format!("cannot be read: {}", opened.err()?);
        Some(Error::Damaged { path, problem })
    })
}
