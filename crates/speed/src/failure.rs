//! How a program that runs the speed layer ends when it fails.

use std::error::Error;

use pulso_file::FileError;
use pulso_pipeline::AdapterError;
use pulso_runtime::stores::StoreError;
use pulso_runtime::{Exit, Explain};

use crate::{RestoreError, SpeedError};

impl Explain for SpeedError {
    fn exit(&self) -> Exit {
        match self {
            Self::Restore(
                RestoreError::Settings(_)
                | RestoreError::Partitions { .. }
                | RestoreError::Ahead { .. },
            ) => Exit::Usage,
            Self::Restore(RestoreError::Version { .. } | RestoreError::Damaged(_)) => {
                Exit::Internal
            }
            Self::Source(error) if error.is::<FileError>() => Exit::NoInput,
            Self::Source(_) | Self::Sink(_) | Self::Checkpoint(_) => Exit::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let error: &(dyn Error + Send + Sync) = match self {
            Self::Restore(error) => return Some(error.hint()),
            Self::Source(error) | Self::Sink(error) | Self::Checkpoint(error) => error.as_ref(),
        };
        let store = error.downcast_ref::<StoreError>().and_then(AdapterError::hint);
        store.or_else(|| AdapterError::hint(error.downcast_ref::<pulso_sqlite::Error>()?))
    }
}
