//! The master dataset: every message as received, in a Delta table that Spark, DuckDB and Polars read.
//!
//! The only crate that writes Parquet. It knows nothing of logs but the offsets of a record, runs no
//! queries, and starts no task that outlives a call.
//!
//! # How each log offset comes in exactly once
//!
//! 1. Records are collected in a [`SegmentBuilder`], until they are many enough or old enough.
//! 2. [`SegmentWriter::write`] writes one Parquet file a day, and has them on disk.
//! 3. [`Lake::commit`] adds the files *and* the offsets they stand for in one commit of the Delta
//!    log: for each partition of the log a transaction identifier `pulso-archive-<partition>`, whose
//!    version is the next offset ([`Archived`] has what else is noted so). A commit is a file that is created whole and only if nobody else
//!    has created it.
//! 4. A reader of the log goes to [`Lake::next_offsets`], never to an offset kept elsewhere.
//!
//! | what happens | what follows |
//! |---|---|
//! | a crash before the commit | files that nothing refers to; the next run reads the same offsets again, [`Lake::vacuum`] removes the files |
//! | a crash after the commit | the next run goes on behind it |
//! | an error while committing, of unknown outcome | [`Lake::refresh`] tells; a segment that turns out to be there is [`Appended::AlreadyThere`] |
//! | two archivers | both read on from the same offsets; one commit wins, the other finds other offsets than its segment begins at: [`Error::Conflict`], nothing added |
//! | a rewrite meanwhile | it replaces files by files with as many rows at the same offsets; when they have been put together meanwhile, it begins again |
//! | a compaction meanwhile | it only replaces files by files with the same rows; append and compaction both try again on top of each other |
//!
//! After the design note of `kafka-delta-ingest` (Delta transactions as the one place of offsets).
//! Commits are written here and not by `deltalake`'s committer, for three reasons: its files may be
//! empty after a power failure (it never flushes them to the disk); its conflict check lets two
//! compactions replace the same file, which doubles rows; and exactly-once is easier to see in one
//! loop. It still judges whether a commit is allowed, and does all reading of the log.

mod archived;
mod columns;
mod commit;
mod compaction;
mod damage;
mod error;
mod export;
mod file;
mod maintenance;
mod path;
mod retention;
mod rewrite;
mod segment;
mod stats;
mod table;
mod times;

pub use archived::Archived;
pub use compaction::Compaction;
pub use error::Error;
pub use export::ParquetExport;
pub use retention::{Removed, Retained};
pub use rewrite::{Prepared, Rewrite, Rewritten};
pub use segment::{Segment, SegmentBuilder};
pub use table::{Appended, Lake, SegmentWriter, WrittenSegment, empty_table};
pub use times::TimeRange;
