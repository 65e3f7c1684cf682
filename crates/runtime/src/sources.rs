//! What sources do, and which of them are paused: small files in the data folder, so that a command, the API and
//! acquisition need not be one program, and a pause lasts until somebody ends it.
//!
//! | file in `sources/` | who writes it | what it says |
//! |---|---|---|
//! | `NAME.paused` | commands, the API | since when the source is to be paused; it goes on when the file is gone |
//! | `NAME.json` | acquisition | what it has counted since it began, and whether it is paused |

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use pulso_model::WallTime;
use serde_json::{Value, json};

use crate::Config;

#[cfg(test)]
mod tests;

/// The states of sources in a data folder. Calls read and write small files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    directory: PathBuf,
}

/// What became of the messages of a source since acquisition began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    pub read: u64,
    pub filtered: u64,
    pub sampled_out: u64,
    pub filter_errors: u64,
}

/// What acquisition says of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    pub counts: SourceCounts,
    /// Since when it is paused.
    pub paused_since: Option<String>,
}

impl Sources {
    /// Those of the configured data folder.
    pub fn of(config: &Config) -> Self {
        Self::in_folder(&config.data.directory)
    }

    pub fn in_folder(data: &Path) -> Self {
        Self { directory: data.join("sources") }
    }

    /// Since when a source is to be paused, as text; `None` if it is not.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn paused_since(&self, source: &str) -> io::Result<Option<String>> {
        let since = read(&self.file(source, "paused")?)?;
        Ok(since.map(|since| since.trim().to_owned()))
    }

    /// Pauses a source from now on; tells whether it was not. It stays so over restarts.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn pause(&self, source: &str, now: WallTime) -> io::Result<bool> {
        if self.paused_since(source)?.is_some() {
            return Ok(false);
        }
        let file = self.file(source, "paused")?;
        self.write(&file, &format!("{now}\n"))?;
        fs::File::open(&file)?.sync_all()?;
        self.sync()?;
        Ok(true)
    }

    /// Lets a source go on; tells whether it was paused.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn resume(&self, source: &str) -> io::Result<bool> {
        match fs::remove_file(self.file(source, "paused")?) {
            Ok(()) => self.sync().map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Says what a source does.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn tell(&self, source: &str, state: &SourceState) -> io::Result<()> {
        let SourceCounts { read, filtered, sampled_out, filter_errors } = state.counts;
        let state = json!({
            "read": read,
            "filtered": filtered,
            "sampled_out": sampled_out,
            "filter_errors": filter_errors,
            "paused_since": state.paused_since,
        });
        self.write(&self.file(source, "json")?, &format!("{state}\n"))
    }

    /// What acquisition has said last of a source; `None` where it has never read one of this name into the folder.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn state(&self, source: &str) -> io::Result<Option<SourceState>> {
        let Some(text) = read(&self.file(source, "json")?)? else {
            return Ok(None);
        };
        let state: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
        let count = |name: &str| state[name].as_u64().unwrap_or_default();
        let counts = SourceCounts {
            read: count("read"),
            filtered: count("filtered"),
            sampled_out: count("sampled_out"),
            filter_errors: count("filter_errors"),
        };
        let paused_since = state["paused_since"].as_str().map(str::to_owned);
        Ok(Some(SourceState { counts, paused_since }))
    }

    /// The sources of which acquisition has said something.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".json"));
            names.extend(name.map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// A name may come from a request, and must lead nowhere else.
    fn file(&self, source: &str, ending: &str) -> io::Result<PathBuf> {
        if !is_name(source) {
            let message = format!("`{source}` is not a name for a source");
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(self.directory.join(format!("{source}.{ending}")))
    }

    /// Readers find the old text or the new one, whole.
    fn write(&self, file: &Path, text: &str) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let new = file.with_added_extension(format!("{}.new", std::process::id()));
        fs::write(&new, text)?;
        fs::rename(&new, file)
    }

    fn sync(&self) -> io::Result<()> {
        fs::File::open(&self.directory)?.sync_all()
    }
}

/// Whether a source may have this name: up to 64 letters, digits, `-`, `_` and `.`.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 64 && text.chars().all(plain)
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
