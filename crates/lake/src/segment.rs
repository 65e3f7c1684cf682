//! A segment: the rows that one commit adds to the table, sorted by day, then by log position.
//!
//! Pure: it decodes and sorts in memory; files and commits are made elsewhere.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::RecordBatch;
use pulso_model::{Day, Decoded, Decoder, EventTime, Offsets};
use pulso_pipeline::Record;

use crate::columns::{Columns, Rows};
use crate::{Archived, Error};

/// Rows in one Arrow batch. Small enough that growing its buffers costs little, large enough that
/// the Parquet writer is called rarely.
const CHUNK_ROWS: usize = 4096;

/// Payload bytes in one Arrow batch; far below the 2 GiB that its 32-bit offsets can hold.
const CHUNK_BYTES: usize = 32 * 1024 * 1024;

/// The most (day, partition) pairs in one segment: each costs a builder, each day a file. Only a
/// source whose event times jump about wildly comes near it.
const MAX_PARTS: usize = 1024;

/// What a row takes besides its payload and decoded text: numbers, offsets and validity.
const ROW_BYTES: usize = 400;

/// Collects records that follow each other in the log.
#[derive(Debug)]
pub struct SegmentBuilder {
    decoder: Decoder,
    columns: Columns,
    parts: BTreeMap<(Day, u32), Part>,
    offsets: Vec<Range<u64>>,
    /// By partition; of the messages here alone.
    archived: Vec<Archived>,
    rows: u64,
    dead_letters: u64,
    missing: u64,
    bytes: usize,
}

/// The rows of one day from one partition.
#[derive(Debug)]
struct Part {
    chunks: Vec<RecordBatch>,
    rows: Rows,
    payload_bytes: usize,
}

impl SegmentBuilder {
    /// A segment that begins at the given offset of each partition of the log.
    pub fn new(decoder: &Decoder, next_offsets: &Offsets) -> Self {
        Self {
            decoder: decoder.clone(),
            columns: Columns::of(decoder.stream()),
            parts: BTreeMap::new(),
            offsets: next_offsets.by_partition().map(|(_, offset)| offset..offset).collect(),
            archived: vec![Archived::default(); next_offsets.partitions() as usize],
            rows: 0,
            dead_letters: 0,
            missing: 0,
            bytes: 0,
        }
    }

    /// Decodes a record and adds its row. Offsets that the log no longer has (or never had) may be
    /// missing before it; they are counted.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] when the record does not come after those of its partition so far,
    /// [`Error::UnknownPartition`] when the log has no such partition.
    pub fn push(&mut self, record: &Record) -> Result<(), Error> {
        let Record { partition, offset, .. } = *record;
        let offsets = usize::try_from(partition).ok().and_then(|index| self.offsets.get_mut(index));
        let offsets = offsets.ok_or(Error::UnknownPartition { partition })?;
        let Some(gap) = offset.checked_sub(offsets.end) else {
            return Err(Error::OutOfOrder { partition, offset, next_offset: offsets.end });
        };
        offsets.end = offset + 1;
        self.missing += gap;

        let decoded = self.decoder.decode(&record.payload, record.log_time);
        let event_time = match &decoded {
            Ok(Decoded::Fact(fact)) => Some(fact.time),
            Ok(Decoded::Skipped(_)) | Err(_) => None,
        };
        let day = event_time.map_or(record.log_time.day(), EventTime::day);
        self.archived[partition as usize].see(record.log_time, event_time);
        let part = self.parts.entry((day, partition)).or_insert_with(|| Part::empty(&self.columns));
        part.rows.push(record, &decoded);
        part.payload_bytes += record.payload.len();
        if part.rows.len() >= CHUNK_ROWS || part.payload_bytes >= CHUNK_BYTES {
            part.close_chunk();
        }
        self.rows += 1;
        self.dead_letters += u64::from(decoded.is_err());
        // The decoded text of a usual message is two thirds of it.
        self.bytes += ROW_BYTES + record.payload.len() + record.payload.len() * 2 / 3;
        Ok(())
    }

    /// Takes note of where each partition ends by now. Of a partition for which nobody says so it is taken
    /// that it ends with the segment.
    pub fn log_ends_at(&mut self, end_offsets: &Offsets) {
        for (archived, (_, end_offset)) in self.archived.iter_mut().zip(end_offsets.by_partition())
        {
            archived.end_offset = end_offset;
        }
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Roughly the memory that the rows take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it is time to write: so many bytes, or too many days at once.
    pub fn full(&self, bytes_max: usize) -> bool {
        self.bytes >= bytes_max || self.parts.len() >= MAX_PARTS
    }

    /// One past the last offset of each partition; where the next segment begins.
    pub fn next_offsets(&self) -> Offsets {
        self.offsets.iter().map(|range| range.end).collect()
    }

    pub fn finish(self) -> Segment {
        let mut days = BTreeMap::<Day, Vec<RecordBatch>>::new();
        for ((day, _), mut part) in self.parts {
            part.close_chunk();
            days.entry(day).or_default().append(&mut part.chunks);
        }
        let Self { offsets, archived, rows, dead_letters, missing, .. } = self;
        Segment { days, offsets, archived, rows, dead_letters, missing }
    }
}

impl Part {
    fn empty(columns: &Columns) -> Self {
        Self { chunks: Vec::new(), rows: Rows::empty(columns), payload_bytes: 0 }
    }

    fn close_chunk(&mut self) {
        if self.rows.len() > 0 {
            self.chunks.push(self.rows.finish());
            self.payload_bytes = 0;
        }
    }
}

/// Rows ready to be written, one file a day.
#[derive(Debug)]
pub struct Segment {
    /// Of each day its rows, by partition, then by offset.
    pub(crate) days: BTreeMap<Day, Vec<RecordBatch>>,
    /// Of each partition of the log the offsets that the segment stands for; empty if none.
    pub(crate) offsets: Vec<Range<u64>>,
    /// By partition, the times of its messages and where the log ended.
    pub(crate) archived: Vec<Archived>,
    pub(crate) rows: u64,
    pub(crate) dead_letters: u64,
    pub(crate) missing: u64,
}
