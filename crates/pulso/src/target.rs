//! Where what was asked for is written: a file, or the standard output.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use pulso_runtime::{Exit, FailureExt};

use crate::output::is_broken_pipe;

const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) type Output = Box<dyn Write + Send>;

/// Where to write. What is at a path stays until all is written beside it, so that nobody takes a
/// part for the whole.
pub(crate) struct Target {
    path: Option<PathBuf>,
    /// None for what is no regular file.
    beside: Option<PathBuf>,
}

impl Target {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        let path = path.map(|path| fs::canonicalize(&path).unwrap_or(path));
        let replaceable = |path: &&PathBuf| path.is_file() || !path.exists();
        let beside = path.as_ref().filter(replaceable).and_then(|path| {
            let mut name = path.file_name()?.to_owned();
            name.push(".part");
            Some(path.with_file_name(name))
        });
        Self { path, beside }
    }

    pub(crate) fn open(&self) -> io::Result<Output> {
        Ok(match self.beside.as_ref().or(self.path.as_ref()) {
            Some(path) => Box::new(BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?)),
            None => Box::new(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())),
        })
    }

    pub(crate) fn publish(&self) -> io::Result<()> {
        match (&self.beside, &self.path) {
            (Some(beside), Some(path)) => fs::rename(beside, path),
            _ => Ok(()),
        }
    }

    /// Says of an error what could not be written, and why in the system's words alone.
    pub(crate) fn with_context<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        let name = self.path.as_deref().map_or("standard output".into(), Path::to_string_lossy);
        result
            .map_err(|error| system_error(&error).map_or(error, anyhow::Error::from))
            .with_context(|| format!("failed to write `{name}`"))
            .exit(Exit::Unavailable)
            .hint("check that the folder exists, its permissions, and the free space on its disk")
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // It is there only when something went wrong.
            fs::remove_file(beside).unwrap_or_default();
        }
    }
}

/// The operating system's error below those of libraries, which repeat it.
fn system_error(error: &anyhow::Error) -> Option<io::Error> {
    let cause = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>())?;
    Some(cause.raw_os_error().map_or_else(|| cause.kind().into(), io::Error::from_raw_os_error))
}

pub(crate) fn nobody_reads(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_broken_pipe))
}
