//! Files of lines as the edges of a pipeline: messages in, view documents out.
//!
//! Reads plain, gzip and zstd files and standard input. It knows nothing about partitions, which a
//! file does not have, and keeps no checkpoints: a file is read again from its start.

mod reader;
mod sink;
mod source;

pub use reader::{
    Decompressed, FileError, FileInput, FileReader, INPUT_HINT, LineBatch, is_compressed,
};
pub use sink::{NdjsonError, NdjsonOutput, NdjsonSink};
pub use source::FileSource;
