//! The key by which a person gets another name, for as long as a run needs it.
//!
//! It stays in the data directory while anything is half done, so that the next run gives the same names;
//! then it goes, and with it the way from a new name to an old one. Beside it stands only what tells
//! whether that run is for the same person.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use pulso_model::{Renaming, Stream};
use pulso_runtime::{Exit, FailureExt};

const FILE: &str = "erase.key";
const KEY_BYTES: usize = 32;

/// A renaming whose key is kept while it is needed.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    key: [u8; KEY_BYTES],
    pub(super) renaming: Renaming,
    /// Whether an earlier run was broken off.
    pub(super) begun: bool,
}

impl Kept {
    /// The key of the run that was broken off, if one was; else a new one, which is not kept yet. `None`
    /// where the stream has no people.
    pub(super) fn of(
        folder: &Path,
        stream: &'static Stream,
        actor: &str,
    ) -> anyhow::Result<Option<Self>> {
        let path = folder.join(FILE);
        let read = match fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                let failed = format!("failed to read `{}`", path.display());
                return Err(error).context(failed).exit(Exit::Unavailable);
            }
        };
        let begun = read.is_some();
        let key = match &read {
            None => rand::random(),
            Some(bytes) => match bytes.first_chunk() {
                Some(key) => *key,
                None => return of_another(&path),
            },
        };
        let Some(renaming) = Renaming::new(stream, actor, key) else { return Ok(None) };
        if read.is_some_and(|bytes| bytes.get(KEY_BYTES..) != Some(mark(&renaming).as_bytes())) {
            return of_another(&path);
        }
        Ok(Some(Self { path, key, renaming, begun }))
    }

    /// Keeps the key, from before anything is changed.
    pub(super) fn keep(&self) -> anyhow::Result<()> {
        if self.begun {
            return Ok(());
        }
        let unfinished = self.path.with_extension("key.tmp");
        let write = || {
            let mut file = File::create(&unfinished)?;
            file.write_all(&self.key)?;
            file.write_all(mark(&self.renaming).as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &self.path)?;
            self.sync()
        };
        let failed = || format!("failed to write `{}`", self.path.display());
        write().with_context(failed).exit(Exit::Unavailable)
    }

    /// Nothing is left to do, so nobody may find the way back.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        let failed = || format!("failed to remove `{}`", self.path.display());
        fs::remove_file(&self.path).and_then(|()| self.sync()).with_context(failed)
    }

    fn sync(&self) -> io::Result<()> {
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Tells a renaming from another of the same key, and says no more.
fn mark(renaming: &Renaming) -> String {
    format!("{}/{}", renaming.stream(), renaming.new_actor())
}

fn of_another<T>(path: &Path) -> anyhow::Result<T> {
    let hint = format!(
        "first erase that person to the end, by the same command as then; without `{}` they would get two names",
        path.display()
    );
    Err(anyhow!("another person was to be erased, and that was broken off"))
        .exit(Exit::Unavailable)
        .hint(hint)
}
