//! The one configuration of all programs: typed, checked, and loaded from layers.
//!
//! [`DEFAULT`] is the reference of all keys. Loading has two steps. First the layers are put over one
//! another as plain TOML, and what is not a key of the reference is refused. Then every key is read
//! once into [`Config`], which collects all problems instead of stopping at the first; that is why no
//! serde derive stands between the two.

mod error;
mod layers;
mod reader;
mod secret;
pub(crate) mod sections;
mod size;
#[cfg(test)]
mod tests;
mod url;
mod values;

pub use error::{ConfigError, Problem};
pub use layers::{ConfigFile, Layers};
pub use pulso_model::duration::{format_duration, parse_duration};
pub use secret::{Secret, SecretError};
pub use sections::{
    Acquisition, Admission, Archive, AtLimit, Batch, Checkpoint, Config, Data, Declared, Demo,
    Echo, Elasticsearch, FilesFrom, Format, Guard, Kafka, Kibana, Listening, Log, LogFormat,
    LogStore, Login, LoginMode, Logs, Lost, Network, Operations, Organiser, ParseNetworkError,
    Privacy, Protocol, Retention, SaslMechanism, Schedule, ServerTls, Sessions, Share, ShowMembers,
    Source, Spool, SyslogTransport, Time, Tls, Trends, ViewStore, Views, Web, Window, shown_url,
};
pub use size::{ByteSize, ParseByteSizeError};

use std::path::PathBuf;

use reader::Reader;

/// Every key with its default value and a comment.
pub const DEFAULT: &str = include_str!("config/default.toml");

impl Config {
    /// Reads the configuration from its layers.
    ///
    /// # Errors
    /// Syntax errors of the file, or all problems with keys and values at once.
    pub fn load(layers: &Layers) -> Result<Self, ConfigError> {
        let layered = layers::merge(layers)?;
        let mut reader = Reader::new(layered);
        let config = values::read(&mut reader);
        values::check(&mut reader, &config);
        let problems = reader.into_problems();
        if problems.is_empty() {
            return Ok(config);
        }
        let path = layers.file.as_ref().map(|file| file.path.clone());
        Err(ConfigError::Invalid { path, problems })
    }

    /// The stream that is meant where none is named.
    pub const STREAM: &str = pulso_streams::USUAL;

    /// Where acquisition keeps messages of the stream while Kafka is away.
    pub fn spool_directory(&self) -> PathBuf {
        self.data.directory.join(&self.spool.directory).join(&self.stream)
    }

    /// The file in which they are.
    pub fn spool_path(&self) -> PathBuf {
        self.spool_directory().join("spool.db")
    }

    /// The file of the stream's embedded log.
    pub fn log_path(&self) -> PathBuf {
        self.data.directory.join("log").join(format!("{}.db", self.stream))
    }

    /// The file of embedded views, of all streams.
    pub fn views_path(&self) -> PathBuf {
        self.data.directory.join("views.db")
    }

    /// Where batch jobs of the stream spill what does not fit into their memory.
    pub fn scratch_path(&self) -> PathBuf {
        self.data.directory.join("scratch").join(&self.stream)
    }

    /// The folder of the stream's master dataset.
    pub fn lake_path(&self) -> PathBuf {
        self.data.directory.join("lake").join(&self.stream)
    }
}

impl Default for Config {
    /// The values of [`DEFAULT`].
    fn default() -> Self {
        Self::load(&Layers::default()).expect("the embedded defaults are valid, as a test shows")
    }
}
