//! Reads newline-delimited messages from a file, a compressed file or standard input.
//!
//! A separate thread reads, decompresses and finds the lines. They reach the async side in batches,
//! as slices of what was read, through a bounded channel. The reader knows nothing about logs and
//! sources, so it also feeds backfills that bypass the log.

mod decompress;
mod lines;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use pulso_pipeline::{AdapterError, ErrorKind, Retry, observe};
use tokio::sync::mpsc;
use tracing::error;

pub use decompress::{Decompressed, is_compressed};
use lines::Lines;

/// The name of this component in metrics.
const COMPONENT: &str = "file";

/// How many batches wait for the async side. Together with the size of a read, this bounds the
/// memory.
const BATCHES_AHEAD: usize = 4;

/// Where lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileInput {
    Path(PathBuf),
    /// Standard input, written `-`.
    Standard,
}

impl FromStr for FileInput {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Standard } else { Self::Path(text.into()) })
    }
}

impl FileInput {
    /// A short name: that of the file, without its folder.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Path(path) => path.file_name().unwrap_or_default().to_string_lossy(),
            Self::Standard => "stdin".into(),
        }
    }

    /// Checks that the file exists and may be read.
    ///
    /// # Errors
    /// [`FileError::Open`].
    pub fn check(&self) -> Result<(), FileError> {
        let Self::Path(path) = self else { return Ok(()) };
        let looked = std::fs::metadata(path).and_then(|metadata| {
            // A pipe is left alone: whoever writes to it would find its reader gone.
            if metadata.is_file() || metadata.is_dir() { open(self).map(drop) } else { Ok(()) }
        });
        looked.map_err(|source| FileError::Open { input: self.clone(), source })
    }
}

impl fmt::Display for FileInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(formatter),
            Self::Standard => formatter.write_str("standard input"),
        }
    }
}

/// What to do about an input that cannot be opened or is empty.
pub const INPUT_HINT: &str = "name a file that this user may read, with one JSON message a line, \
     plain, gzip or zstd; `-` is standard input";

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("failed to open `{input}`")]
    Open { input: FileInput, source: io::Error },
    /// Among others, a compressed file is damaged or ends too early. All complete lines before that
    /// point were returned.
    #[error("failed to read `{input}` after line {line}")]
    Read { input: FileInput, line: u64, source: io::Error },
    /// What came from a pipe is gone.
    #[error("standard input cannot be read again")]
    GoBack,
}

impl AdapterError for FileError {
    fn retry(&self) -> Retry {
        Retry::No
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Open { .. } => ErrorKind::NoInput,
            Self::Read { .. } | Self::GoBack => ErrorKind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Open { .. }).then(|| INPUT_HINT.to_owned())
    }
}

/// Consecutive lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineBatch {
    /// The lines without their ends. Empty lines are left out.
    pub lines: Vec<Bytes>,
    /// How much of the file had been read by then, before decompression.
    pub bytes_read: u64,
}

/// Reads the lines of one input. Stops reading when it is dropped.
#[derive(Debug)]
pub struct FileReader {
    batches: mpsc::Receiver<Result<LineBatch, FileError>>,
    total_bytes: Option<u64>,
}

impl FileReader {
    /// Opens the input and begins to read ahead. The content tells whether it is compressed (gzip,
    /// zstd).
    ///
    /// A line longer than `line_bytes_max` is cut off there, which is logged and counted.
    ///
    /// # Errors
    /// [`FileError::Open`]; all other errors come from [`FileReader::next_batch`].
    pub fn open(input: FileInput, line_bytes_max: usize) -> Result<Self, FileError> {
        let failed = |source| FileError::Open { input: input.clone(), source };
        let (reader, total_bytes) = open(&input).map_err(failed)?;
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        // Not one of the runtime's threads: a read from a terminal may never end, and a runtime
        // waits for its threads.
        let thread = std::thread::Builder::new().name("pulso-file".to_owned());
        let thread_input = input.clone();
        let body = move || read(reader, thread_input, line_bytes_max, &sender);
        thread.spawn(body).map_err(failed)?;
        Ok(Self { batches, total_bytes })
    }

    /// The size of the file on disk; `None` if it is not a regular file.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Returns the next lines, at least one, or `None` at the end. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// [`FileError::Read`]; nothing comes after it.
    pub async fn next_batch(&mut self) -> Result<Option<LineBatch>, FileError> {
        self.batches.recv().await.transpose()
    }
}

fn open(input: &FileInput) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
    match input {
        FileInput::Standard => Ok((Box::new(io::stdin()), None)),
        FileInput::Path(path) => {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
            }
            Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
        }
    }
}

/// Runs on the thread until the end, an error, or until nobody wants more.
fn read(
    reader: Box<dyn Read + Send>,
    input: FileInput,
    line_bytes_max: usize,
    batches: &mpsc::Sender<Result<LineBatch, FileError>>,
) {
    let bytes_read = Arc::new(AtomicU64::new(0));
    let counted = decompress::Counted::new(reader, Arc::clone(&bytes_read));
    let mut lines = Lines::new(Decompressed::new(counted), line_bytes_max);
    loop {
        let batch = match lines.next_chunk() {
            Ok(None) => return,
            Ok(Some(chunk)) => {
                for line in chunk.cut {
                    observe::error(COMPONENT, "receive", "line_too_long");
                    error!(%input, line, line_bytes_max, "cut off the rest of a line that is too long");
                }
                Ok(LineBatch { lines: chunk.lines, bytes_read: bytes_read.load(Ordering::Relaxed) })
            }
            Err(source) => {
                Err(FileError::Read { input: input.clone(), line: lines.line(), source })
            }
        };
        let last = batch.is_err();
        if batches.blocking_send(batch).is_err() || last {
            return;
        }
    }
}
