//! What the layers need to know of an adapter's error: whether to try again.

use std::time::Duration;

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will not get better by itself.
    No,
    /// Later, waiting longer each time.
    Backoff,
    /// Not before the other side's own delay is over.
    After(Duration),
}

/// An error of an adapter. Only the `run` loops retry; adapters only classify.
pub trait AdapterError: std::error::Error + Send + Sync + 'static {
    fn retry(&self) -> Retry;
}

/// In-memory adapters cannot fail.
impl AdapterError for std::convert::Infallible {
    fn retry(&self) -> Retry {
        match *self {}
    }
}
