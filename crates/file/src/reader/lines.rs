//! Finds the lines in a stream of bytes, without copying them.

use std::io::{self, ErrorKind, Read};

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memrchr};

/// How much is read at once. Small enough for a processor's cache, and large enough that handing it
/// to the async side costs little compared with what happens there.
const READ_BYTES: usize = 1024 * 1024;

/// The result of one or more reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// At least one line. Slices of one buffer, without `\n` or `\r\n`, and without empty lines.
    pub(super) lines: Vec<Bytes>,
    /// The numbers, from 1, of the lines that were longer than the limit.
    pub(super) cut: Vec<u64>,
}

pub(super) struct Lines<R> {
    reader: R,
    line_bytes_max: usize,
    /// What was read but not returned yet. Contains no newline between calls.
    buffer: BytesMut,
    /// How many line ends were read.
    line: u64,
    /// Whether to skip the rest of the current line.
    skipping: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R, line_bytes_max: usize) -> Self {
        Self { reader, line_bytes_max, buffer: BytesMut::new(), line: 0, skipping: false }
    }

    /// The number of the last line that was returned or skipped.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Returns the next lines, or `None` at the end. The last line needs no line end. After an
    /// error, the beginning of a line is not returned, because it would look like a message.
    pub(super) fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        while chunk.lines.is_empty() {
            let searched = self.buffer.len();
            if self.read()? == 0 {
                let rest = self.buffer.split().freeze();
                if !rest.is_empty() && !self.skipping {
                    self.line += 1;
                    self.push(&mut chunk, rest);
                }
                return Ok((!chunk.lines.is_empty()).then_some(chunk));
            }
            if let Some(end) = memrchr(b'\n', &self.buffer[searched..]) {
                let whole = self.buffer.split_to(searched + end + 1).freeze();
                self.split(&mut chunk, whole);
            }
            self.bound(&mut chunk);
        }
        Ok(Some(chunk))
    }

    fn read(&mut self) -> io::Result<usize> {
        let begin = self.buffer.len();
        self.buffer.resize(begin + READ_BYTES, 0);
        let count = loop {
            match self.reader.read(&mut self.buffer[begin..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                count => break count,
            }
        };
        self.buffer.truncate(begin + count.as_ref().copied().unwrap_or(0));
        count
    }

    /// Cuts `whole`, which ends with a newline, into lines.
    fn split(&mut self, chunk: &mut Chunk, whole: Bytes) {
        let mut skipped = 0;
        if self.skipping {
            skipped = memchr(b'\n', &whole).map_or(whole.len(), |end| end + 1);
            self.skipping = false;
        }
        let mut begin = skipped;
        for end in memchr_iter(b'\n', &whole[skipped..]) {
            let end = skipped + end;
            self.line += 1;
            self.push(chunk, whole.slice(begin..end));
            begin = end + 1;
        }
    }

    fn push(&mut self, chunk: &mut Chunk, mut line: Bytes) {
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > self.line_bytes_max {
            line.truncate(self.line_bytes_max);
            chunk.cut.push(self.line);
        }
        if !line.is_empty() {
            chunk.lines.push(line);
        }
    }

    /// Limits a line without an end, so that it cannot take all memory.
    fn bound(&mut self, chunk: &mut Chunk) {
        if self.skipping {
            self.buffer.clear();
        } else if self.buffer.len() > self.line_bytes_max + 1 {
            let line = self.buffer.split().freeze();
            self.line += 1;
            self.push(chunk, line);
            self.skipping = true;
        }
    }
}
