//! The errors of all stores in one.

use std::path::PathBuf;

use pulso_pipeline::{AdapterError, ErrorKind, Retry};

use crate::config::SecretError;

/// What a store said; shows as that.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A reader came before the writer.
    #[error("there is no log `{}`", path.display())]
    NoLog { path: PathBuf },
    #[error("failed to make the data directory `{}`", path.display())]
    MakeDirectory { path: PathBuf, source: std::io::Error },
    #[error("there are no views at `{}`", path.display())]
    NoViews { path: PathBuf },
    /// Somebody else holds the lease of the log in Kafka.
    #[error("the speed layer of the stream `{stream}` is running")]
    Running { stream: String },
    #[error(transparent)]
    Embedded(#[from] pulso_sqlite::Error),
    #[error(transparent)]
    Kafka(#[from] pulso_kafka::Error),
    #[error(transparent)]
    Elasticsearch(#[from] pulso_elasticsearch::Error),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl AdapterError for StoreError {
    fn retry(&self) -> Retry {
        match self {
            Self::Embedded(error) => error.retry(),
            Self::Kafka(error) => error.retry(),
            Self::Elasticsearch(error) => error.retry(),
            _ => Retry::No,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Embedded(error) => error.kind(),
            Self::Kafka(error) => error.kind(),
            Self::Elasticsearch(error) => error.kind(),
            Self::Secret(_) => ErrorKind::Settings,
            Self::NoLog { .. } => ErrorKind::NoInput,
            Self::MakeDirectory { .. } | Self::NoViews { .. } | Self::Running { .. } => {
                ErrorKind::Unavailable
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Embedded(error) => error.hint(),
            Self::Kafka(error) => error.hint(),
            Self::Elasticsearch(error) => error.hint(),
            Self::Secret(error) => Some(error.hint().to_owned()),
            Self::NoLog { .. } => Some(
                "start `pulso-acquisition` with the same folder, or name another with `--data`"
                    .to_owned(),
            ),
            Self::Running { .. } => {
                Some("stop all programs of Pulso, then run the command again".to_owned())
            }
            Self::MakeDirectory { .. } => {
                Some("choose a directory that you may write to with `--data`".to_owned())
            }
            Self::NoViews { .. } => Some(
                "start what writes them first, or name another directory with `--data`".to_owned(),
            ),
        }
    }
}

impl StoreError {
    /// Whether a server is merely away, and will be back without anybody changing a setting.
    pub fn away(&self) -> bool {
        match self {
            Self::Kafka(error) => matches!(
                error.cause(),
                Some(pulso_kafka::Cause::Unreachable | pulso_kafka::Cause::Passing)
            ),
            Self::Elasticsearch(error) => error.retry() != Retry::No,
            _ => false,
        }
    }
}
