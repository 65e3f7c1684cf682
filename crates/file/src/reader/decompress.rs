//! Decompresses gzip and zstd, whatever the file's name.

use std::io::{self, BufReader, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

/// How much of a compressed file is read at once.
const READ_BYTES: usize = 128 * 1024;

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878, section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Whether a content that begins like this is that of a compressed file.
pub fn is_compressed(begin: &[u8]) -> bool {
    begin.starts_with(&GZIP_MAGIC) || begin.starts_with(&ZSTD_MAGIC)
}

type Begun<R> = Chain<Cursor<Vec<u8>>, R>;

/// The content of a file: decompressed from all members or frames, or as it is. Memory is bounded, whatever the
/// file says of its size.
pub struct Decompressed<R: Read>(Format<R>);

enum Format<R: Read> {
    /// Nothing has been read yet, so the format is unknown.
    Unopened(Option<R>),
    Plain(Begun<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Begun<R>>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Begun<R>>>>),
}

impl<R: Read> Decompressed<R> {
    pub fn new(reader: R) -> Self {
        Self(Format::Unopened(Some(reader)))
    }
}

impl<R: Read> Format<R> {
    fn open(mut reader: R) -> io::Result<Self> {
        let mut magic = Vec::new();
        reader.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic)?;
        let (gzip, zstd) = (magic.starts_with(&GZIP_MAGIC), magic.starts_with(&ZSTD_MAGIC));
        let begun = Cursor::new(magic).chain(reader);
        let buffered = |begun| BufReader::with_capacity(READ_BYTES, begun);
        Ok(match () {
            () if gzip => Self::Gzip(Box::new(MultiGzDecoder::new(buffered(begun)))),
            () if zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(buffered(begun))?;
                Self::Zstd(Box::new(decoder))
            }
            () => Self::Plain(begun),
        })
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl<R: Read> Read for Format<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unopened(reader) => match reader.take() {
                Some(reader) => {
                    *self = Self::open(reader)?;
                    self.read(bytes)
                }
                None => Ok(0),
            },
            Self::Plain(reader) => reader.read(bytes),
            Self::Gzip(reader) => reader.read(bytes),
            Self::Zstd(reader) => reader.read(bytes),
        }
    }
}

/// Counts the bytes that were read.
pub(super) struct Counted<R> {
    reader: R,
    bytes: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(reader: R, bytes: Arc<AtomicU64>) -> Self {
        Self { reader, bytes }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(bytes)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl<R: Read> std::fmt::Debug for Decompressed<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Decompressed").finish_non_exhaustive()
    }
}
