//! What can go wrong in a batch run.

use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use pulso_model::View;

/// An error of whatever store holds the views.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error("failed to read the lake")]
    ReadLake { source: DataFusionError },
    #[error("failed to compute view `{view}`")]
    Compute { view: View, source: DataFusionError },
    #[error("the columns of job `{view}` are not the fields of its view")]
    Column { view: View, source: ArrowError },
    #[error("job `{view}` gave a row without `{field}`")]
    NoValue { view: View, field: &'static str },
    #[error("failed to write view `{view}`")]
    Write { view: View, source: StoreError },
    #[error("failed to read view `{view}`")]
    Read { view: View, source: StoreError },
    #[error("stopped before the end")]
    Stopped,
}

impl BatchError {
    /// Whether a query needed more memory than it may use.
    pub fn out_of_memory(&self) -> bool {
        let (Self::ReadLake { source } | Self::Compute { source, .. }) = self else { return false };
        matches!(source.find_root(), DataFusionError::ResourcesExhausted(_))
    }
}
