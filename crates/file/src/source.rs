//! Reads files as a log with one partition.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, vec};

use bytes::Bytes;
use pulso_model::Offsets;
use pulso_pipeline::{Batch, Clock, Headers, Record, Source};
use tokio::time::timeout;

use crate::{FileError, FileInput, FileReader};

/// The longest time that [`Source::next_batch`] waits for something new.
const MAX_WAIT: Duration = Duration::from_millis(200);

/// Reads the messages of several inputs, one after another.
///
/// A message's offset is its number, counted from 0 over all inputs without empty lines. Its log
/// time is when it is read, and its source is the name of the file. A batch consists of chunks from
/// [`FileReader`], so its bytes are bounded too.
pub struct FileSource<C> {
    inputs: Vec<FileInput>,
    line_bytes_max: usize,
    batch_records: usize,
    clock: C,
    next_offset: u64,
    /// The index of the input being read.
    current: usize,
    /// `None` before the current input is opened.
    reader: Option<FileReader>,
    /// Lines that were read but not returned yet.
    lines: vec::IntoIter<Bytes>,
}

impl<C: Clock> FileSource<C> {
    /// Opens the inputs. A batch has at most `batch_records` messages; a line longer than
    /// `line_bytes_max` is cut off there.
    ///
    /// # Errors
    /// [`FileError::Open`] for the first file that cannot be opened.
    pub fn open(
        inputs: Vec<FileInput>,
        line_bytes_max: usize,
        batch_records: usize,
        clock: C,
    ) -> Result<Self, FileError> {
        for input in &inputs {
            // To learn of a missing file before the others have been read for an hour.
            input.check()?;
        }
        Ok(Self {
            inputs,
            line_bytes_max,
            batch_records: batch_records.max(1),
            clock,
            next_offset: 0,
            current: 0,
            reader: None,
            lines: Vec::new().into_iter(),
        })
    }

    /// Makes sure that there are lines to return. `false` means the end of the last input.
    async fn fill(&mut self) -> Result<bool, FileError> {
        while self.lines.as_slice().is_empty() {
            let Some(input) = self.inputs.get(self.current) else { return Ok(false) };
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => self.reader.insert(FileReader::open(input.clone(), self.line_bytes_max)?),
            };
            match reader.next_batch().await? {
                Some(batch) => self.lines = batch.lines.into_iter(),
                None => {
                    self.reader = None;
                    self.current += 1;
                }
            }
        }
        Ok(true)
    }

    fn take(&mut self) -> Vec<Record> {
        let log_time = self.clock.now();
        let source: Arc<str> = self.inputs[self.current].name().into();
        let offsets = self.next_offset..;
        let records = self.lines.by_ref().take(self.batch_records).zip(offsets);
        let records: Vec<_> = records
            .map(|(payload, offset)| {
                let source = Arc::clone(&source);
                let headers = Headers { source, received_time: log_time, cursor: None };
                Record { partition: 0, offset, log_time, headers, payload }
            })
            .collect();
        self.next_offset += records.len() as u64;
        records
    }
}

impl<C: Clock> Source for FileSource<C> {
    type Error = FileError;

    fn partitions(&self) -> u32 {
        1
    }

    async fn acquire(&mut self) -> Result<(), FileError> {
        Ok(())
    }

    fn may_write(&self) -> Result<(), FileError> {
        Ok(())
    }

    async fn first_offsets(&mut self) -> Result<Offsets, FileError> {
        Ok(Offsets::zero(1))
    }

    /// Going back begins anew with the first input, and is an error when one of them is standard input.
    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), FileError> {
        let next_offset = next_offsets.get(0).unwrap_or(0);
        if next_offset < self.next_offset {
            if self.inputs.contains(&FileInput::Standard) {
                return Err(FileError::GoBack);
            }
            (self.next_offset, self.current, self.reader) = (0, 0, None);
            self.lines = Vec::new().into_iter();
        }
        while self.next_offset < next_offset && self.fill().await? {
            let left = usize::try_from(next_offset - self.next_offset).unwrap_or(usize::MAX);
            self.next_offset += self.lines.by_ref().take(left).count() as u64;
        }
        Ok(())
    }

    async fn next_batch(&mut self) -> Result<Batch, FileError> {
        let (records, finished) = match timeout(MAX_WAIT, self.fill()).await {
            Err(_) => (Vec::new(), false),
            Ok(filled) => match filled? {
                true => (self.take(), false),
                false => (Vec::new(), true),
            },
        };
        Ok(Batch { records, end_offsets: [self.next_offset].into(), finished })
    }
}

impl<C> fmt::Debug for FileSource<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = &self.inputs;
        formatter.debug_struct("FileSource").field("inputs", inputs).finish_non_exhaustive()
    }
}
