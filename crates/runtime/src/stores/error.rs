//! The errors of all stores in one.

use std::error::Error;
use std::path::PathBuf;

use pulso_pipeline::{AdapterError, Retry};

use crate::config::SecretError;
use crate::{Exit, FailureExt};

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
}

impl StoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Embedded(error) => error.hint(),
            Self::Kafka(error) => error.hint(),
            Self::Elasticsearch(error) => error.hint(),
            Self::Secret(error) => Some(error.hint().to_owned()),
            Self::NoLog { .. } => Some(
                "start `pulso-acquisition` with the same folder, or name another with `--data`"
                    .to_owned(),
            ),
            Self::MakeDirectory { .. } => {
                Some("choose a directory that you may write to with `--data`".to_owned())
            }
            Self::NoViews { .. } => Some(
                "start what writes them first, or name another directory with `--data`".to_owned(),
            ),
        }
    }

    /// How a program ends because of it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Secret(_) => Exit::Usage,
            Self::NoLog { .. } => Exit::NoInput,
            Self::Embedded(
                pulso_sqlite::Error::Partitions { .. } | pulso_sqlite::Error::PartitionCount { .. },
            ) => Exit::Usage,
            _ => Exit::Unavailable,
        }
    }

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

    /// The error with its exit code and hint.
    pub fn explained(self) -> anyhow::Error {
        let (exit, hint) = (self.exit(), self.hint());
        let failure = Err::<(), _>(self).exit(exit).hint_if_any(hint);
        failure.expect_err("it was made of an error")
    }

    /// The same for any error: whether this is an error of a store, and which.
    fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        error.downcast_ref()
    }
}

/// Gives a failure the exit code and the hint of the store's error among its causes, if there is one.
///
/// # Errors
/// The same as before, marked.
pub fn explained<T>(result: anyhow::Result<T>) -> anyhow::Result<T> {
    let Err(error) = result else { return result };
    let Some(store) = error.chain().find_map(StoreError::find) else { return Err(error) };
    let (exit, hint) = (store.exit(), store.hint());
    Err(error).exit(exit).hint_if_any(hint)
}
