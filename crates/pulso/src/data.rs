//! The data folder: what lies where, who may use it, and what is wrong with it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use pulso_pipeline::SystemClock;
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt, logs};
use pulso_sqlite::{CheckpointStore, Log, ViewReader, ViewStore};

use crate::cli::DataArgs;

/// The speed layer's name among the readers of the log.
const SPEED_READER: &str = "speed";

/// A folder with the log, the views and the lake of one pipeline.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Held while this process may write; readers need none.
    _lock: Option<File>,
}

/// Loads the configuration, with `data.directory` as the arguments say.
///
/// The terminal is for the command's own output: unless asked for, only warnings are logged.
pub(crate) fn start(common: &CommonArgs, data: &DataArgs) -> anyhow::Result<Config> {
    let mut config = common.load()?;
    if common.verbose == 0 && config.logs.filter == Config::default().logs.filter {
        config.logs.filter = "warn".to_owned();
    }
    logs::install(&config.logs)?;
    if let Some(path) = &data.data {
        config.data.directory.clone_from(path);
    }
    Ok(config)
}

impl DataFolder {
    /// Opens the folder for writing, and makes it if need be. One process at a time.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("failed to create the data folder `{}`", path.display()))
            .exit(Exit::Unavailable)
            .hint("choose a folder that you may write to with `--data DIR`")?;
        Ok(Self { path: path.to_owned(), _lock: Some(lock(path)?) })
    }

    /// Opens a folder that is there, for writing.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_read_only(path)?;
        Ok(Self { path: path.to_owned(), _lock: Some(lock(path)?) })
    }

    /// Opens a folder that is there, for reading.
    pub(crate) fn open_read_only(path: &Path) -> anyhow::Result<Self> {
        if !path.join("views.db").exists() {
            return Err(anyhow!("there is no pulso data in `{}`", path.display()))
                .exit(Exit::NoInput)
                .hint("make some with `pulso demo` or `pulso replay FILE`, or name the folder with `--data DIR`");
        }
        Ok(Self { path: path.to_owned(), _lock: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn log(&self, partitions: u32) -> anyhow::Result<Log> {
        explained(Log::open(&self.path.join("log.db"), partitions, SystemClock))
    }

    pub(crate) fn views(&self) -> anyhow::Result<ViewStore> {
        explained(ViewStore::open(&self.path.join("views.db")))
    }

    pub(crate) fn views_read_only(&self) -> anyhow::Result<ViewReader> {
        explained(ViewStore::open_read_only(&self.path.join("views.db")))
    }

    pub(crate) fn speed_checkpoints(&self) -> anyhow::Result<CheckpointStore> {
        explained(CheckpointStore::open(&self.path.join("views.db"), SPEED_READER))
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.path.join("lake").join("messages")
    }

    /// Where batch jobs spill what does not fit into their memory.
    pub(crate) fn scratch(&self) -> anyhow::Result<PathBuf> {
        let path = self.path.join("scratch");
        fs::create_dir_all(&path)
            .with_context(|| format!("failed to create `{}`", path.display()))
            .exit(Exit::Unavailable)?;
        Ok(path)
    }
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let file_path = path.join("pulso.lock");
    let file = File::create(&file_path)
        .with_context(|| format!("failed to write to the data folder `{}`", path.display()))
        .exit(Exit::Unavailable)
        .hint(
            "check its permissions and the space on its disk, or choose another with `--data DIR`",
        )?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(anyhow!("the data folder `{}` is in use by another pulso", path.display()))
                .exit(Exit::Unavailable)
                .hint("stop the other one, or choose another folder with `--data DIR`")
        }
        Err(TryLockError::Error(error)) => Err(error)
            .with_context(|| format!("failed to lock `{}`", file_path.display()))
            .exit(Exit::Unavailable),
    }
}

/// Gives an error of the embedded store its hint; what it needs is not available.
pub(crate) fn explained<T>(result: Result<T, pulso_sqlite::Error>) -> anyhow::Result<T> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => {
            let hint = error.hint();
            let failure = Err(error).exit(Exit::Unavailable);
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::create(folder.path()).unwrap();
        let second = DataFolder::create(folder.path()).unwrap_err();
        assert!(second.to_string().contains("in use by another pulso"), "{second}");
        drop(first);
        assert!(DataFolder::create(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_without_data_is_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let error = DataFolder::open_read_only(folder.path()).unwrap_err();
        assert!(error.to_string().contains("there is no pulso data"), "{error}");
    }
}
