//! What the layers need to know of an adapter's error: whether to try again, and what to tell a person.

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

/// Where a person has to look for the cause of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A server, a disk or a file system does not do its part.
    Unavailable,
    /// The configuration does not fit what is stored.
    Settings,
    /// There is nothing to read.
    NoInput,
    /// Pulso, or the data.
    Internal,
}

/// An error of an adapter. Only the `run` loops retry; adapters only classify.
///
/// No method has a default: an error that wraps another one must pass the question on.
pub trait AdapterError: std::error::Error + Send + Sync + 'static {
    fn retry(&self) -> Retry;

    fn kind(&self) -> ErrorKind;

    /// What a person can do about it; a sentence without the word `hint`.
    fn hint(&self) -> Option<String>;
}

/// In-memory adapters cannot fail.
impl AdapterError for std::convert::Infallible {
    fn retry(&self) -> Retry {
        match *self {}
    }

    fn kind(&self) -> ErrorKind {
        match *self {}
    }

    fn hint(&self) -> Option<String> {
        match *self {}
    }
}
