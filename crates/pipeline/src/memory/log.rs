//! A log and a checkpoint store that live as long as the process.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pulso_model::Offsets;

use crate::{Batch, Checkpoint, Checkpoints, Clock, Message, Record, Sink, Source, partition_of};

/// The longest wait of [`Source::next_batch`] for something new.
const MAX_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Partitions {
    records: Vec<Vec<Record>>,
    finished: bool,
}

/// The write side of an in-memory log; clones share it.
#[derive(Clone, Debug)]
pub struct MemoryLog<C> {
    clock: C,
    partitions: Arc<Mutex<Partitions>>,
}

impl<C: Clock> MemoryLog<C> {
    pub fn new(partitions: u32, clock: C) -> Self {
        let records = (0..partitions).map(|_| Vec::new()).collect();
        let partitions = Partitions { records, finished: false };
        Self { clock, partitions: Arc::new(Mutex::new(partitions)) }
    }

    /// A reader that gives at most `max_records` at once.
    pub fn source(&self, max_records: usize) -> MemorySource {
        let partitions = Arc::clone(&self.partitions);
        let next_offsets = lock(&partitions).records.iter().map(|_| 0).collect();
        MemorySource { partitions, next_offsets, max_records }
    }

    /// Declares the input finite: readers are told when they reach the end.
    pub fn finish(&self) {
        lock(&self.partitions).finished = true;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Clock> Sink<Message> for MemoryLog<C> {
    type Error = Infallible;

    async fn write(&mut self, messages: Vec<Message>) -> Result<(), Infallible> {
        let log_time = self.clock.now();
        let mut partitions = lock(&self.partitions);
        let count = u32::try_from(partitions.records.len()).unwrap_or(u32::MAX);
        for Message { headers, key, payload } in messages {
            let partition = partition_of(key.as_ref(), count);
            let records = &mut partitions.records[partition as usize];
            let offset = records.len() as u64;
            records.push(Record { partition, offset, log_time, headers, payload });
        }
        Ok(())
    }
}

/// Reads a [`MemoryLog`].
#[derive(Debug)]
pub struct MemorySource {
    partitions: Arc<Mutex<Partitions>>,
    next_offsets: Offsets,
    max_records: usize,
}

impl MemorySource {
    fn read(&mut self) -> Batch {
        let partitions = lock(&self.partitions);
        let end_offsets: Offsets =
            partitions.records.iter().map(|stored| stored.len() as u64).collect();
        // A reader that was sent past the end of the log reads on from the end.
        self.next_offsets = self.next_offsets.at_most(&end_offsets);
        let mut records: Vec<Record> = Vec::new();
        for (stored, (_, next)) in partitions.records.iter().zip(self.next_offsets.by_partition()) {
            let read = usize::try_from(next).unwrap_or(usize::MAX);
            let room = self.max_records - records.len();
            records.extend(stored.iter().skip(read).take(room).cloned());
        }
        records.iter().for_each(|record| self.next_offsets.pass(record.position()));
        let finished = partitions.finished && self.next_offsets == end_offsets;
        Batch { records, end_offsets, finished }
    }
}

impl Source for MemorySource {
    type Error = Infallible;

    fn partitions(&self) -> u32 {
        self.next_offsets.partitions()
    }

    async fn acquire(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn may_write(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Infallible> {
        Ok(Offsets::zero(self.partitions()))
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Infallible> {
        self.next_offsets.clone_from(next_offsets);
        Ok(())
    }

    async fn next_batch(&mut self) -> Result<Batch, Infallible> {
        let batch = self.read();
        if batch.records.is_empty() && !batch.finished {
            tokio::time::sleep(MAX_WAIT).await;
            return Ok(self.read());
        }
        Ok(batch)
    }
}

/// Keeps a checkpoint in memory; clones share it, so a "restarted" reader finds it.
#[derive(Clone, Debug, Default)]
pub struct MemoryCheckpoints {
    checkpoint: Arc<Mutex<Option<Checkpoint>>>,
}

impl Checkpoints for MemoryCheckpoints {
    type Error = Infallible;

    async fn load(&mut self) -> Result<Option<Checkpoint>, Infallible> {
        Ok(lock(&self.checkpoint).clone())
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), Infallible> {
        *lock(&self.checkpoint) = Some(checkpoint);
        Ok(())
    }
}
