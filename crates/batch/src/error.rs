//! What can go wrong in a batch run.

use std::fmt;

use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use pulso_model::{Day, View};
use pulso_runtime::Failure;

#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("failed to read the lake")]
    ReadLake { source: QueryError },
    #[error("failed to compute view `{view}`")]
    Compute { view: View, source: QueryError },
    #[error("the columns of job `{view}` do not match the fields of its view")]
    Column { view: View, source: ArrowError },
    #[error("job `{view}` returned a row without `{field}`")]
    NoValue { view: View, field: &'static str },
    #[error("job `{view}` returned a row for `{day}`, which was not requested")]
    WrongDay { view: View, day: Day },
    #[error("failed to write view `{view}`")]
    Write { view: View, source: Failure },
    #[error("failed to read view `{view}`")]
    Read { view: View, source: Failure },
    #[error("failed to decode a document of view `{view}`")]
    Decode { view: View, source: serde_json::Error },
    #[error("stopped before the end")]
    Stopped,
}

/// Shows the root of the error only: each of the engine's layers repeats it.
#[derive(Debug)]
pub struct QueryError(pub(crate) DataFusionError);

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        Self(error)
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.find_root().fmt(formatter)
    }
}

impl std::error::Error for QueryError {}

impl BatchError {
    /// Whether a query needed more memory than it may use.
    pub fn out_of_memory(&self) -> bool {
        let (Self::ReadLake { source } | Self::Compute { source, .. }) = self else { return false };
        matches!(source.0.find_root(), DataFusionError::ResourcesExhausted(_))
    }
}
