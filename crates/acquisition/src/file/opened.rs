//! An open file, and what its content is.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use pulso_file::Decompressed;

use super::place::{HEAD_BYTES, Place, TAIL_BYTES};

/// How much is compared or skipped at once.
const BLOCK_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) compressed: bool,
}

impl Opened {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let (device, inode) = (metadata.dev(), metadata.ino());
        let mut opened = Self { file, device, inode, compressed: false };
        opened.compressed = pulso_file::is_compressed(&opened.read_at(0, 4)?);
        Ok(opened)
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// As many bytes as there are, from there on.
    pub(super) fn read_at(&self, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; bytes_max];
        let mut filled = 0;
        while filled < bytes_max {
            match self.file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// The content from its beginning. The file's own position moves with it.
    pub(super) fn content(&self) -> io::Result<Decompressed<File>> {
        use std::io::Seek;
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(Decompressed::new(file))
    }

    /// Whether the content up to the place is that which the place was reached in. A plain file is looked at
    /// where the fingerprint is; a compressed one has to be read, and gives its content behind the place.
    pub(super) fn fits(&self, place: &Place) -> io::Result<Fit> {
        if !self.compressed {
            let head = self.read_at(0, place.head_len())?;
            if self.metadata()?.len() < place.offset {
                let known = head.len() == HEAD_BYTES && place.fits_head(&head);
                return Ok(if known { Fit::Shorter } else { Fit::None });
            }
            let tail_len = place.tail_len();
            let tail = self.read_at(place.offset - tail_len as u64, tail_len)?;
            return Ok(if place.fits(&head, &tail) { Fit::Whole(None) } else { Fit::None });
        }
        let mut content = self.content()?;
        let (head, tail, read) = skim(&mut content, place.offset)?;
        Ok(match read == place.offset {
            true if place.fits(&head, &tail) => Fit::Whole(Some((content, tail))),
            false if head.len() == HEAD_BYTES && place.fits_head(&head) => Fit::Shorter,
            _ => Fit::None,
        })
    }

    /// The place behind the last line. Of a compressed file nothing comes any more.
    pub(super) fn end(&self) -> io::Result<Place> {
        let mut place = Place::begin(self.device, self.inode);
        let size = self.metadata()?.len();
        if self.compressed {
            let (head, tail, read) = skim(&mut self.content()?, u64::MAX)?;
            place.pass(b"", &head);
            place.jump(read, &tail);
            return Ok(place);
        }
        let mut end = size;
        while end > 0 {
            let begin = end.saturating_sub(BLOCK_BYTES as u64);
            let block = self.read_at(begin, usize::try_from(end - begin).unwrap_or(BLOCK_BYTES))?;
            if let Some(newline) = memchr::memrchr(b'\n', &block) {
                end = begin + newline as u64 + 1;
                break;
            }
            end = begin;
        }
        let head_len = usize::try_from(end).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
        place.pass(b"", &self.read_at(0, head_len)?);
        let tail_len = usize::try_from(end).unwrap_or(TAIL_BYTES).min(TAIL_BYTES);
        place.jump(end, &self.read_at(end - tail_len as u64, tail_len)?);
        Ok(place)
    }

    /// Whether the whole content is the beginning of another file's, which is plain. Of plain files both ends
    /// are compared.
    pub(super) fn begins(&self, other: &Self) -> io::Result<bool> {
        if self.compressed {
            let mut content = self.content()?;
            let mut offset = 0;
            loop {
                let block = whole_block(&mut content)?;
                if block.is_empty() {
                    return Ok(true);
                }
                if other.read_at(offset, block.len())? != block {
                    return Ok(false);
                }
                offset += block.len() as u64;
            }
        }
        let size = self.metadata()?.len();
        if size > other.metadata()?.len() {
            return Ok(false);
        }
        let last = size.saturating_sub(BLOCK_BYTES as u64);
        for begin in [0, last] {
            let length = usize::try_from(size - begin).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            if self.read_at(begin, length)? != other.read_at(begin, length)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether a file has the content of a place.
pub(super) enum Fit {
    None,
    /// It has its beginning, and ends before the place.
    Shorter,
    /// It has; where it is compressed, the content behind the place, and what stands before that.
    Whole(Option<(Decompressed<File>, Vec<u8>)>),
}

/// Reads up to an offset; gives the beginning, what stands before the end, and how much was read.
fn skim(content: &mut impl Read, offset: u64) -> io::Result<(Vec<u8>, Vec<u8>, u64)> {
    let (mut head, mut tail, mut read) = (Vec::new(), Vec::new(), 0);
    while read < offset {
        let left = usize::try_from(offset - read).unwrap_or(usize::MAX);
        let block = whole_block(&mut content.by_ref().take(left as u64))?;
        if block.is_empty() {
            break;
        }
        head.extend_from_slice(&block[..block.len().min(HEAD_BYTES - head.len())]);
        tail.extend_from_slice(&block);
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
        read += block.len() as u64;
    }
    Ok((head, tail, read))
}

/// The next bytes, none at the end; and what went wrong behind them.
pub(super) fn block(content: &mut impl Read) -> (Vec<u8>, Option<io::Error>) {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    let read = content.take(BLOCK_BYTES as u64).read_to_end(&mut block);
    (block, read.err())
}

/// The same where all is in vain when something goes wrong.
fn whole_block(content: &mut impl Read) -> io::Result<Vec<u8>> {
    let (block, failed) = block(content);
    failed.map_or(Ok(block), Err)
}
