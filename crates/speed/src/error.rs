//! Why the speed layer ends other than well, and whether it reads again instead.

use pulso_pipeline::{AdapterError, Retry};
use pulso_runtime::Failure;

use crate::RestoreError;

/// Why the speed layer ended. What is behind it says itself how a program ends and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SpeedError {
    #[error("failed to read the log")]
    Source(#[source] Failure),
    #[error("failed to write views")]
    Sink(#[source] Failure),
    #[error("failed to load or save the checkpoint")]
    Checkpoint(#[source] Failure),
    #[error("failed to go on from the checkpoint")]
    Restore(#[source] Failure),
}

impl SpeedError {
    /// What a person can do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let (Self::Source(failure)
        | Self::Sink(failure)
        | Self::Checkpoint(failure)
        | Self::Restore(failure)) = self;
        let hints = failure.hints();
        (!hints.is_empty()).then(|| hints.join("; "))
    }
}

impl From<RestoreError> for SpeedError {
    fn from(error: RestoreError) -> Self {
        Self::Restore(error.into())
    }
}

/// An error, and whether reading again from the last checkpoint may help.
pub(crate) struct Failed {
    pub(crate) error: SpeedError,
    pub(crate) retry: Retry,
}

impl Failed {
    pub(crate) fn source(error: impl AdapterError) -> Self {
        Self { retry: error.retry(), error: SpeedError::Source(error.into()) }
    }

    pub(crate) fn sink(error: impl AdapterError) -> Self {
        Self { retry: error.retry(), error: SpeedError::Sink(error.into()) }
    }

    pub(crate) fn checkpoint(error: impl AdapterError) -> Self {
        Self { retry: error.retry(), error: SpeedError::Checkpoint(error.into()) }
    }
}

impl From<RestoreError> for Failed {
    fn from(error: RestoreError) -> Self {
        Self { error: error.into(), retry: Retry::No }
    }
}
