//! View documents as lines of JSON.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::{convert, fmt, mem};

use pulso_model::{ViewDocument, push_json_text};
use pulso_pipeline::{AdapterError, ErrorKind, Retry, Sink};

/// How much is collected before it is handed to the operating system. Bounds the memory.
const BUFFER_BYTES: usize = 1024 * 1024;

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NdjsonOutput {
    /// A file that is created, or overwritten if it exists.
    Path(PathBuf),
    /// Standard output, written `-`.
    Standard,
}

impl FromStr for NdjsonOutput {
    type Err = convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "-" { Self::Standard } else { Self::Path(text.into()) })
    }
}

impl fmt::Display for NdjsonOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(formatter),
            Self::Standard => formatter.write_str("standard output"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum NdjsonError {
    #[error("failed to create `{output}`")]
    Create { output: NdjsonOutput, source: io::Error },
    #[error("failed to write to `{output}`")]
    Write { output: NdjsonOutput, source: io::Error },
    #[error("failed to bring `{output}` to disk")]
    Sync { output: NdjsonOutput, source: io::Error },
    /// Nobody reads the pipe any more, which is the end of the program's work rather than a
    /// failure.
    #[error("the reader of `{output}` has gone")]
    Closed { output: NdjsonOutput },
}

impl AdapterError for NdjsonError {
    /// Never retry: some of the lines may already be out.
    fn retry(&self) -> Retry {
        Retry::No
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

/// Writes one JSON object per line: `_view`, `_id` and the document's own fields. For a document to
/// remove, the line has `_view`, `_id` and `"_removed":true`.
///
/// A later line with the same view and id replaces an earlier one, except in a view where the first
/// write wins. A write is acknowledged when the operating system has taken it; see
/// [`NdjsonSink::sync`]. Clones write to the same place.
#[derive(Clone, Debug)]
pub struct NdjsonSink {
    output: NdjsonOutput,
    /// `None` means standard output.
    file: Option<Arc<File>>,
    /// Lines to be written. Empty between calls.
    buffer: String,
}

impl NdjsonSink {
    /// Creates the output.
    ///
    /// # Errors
    /// [`NdjsonError::Create`].
    pub fn create(output: NdjsonOutput) -> Result<Self, NdjsonError> {
        let file = match &output {
            NdjsonOutput::Standard => None,
            NdjsonOutput::Path(path) => match File::create(path) {
                Ok(file) => Some(Arc::new(file)),
                Err(source) => return Err(NdjsonError::Create { output, source }),
            },
        };
        Ok(Self { output, file, buffer: String::new() })
    }

    /// Waits until the output is on disk, if it is a regular file.
    ///
    /// # Errors
    /// [`NdjsonError::Sync`].
    pub async fn sync(&self) -> Result<(), NdjsonError> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let sync = move || if file.metadata()?.is_file() { file.sync_all() } else { Ok(()) };
        let output = self.output.clone();
        blocking(sync).await.map_err(|source| NdjsonError::Sync { output, source })
    }

    async fn flush(&mut self) -> Result<(), NdjsonError> {
        let (file, mut buffer) = (self.file.clone(), mem::take(&mut self.buffer));
        let write = move || {
            match file {
                Some(file) => (&*file).write_all(buffer.as_bytes())?,
                None => {
                    let mut output = io::stdout().lock();
                    output.write_all(buffer.as_bytes())?;
                    output.flush()?;
                }
            }
            buffer.clear();
            Ok(buffer)
        };
        let output = || self.output.clone();
        self.buffer = blocking(write).await.map_err(|source| match source.kind() {
            io::ErrorKind::BrokenPipe => NdjsonError::Closed { output: output() },
            _ => NdjsonError::Write { output: output(), source },
        })?;
        Ok(())
    }
}

/// Runs a write on a blocking thread: the reader of a pipe may make it wait for ever, which the
/// async side must not do.
async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(job).await {
        Ok(outcome) => outcome,
        Err(error) => Err(io::Error::other(error)),
    }
}

impl Sink<ViewDocument> for NdjsonSink {
    type Error = NdjsonError;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), NdjsonError> {
        self.buffer.reserve(BUFFER_BYTES);
        for document in documents {
            push_line(&mut self.buffer, &document);
            if self.buffer.len() >= BUFFER_BYTES {
                self.flush().await?;
            }
        }
        self.flush().await
    }
}

/// Appends a document's line. The body is an object already, so the two keys go before its first
/// one.
fn push_line(line: &mut String, document: &ViewDocument) {
    line.push_str("{\"_view\":\"");
    line.push_str(document.view.name());
    line.push_str("\",\"_id\":");
    push_json_text(line, &document.id);
    match &*document.body {
        "" => line.push_str(",\"_removed\":true}"),
        "{}" => line.push('}'),
        body => {
            line.push(',');
            line.push_str(body.strip_prefix('{').unwrap_or(body));
        }
    }
    line.push('\n');
}
