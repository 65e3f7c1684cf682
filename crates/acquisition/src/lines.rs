//! Finds the lines in what comes in pieces.
//!
//! Pure. It keeps no more than the longest line that is kept, and one piece.

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use pulso_pipeline::{Clock, observe};
use tracing::error;

use crate::COMPONENT;
use crate::buffer::Buffer;

/// A line without its end, `\n` or `\r\n`; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) bytes: Bytes,
    /// Whether it was longer than the limit, and lost its rest.
    pub(crate) cut: bool,
}

#[derive(Debug)]
pub(crate) struct Lines {
    bytes_max: usize,
    /// What came and was not given yet.
    buffer: BytesMut,
    /// How much of it is known to hold no line end.
    searched: usize,
    /// Whether the rest of the current line is left out.
    skipping: bool,
}

impl Lines {
    /// A line longer than `bytes_max` is cut off there.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, buffer: BytesMut::new(), searched: 0, skipping: false }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next line that is complete. Empty lines are left out.
    pub(crate) fn next(&mut self) -> Option<Line> {
        loop {
            let Some(end) = memchr(b'\n', &self.buffer[self.searched..]) else {
                return self.bounded();
            };
            let mut line = self.buffer.split_to(self.searched + end + 1);
            self.searched = 0;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            line.truncate(line.len() - 1);
            if let Some(line) = self.line(line) {
                return Some(line);
            }
        }
    }

    /// The last line, when nothing comes any more and it has no end.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        self.searched = 0;
        let rest = self.buffer.split();
        if std::mem::take(&mut self.skipping) { None } else { self.line(rest) }
    }

    fn line(&self, mut line: BytesMut) -> Option<Line> {
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        let cut = line.len() > self.bytes_max;
        line.truncate(self.bytes_max);
        (!line.is_empty()).then(|| Line { bytes: line.freeze(), cut })
    }

    /// Takes note that there is no line end, and gives the beginning of a line that is too long.
    fn bounded(&mut self) -> Option<Line> {
        self.searched = self.buffer.len();
        if self.skipping {
            (self.searched, self.buffer) = (0, BytesMut::new());
            return None;
        }
        // One more may be the first half of the line end.
        if self.buffer.len() <= self.bytes_max + 1 {
            return None;
        }
        self.skipping = true;
        self.searched = 0;
        let line = self.buffer.split();
        self.line(line)
    }
}

/// Counts and logs that a message lost its rest.
pub(crate) fn report_cut<C: Clock>(buffer: &Buffer<C>, bytes_max: usize) {
    observe::error_of_stream(COMPONENT, buffer.stream(), "receive", "line_too_long");
    error!(source = %buffer.source(), bytes_max, "cut off the rest of a message that is too long");
}
