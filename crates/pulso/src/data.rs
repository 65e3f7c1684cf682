//! The data folder: what lies where, who may use it, and what is wrong with it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use pulso_runtime::stores::embedded;
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, logs};
use pulso_sqlite::{Log, ViewReader, ViewStore};

use crate::cli::DataArgs;

const VIEWS: &str = "views.db";

const LOCK: &str = "pulso.lock";

/// What is logged unless asked for: the terminal is for the command's own output, and what a library
/// reports of a damaged file, the error says too.
const FILTER: &str = "warn,buoyant_kernel=off,delta_kernel=off";

/// A folder with the log, the views and the lake of one pipeline.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Held while this process may write; readers need none.
    _lock: Option<File>,
}

/// Loads the configuration, with `data.directory` as the arguments say, and starts logging.
pub(crate) fn start(common: &CommonArgs, data: &DataArgs) -> anyhow::Result<Config> {
    let config = in_folder(common.load()?, common, data);
    logs::install(&config.logs)?;
    Ok(config)
}

/// The same for commands that take one stream, draw on the terminal, and log around what they draw.
pub(crate) fn load_one(common: &CommonArgs, data: &DataArgs) -> anyhow::Result<Config> {
    Ok(in_folder(common.load_one()?, common, data))
}

pub(crate) fn in_folder(mut config: Config, common: &CommonArgs, data: &DataArgs) -> Config {
    if common.verbose == 0 && config.logs.filter == Config::default().logs.filter {
        config.logs.filter = FILTER.to_owned();
    }
    if let Some(path) = &data.data {
        config.data.directory.clone_from(path);
    }
    config
}

impl DataFolder {
    /// Opens the folder for writing, and makes it if need be. One process at a time.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        must_be_folder(path)?;
        fs::create_dir_all(path)
            .with_context(|| format!("failed to create the data folder `{}`", path.display()))
            .exit(Exit::Unavailable)
            .hint("choose a folder that you can write to with `--data DIR`")?;
        Ok(Self { path: path.to_owned(), _lock: Some(lock(path)?) })
    }

    /// Opens a folder that is there, for writing.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        Self::open_read_only(path)?;
        Ok(Self { path: path.to_owned(), _lock: Some(lock(path)?) })
    }

    /// Opens a folder that is there, for reading.
    pub(crate) fn open_read_only(path: &Path) -> anyhow::Result<Self> {
        Self::find(path)?
            .ok_or_else(|| anyhow!("there is no pulso data in `{}`", path.display()))
            .exit(Exit::NoInput)
            .hint("create some with `pulso demo` or `pulso replay FILE`, or name the folder with `--data DIR`")
    }

    /// Looks for a folder with data; `None` when no pipeline has written there.
    pub(crate) fn find(path: &Path) -> anyhow::Result<Option<Self>> {
        must_be_folder(path)?;
        let written = path
            .join(VIEWS)
            .try_exists()
            .with_context(|| format!("failed to look into `{}`", path.display()))
            .exit(Exit::Unavailable)
            .hint("let this user read the folder, or choose another one with `--data DIR`")?;
        Ok(written.then(|| Self { path: path.to_owned(), _lock: None }))
    }

    /// Whether some process writes to the folder right now.
    pub(crate) fn in_use(&self) -> bool {
        let lock = File::open(self.path.join(LOCK));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The stream's log; made if it is missing.
    pub(crate) fn log(&self, config: &Config) -> anyhow::Result<Log> {
        embedded::log(config).explained()
    }

    /// The views of all streams; made if they are missing.
    pub(crate) fn views(&self, config: &Config) -> anyhow::Result<ViewStore> {
        embedded::views(config).explained()
    }

    pub(crate) fn views_read_only(&self, config: &Config) -> anyhow::Result<ViewReader> {
        embedded::views_read_only(config).explained()
    }
}

fn must_be_folder(path: &Path) -> anyhow::Result<()> {
    if path.exists() && !path.is_dir() {
        return Err(anyhow!("`{}` is not a folder", path.display()))
            .exit(Exit::Unavailable)
            .hint("name the data folder with `--data DIR`");
    }
    Ok(())
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let file_path = path.join(LOCK);
    let file = File::create(&file_path)
        .with_context(|| format!("failed to write to the data folder `{}`", path.display()))
        .exit(Exit::Unavailable)
        .hint(
            "check its permissions and the free space on its disk, or choose another one with `--data DIR`",
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
    fn a_reader_sees_that_a_writer_is_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let writer = DataFolder::create(folder.path()).unwrap();
        assert!(DataFolder::find(folder.path()).unwrap().is_none(), "nothing is written yet");
        let mut config = Config::default();
        config.data.directory = folder.path().to_owned();
        drop(writer.views(&config).unwrap());
        let reader = DataFolder::find(folder.path()).unwrap().unwrap();
        assert!(reader.in_use());
        drop(writer);
        assert!(!reader.in_use());
    }

    #[test]
    fn a_folder_without_data_is_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let error = DataFolder::open_read_only(folder.path()).unwrap_err();
        assert!(error.to_string().contains("there is no pulso data"), "{error}");
    }
}
