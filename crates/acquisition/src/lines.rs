//! Finds the lines in what comes in pieces.
//!
//! Pure. It keeps no more than the longest line that is kept, and one piece.

#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

/// A longer number in front of a message is part of it.
const DIGITS_MAX: usize = 9;

/// `\r\n`.
const END_BYTES: usize = 2;

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
    /// Whether the length of a line may stand in front of it, instead of an end behind it.
    counted: bool,
    /// What came and was not given yet.
    buffer: BytesMut,
    /// How much of it is known to hold no line end.
    searched: usize,
    skip: Skip,
}

/// What is left out of the current line.
#[derive(Debug, Default, PartialEq, Eq)]
enum Skip {
    #[default]
    Nothing,
    /// All up to its end.
    Line,
    /// So much.
    Bytes(usize),
}

/// What stands in front of a line.
#[derive(Debug, PartialEq, Eq)]
enum Count {
    Nothing,
    /// Too little came to tell.
    Unknown,
    /// So many digits and a space: the length of the line in bytes.
    Of {
        digits: usize,
        length: usize,
    },
}

impl Line {
    /// Takes the line end off, and what is longer than the limit. `None` where nothing is left.
    pub(crate) fn new(mut bytes: Bytes, bytes_max: usize) -> Option<Self> {
        if bytes.last() == Some(&b'\n') {
            bytes.truncate(bytes.len() - 1);
        }
        if bytes.last() == Some(&b'\r') {
            bytes.truncate(bytes.len() - 1);
        }
        let cut = bytes.len() > bytes_max;
        bytes.truncate(bytes_max);
        (!bytes.is_empty()).then_some(Self { bytes, cut })
    }
}

impl Lines {
    /// A line longer than `bytes_max` is cut off there.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (buffer, searched, skip) = (BytesMut::new(), 0, Skip::Nothing);
        Self { bytes_max, counted: false, buffer, searched, skip }
    }

    /// The same where each line may also have its length in front of it, and then no end
    /// (RFC 6587, section 3.4.1).
    pub(crate) fn counted(bytes_max: usize) -> Self {
        Self { counted: true, ..Self::new(bytes_max) }
    }

    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// Whether all that came was given, and nothing of a line is missing.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.skip == Skip::Nothing
    }

    /// The next line that is complete. Empty lines are left out.
    pub(crate) fn next(&mut self) -> Option<Line> {
        loop {
            if let Skip::Bytes(bytes) = self.skip {
                self.skip_bytes(bytes)?;
            }
            let line = match self.count() {
                Count::Unknown => return None,
                Count::Of { digits, length } => self.next_counted(digits, length)?,
                Count::Nothing => {
                    let Some(end) = memchr(b'\n', &self.buffer[self.searched..]) else {
                        return self.bounded();
                    };
                    let line = self.buffer.split_to(self.searched + end + 1);
                    self.searched = 0;
                    if std::mem::take(&mut self.skip) == Skip::Line {
                        continue;
                    }
                    Line::new(line.freeze(), self.bytes_max)
                }
            };
            if line.is_some() {
                return line;
            }
        }
    }

    /// The last line, when nothing comes any more and it has no end.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        let count = self.count();
        self.searched = 0;
        let mut rest = self.buffer.split();
        if std::mem::take(&mut self.skip) != Skip::Nothing {
            return None;
        }
        if let Count::Of { digits, .. } = count {
            rest.advance(digits + 1);
        }
        Line::new(rest.freeze(), self.bytes_max)
    }

    fn count(&self) -> Count {
        if self.counted && self.skip == Skip::Nothing {
            count(&self.buffer)
        } else {
            Count::Nothing
        }
    }

    /// `None` when more is to be left out than there is.
    fn skip_bytes(&mut self, bytes: usize) -> Option<()> {
        let there = self.buffer.len();
        if there < bytes {
            (self.skip, self.buffer) = (Skip::Bytes(bytes - there), BytesMut::new());
            return None;
        }
        self.buffer.advance(bytes);
        self.skip = Skip::Nothing;
        Some(())
    }

    /// The line of this length; nothing in it where it is empty, `None` when it is not all there.
    fn next_counted(&mut self, digits: usize, length: usize) -> Option<Option<Line>> {
        let kept = length.min(self.bytes_max.saturating_add(END_BYTES));
        let end = digits + 1 + kept;
        if self.buffer.len() < end {
            return None;
        }
        let mut line = self.buffer.split_to(end);
        line.advance(digits + 1);
        if kept == length {
            return Some(Line::new(line.freeze(), self.bytes_max));
        }
        self.skip = Skip::Bytes(length - kept);
        line.truncate(self.bytes_max);
        Some(Some(Line { bytes: line.freeze(), cut: true }))
    }

    /// Takes note that there is no line end, and gives the beginning of a line that is too long.
    fn bounded(&mut self) -> Option<Line> {
        self.searched = self.buffer.len();
        if self.skip == Skip::Line {
            (self.searched, self.buffer) = (0, BytesMut::new());
            return None;
        }
        // What long lines took is given back.
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        // One more may be the first half of the line end.
        if self.buffer.len() <= self.bytes_max + 1 {
            return None;
        }
        self.skip = Skip::Line;
        self.searched = 0;
        Line::new(self.buffer.split().freeze(), self.bytes_max)
    }
}

/// Reads the length that stands in front of a line.
fn count(bytes: &[u8]) -> Count {
    match bytes.first() {
        None => return Count::Unknown,
        Some(b'1'..=b'9') => {}
        Some(_) => return Count::Nothing,
    }
    let mut length = 0;
    for (digits, byte) in bytes.iter().enumerate().take(DIGITS_MAX + 1) {
        match byte {
            b'0'..=b'9' => length = length * 10 + usize::from(byte - b'0'),
            b' ' => return Count::Of { digits, length },
            _ => return Count::Nothing,
        }
    }
    if bytes.len() > DIGITS_MAX { Count::Nothing } else { Count::Unknown }
}
