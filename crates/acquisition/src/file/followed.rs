//! One file that is followed: gives its lines, and knows when it is no longer the same.
//!
//! A plain file is read from its place each time, so nothing of it is kept in memory between two looks, however
//! many files wait for the end of a line. A compressed file can only be read on; one is read at a time.

use std::cmp::Reverse;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr_iter, memrchr};
use pulso_file::Decompressed;

use super::opened::{Fit, Opened, block};
use super::place::{self, HEAD_BYTES, Place, TAIL_BYTES};
use crate::lines;

/// How much of a file is read at once.
const READ_BYTES: usize = 256 * 1024;

/// How much is searched at once for the end of a line that is too long.
const SEARCH_BYTES: usize = 4 * 1024 * 1024;

/// `\r\n`.
const END_BYTES: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) bytes: Bytes,
    /// Whether it was longer than the limit, and lost its rest.
    pub(super) cut: bool,
    /// Behind it.
    pub(super) place: Place,
}

/// What one look at a file gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    Lines(Vec<Line>),
    /// There is more, but no whole line yet.
    More,
    /// All is read that can be.
    Nothing,
    /// It is no longer the file that the place is in.
    Replaced,
}

#[derive(Debug)]
pub(super) struct Followed {
    /// Behind the last line that was given.
    pub(super) place: Place,
    pub(super) path: PathBuf,
    /// `None` while no file is found that has the content.
    pub(super) opened: Option<Opened>,
    /// How many searches in succession did not find it.
    pub(super) missed: u32,
    /// Whether it was read to its end when it was last there.
    pub(super) complete: bool,
    /// The size at which there was nothing more to read.
    quiet_at: Option<u64>,
    /// Up to where there is no line end, at least.
    searched: u64,
    content: Option<Content>,
}

/// A compressed file while it is read.
struct Content {
    reader: Decompressed<File>,
    /// The current line, as far as it is kept.
    line: BytesMut,
    /// Behind what was read.
    ahead: Place,
    /// What stands before that.
    before: Vec<u8>,
    /// What went wrong after that.
    failed: Option<io::Error>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Content").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

impl Followed {
    pub(super) fn new(place: Place, path: PathBuf, opened: Option<Opened>) -> Self {
        let (missed, complete, quiet_at, searched, content) = (0, false, None, 0, None);
        Self { place, path, opened, missed, complete, quiet_at, searched, content }
    }

    pub(super) fn id(&self) -> (u64, u64) {
        (self.place.device, self.place.inode)
    }

    /// Sorts older files before newer ones: by the second of the last change, and where that is the same, as of
    /// copies, by the names that rotation gives.
    pub(super) fn age(&self) -> (Option<u64>, Reverse<u32>, PathBuf) {
        let modified = || self.opened.as_ref()?.metadata().ok()?.modified().ok();
        let since = modified().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let second = since.map(|since| since.as_secs());
        (second, Reverse(place::rotation(&name)), self.path.clone())
    }

    /// Goes on in a file that has the content.
    pub(super) fn go_on_in(&mut self, opened: Opened, path: PathBuf) {
        self.place.left = false;
        (self.place.device, self.place.inode) = (opened.device, opened.inode);
        *self = Self::new(self.place.clone(), path, Some(opened));
    }

    /// Leaves its file, which is gone or has another content; `left` when nothing of it is missing.
    pub(super) fn leave(&mut self, left: bool) {
        self.place.left = left;
        (self.opened, self.content, self.missed) = (None, None, 0);
    }

    /// Whether no name leads to the file any more.
    pub(super) fn is_deleted(&self) -> bool {
        let metadata = self.opened.as_ref().map(Opened::metadata);
        matches!(metadata, Some(Ok(metadata)) if metadata.nlink() == 0)
    }

    /// Whether there is nothing behind the place.
    pub(super) fn is_read(&self) -> bool {
        let Some(opened) = &self.opened else { return false };
        opened.compressed || opened.metadata().is_ok_and(|found| found.len() == self.place.offset)
    }

    /// Whether the file still has the content that it was read with. A compressed file is not written to.
    pub(super) fn is_intact(&self) -> io::Result<bool> {
        match &self.opened {
            None => Ok(false),
            Some(opened) if opened.compressed => Ok(true),
            Some(opened) if opened.metadata()?.len() < self.place.offset => Ok(false),
            Some(opened) => Ok(matches!(opened.fits(&self.place)?, Fit::Whole(_))),
        }
    }

    /// Looks for more lines.
    pub(super) fn look(&mut self, bytes_max: usize) -> io::Result<Look> {
        let Some(opened) = &self.opened else { return Ok(Look::Nothing) };
        let size = opened.metadata()?.len();
        if self.quiet_at == Some(size) {
            return Ok(Look::Nothing);
        }
        self.quiet_at = None;
        let look = match opened.compressed {
            true => self.look_decompressed(bytes_max),
            false => self.look_plain(size, bytes_max),
        };
        // One that cannot be read is tried again when it has changed.
        if matches!(look, Ok(Look::Nothing) | Err(_)) {
            (self.quiet_at, self.content) = (Some(size), None);
        }
        self.complete = matches!(look, Ok(Look::Nothing));
        look
    }

    fn look_plain(&mut self, size: u64, bytes_max: usize) -> io::Result<Look> {
        if size < self.place.offset {
            return Ok(Look::Replaced);
        }
        if self.searched > self.place.offset {
            return self.look_far(bytes_max);
        }
        match self.read_lines(READ_BYTES)? {
            Look::More => match self.read_lines(bytes_max + END_BYTES)? {
                Look::More => self.look_far(bytes_max),
                look => Ok(self.cut(look, bytes_max)),
            },
            look => Ok(self.cut(look, bytes_max)),
        }
    }

    /// The whole lines among the next bytes; `More` where these are too few for one.
    fn read_lines(&mut self, bytes_max: usize) -> io::Result<Look> {
        let Some(opened) = &self.opened else { return Ok(Look::Nothing) };
        let before = self.place.tail_len();
        let bytes = opened.read_at(self.place.offset - before as u64, before + bytes_max)?;
        // The beginning is looked at last: it tells whether what was just read is of this file.
        let head = opened.read_at(0, self.place.head_len())?;
        let fits = bytes.get(..before).is_some_and(|tail| self.place.fits_tail(tail));
        if !fits || !self.place.fits_head(&head) {
            return Ok(Look::Replaced);
        }
        let Some(end) = memrchr(b'\n', &bytes[before..]) else {
            let is_end = bytes.len() < before + bytes_max;
            return Ok(if is_end { Look::Nothing } else { Look::More });
        };
        let bytes = Bytes::from(bytes);
        let mut lines = Vec::new();
        let mut begin = before;
        for end in memchr_iter(b'\n', &bytes[before..=before + end]) {
            let end = before + end;
            self.place.pass(&bytes[..begin], &bytes[begin..=end]);
            let line = bytes.slice(begin..end);
            begin = end + 1;
            lines.push(Line { bytes: line, cut: false, place: self.place.clone() });
        }
        Ok(Look::Lines(lines))
    }

    /// Takes line ends off, and what is too long; leaves empty lines out.
    fn cut(&self, look: Look, bytes_max: usize) -> Look {
        let Look::Lines(lines) = look else { return look };
        let cut = |Line { bytes, place, .. }| {
            let lines::Line { bytes, cut } = lines::Line::new(bytes, bytes_max)?;
            Some(Line { bytes, cut, place })
        };
        let lines: Vec<_> = lines.into_iter().filter_map(cut).collect();
        if lines.is_empty() { Look::More } else { Look::Lines(lines) }
    }

    /// Searches for the end of a line that is too long, and gives its beginning.
    fn look_far(&mut self, bytes_max: usize) -> io::Result<Look> {
        let Some(opened) = &self.opened else { return Ok(Look::Nothing) };
        let kept = (bytes_max + END_BYTES) as u64;
        let from = self.searched.max(self.place.offset + kept);
        let bytes = opened.read_at(from, SEARCH_BYTES)?;
        let Some(end) = memchr(b'\n', &bytes) else {
            self.searched = from + bytes.len() as u64;
            return Ok(if bytes.len() < SEARCH_BYTES { Look::Nothing } else { Look::More });
        };
        let before = self.place.tail_len();
        let begin = self.place.offset - before as u64;
        let end = from + end as u64 + 1;
        // At least as much as makes the fingerprint.
        let length = usize::try_from(end - self.place.offset).unwrap_or(usize::MAX);
        let first = opened.read_at(begin, before + length.min(bytes_max.max(HEAD_BYTES)))?;
        let tail = opened.read_at(end - TAIL_BYTES as u64, TAIL_BYTES)?;
        let head = opened.read_at(0, self.place.head_len())?;
        let fits = first.get(..before).is_some_and(|tail| self.place.fits_tail(tail));
        if !fits || !self.place.fits_head(&head) {
            return Ok(Look::Replaced);
        }
        self.place.pass(&first[..before], &first[before..]);
        self.place.jump(end, &tail);
        self.searched = 0;
        let bytes = Bytes::from(first).slice(before..).slice(..bytes_max);
        Ok(Look::Lines(vec![Line { bytes, cut: true, place: self.place.clone() }]))
    }

    /// Gives what is left of a plain file that nobody can write to any more: its last line may have no end.
    pub(super) fn rest(&mut self, bytes_max: usize) -> io::Result<Vec<Line>> {
        let Some(opened) = self.opened.as_ref().filter(|opened| !opened.compressed) else {
            return Ok(Vec::new());
        };
        let before = self.place.tail_len();
        let begin = self.place.offset - before as u64;
        let bytes = opened.read_at(begin, before + bytes_max + 1)?;
        if bytes.len() <= before {
            return Ok(Vec::new());
        }
        self.place.pass(&bytes[..before], &bytes[before..]);
        let bytes = Bytes::from(bytes).slice(before..);
        let look = Look::Lines(vec![Line { bytes, cut: false, place: self.place.clone() }]);
        match self.cut(look, bytes_max) {
            Look::Lines(lines) => Ok(lines),
            _ => Ok(Vec::new()),
        }
    }

    fn look_decompressed(&mut self, bytes_max: usize) -> io::Result<Look> {
        let Some(opened) = &self.opened else { return Ok(Look::Nothing) };
        let content = match &mut self.content {
            Some(content) => content,
            none => {
                let Fit::Whole(Some((reader, before))) = opened.fits(&self.place)? else {
                    return Ok(Look::Replaced);
                };
                let (line, ahead) = (BytesMut::new(), self.place.clone());
                none.insert(Content { reader, line, ahead, before, failed: None })
            }
        };
        let mut lines = Vec::new();
        if let Some(error) = content.failed.take() {
            return Err(error);
        }
        let bytes;
        (bytes, content.failed) = block(&mut content.reader);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            content.pass(part, bytes_max);
            if part.ends_with(b"\n") {
                lines.push(content.take_line());
            }
        }
        if bytes.is_empty() {
            if let Some(error) = content.failed.take() {
                return Err(error);
            }
            if content.line.is_empty() {
                return Ok(Look::Nothing);
            }
            lines.push(content.take_line());
        }
        let look = self.cut(Look::Lines(lines), bytes_max);
        if let Look::Lines(lines) = &look
            && let Some(last) = lines.last()
        {
            self.place = last.place.clone();
        }
        Ok(look)
    }
}

impl Content {
    /// Goes on, and keeps as much of the line as is of use: one byte more shows that it is too long.
    fn pass(&mut self, part: &[u8], bytes_max: usize) {
        self.ahead.pass(&self.before, part);
        self.before.extend_from_slice(&part[part.len().saturating_sub(TAIL_BYTES)..]);
        self.before.drain(..self.before.len().saturating_sub(TAIL_BYTES));
        let room = (bytes_max + END_BYTES).saturating_sub(self.line.len());
        let text = part.strip_suffix(b"\n").unwrap_or(part);
        self.line.extend_from_slice(&text[..text.len().min(room)]);
    }

    fn take_line(&mut self) -> Line {
        let bytes = self.line.split().freeze();
        Line { bytes, cut: false, place: self.ahead.clone() }
    }
}
