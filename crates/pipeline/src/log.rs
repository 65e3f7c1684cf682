//! The log of raw messages: appending, reading by offset, and where a reader stood.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use pulso_model::{EventTime, Key, Offsets, Position, WallTime};

use crate::AdapterError;

/// What acquisition knows about a message besides its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// The configured name of the source it came from.
    pub source: Arc<str>,
    /// When it came in.
    pub received_time: WallTime,
    /// Where the source goes on after it, in the source's own words; `None` where it cannot.
    pub cursor: Option<Arc<str>>,
}

/// Where a source goes on: the cursor of its last stored message. Of two the later received is later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceCursor {
    pub received_time: WallTime,
    /// In the source's own words.
    pub cursor: Arc<str>,
}

/// A message on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub headers: Headers,
    /// What decides its partition; `None` where the message has none to be found.
    pub key: Option<Key<'static>>,
    /// As received.
    pub payload: Bytes,
}

/// A message in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub partition: u32,
    pub offset: u64,
    /// When the log stored it.
    pub log_time: WallTime,
    pub headers: Headers,
    pub payload: Bytes,
}

impl Record {
    pub fn position(&self) -> Position {
        Position { partition: self.partition, offset: self.offset }
    }
}

/// The partition of a message: all messages of one key share one, so that a fact and its echoes are
/// read in one order. Messages without a key go to the first.
pub fn partition_of(key: Option<&Key<'_>>, partitions: u32) -> u32 {
    let number = match key {
        None => 0,
        Some(Key::Integer(number)) => *number,
        Some(Key::Text(text)) => fnv_1a(text.as_bytes()).cast_signed(),
    };
    let partition = number.rem_euclid(i64::from(partitions.max(1)));
    u32::try_from(partition).expect("a remainder is smaller than the u32 it was divided by")
}

/// FNV-1a, 64 bits (<https://www.rfc-editor.org/rfc/rfc9923>): stable across versions and machines.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Takes items and keeps them.
pub trait Sink<T>: Send {
    type Error: AdapterError;

    /// When this returns `Ok`, all items are durable; on an error any of them may be, and writing
    /// them again is safe for views (deterministic `_id`) and makes echoes in the log.
    fn write(&mut self, items: Vec<T>) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What a [`Source`] gave at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// By partition in offset order; partitions may alternate in any way.
    pub records: Vec<Record>,
    /// One past the last offset of each partition in the log, as of this read; beside records they
    /// may be a moment older, but never before those.
    pub end_offsets: Offsets,
    /// The input is finite and this is its end.
    pub finished: bool,
}

/// Reads the log from given offsets on.
///
/// No method has a default: one that wraps another source must pass every question on.
pub trait Source: Send {
    type Error: AdapterError;

    /// How many partitions the log has; fixed for the life of a log.
    fn partitions(&self) -> u32;

    /// Waits until this reader may read: of those that keep the same views only one does at a time.
    /// It may lose that right; then [`next_batch`](Self::next_batch) fails with an error that is worth
    /// trying again after, from here on. Most logs have one reader, which may always.
    fn acquire(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether this reader still may: asked before anything is written that follows from what it read,
    /// as it may have stood still in between.
    ///
    /// # Errors
    /// As [`next_batch`](Self::next_batch) when it has lost the right.
    fn may_write(&self) -> Result<(), Self::Error>;

    /// Where each partition begins now: earlier messages are no longer there. Most logs keep all.
    fn first_offsets(&mut self) -> impl Future<Output = Result<Offsets, Self::Error>> + Send;

    /// Goes to the next offset to read of each partition.
    fn seek(
        &mut self,
        next_offsets: &Offsets,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The next records, as soon as there are some; an empty batch after a bounded wait (so that
    /// the reader can look at its clock). Dropping the future loses nothing.
    fn next_batch(&mut self) -> impl Future<Output = Result<Batch, Self::Error>> + Send;
}

/// What became of the messages of one partition. Every offset from `first_offset` to before
/// `next_offset` is in exactly one of the five counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where the log began when it was first read; what was before was gone by then.
    pub first_offset: u64,
    /// The first offset not yet read.
    pub next_offset: u64,
    pub counted: u64,
    pub echoes: u64,
    pub late: u64,
    pub skipped: u64,
    pub dead_letters: u64,
}

/// What a restarted reader needs: where to read on, and what it knew by then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// By partition.
    pub progress: Vec<Progress>,
    /// Panes and windows that end at or before this time have been written; `None` before the first.
    pub closed_until: Option<EventTime>,
    /// The reader's own serialisation; it names its version and settings itself.
    pub state: Vec<u8>,
}

impl Checkpoint {
    /// Where the log began when it was first read.
    pub fn first_offsets(&self) -> Offsets {
        self.progress.iter().map(|progress| progress.first_offset).collect()
    }

    /// Up to where the log has been read.
    pub fn next_offsets(&self) -> Offsets {
        self.progress.iter().map(|progress| progress.next_offset).collect()
    }
}

/// The name under which the speed layer keeps its checkpoint of a stream, and others find it.
pub fn speed_checkpoint(stream: &str) -> String {
    format!("{stream}-speed")
}

/// Keeps the last checkpoint of one reader.
pub trait Checkpoints: Send {
    type Error: AdapterError;

    fn load(&mut self) -> impl Future<Output = Result<Option<Checkpoint>, Self::Error>> + Send;

    /// Replaces the checkpoint; the old one or the new one is there after a crash, never a mix.
    fn save(
        &mut self,
        checkpoint: Checkpoint,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_partition() {
        let of = |number, partitions| partition_of(Some(&Key::Integer(number)), partitions);
        assert_eq!(of(7, 4), 3);
        assert_eq!(of(-1, 4), 3);
        assert_eq!(of(i64::MIN, 1), 0);
        assert_eq!(partition_of(None, 4), 0);
        let named = |text: &'static str| partition_of(Some(&Key::Text(text.into())), 1 << 20);
        assert_eq!(named("a"), 0xc601ec8c % (1 << 20), "as other programs compute it");
        assert_ne!(named("a"), named("b"));
    }
}
