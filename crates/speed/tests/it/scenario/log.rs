//! A scenario's messages as a log of some partitions, and a source that reads it as told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pulso_model::{Decoded, FactWriter, Offsets, Position as InLog, View, WallTime};
use pulso_pipeline::{Batch, Clock, Headers, ManualClock, Record, Source, partition_of};
use pulso_speed::StreamSettings;
use tokio_util::sync::CancellationToken;

use super::script::{Ending, Script};
use crate::ports::{Crash, Faults, Needed};

/// A scenario's log; the same for every run.
#[derive(Clone, Debug)]
pub(super) struct Log {
    stream: StreamSettings,
    /// By partition.
    records: Arc<Vec<Vec<Record>>>,
    sections: Arc<Vec<Opened>>,
    /// For each run of the program one past its last section, and how it ends.
    pub(super) parts: Arc<Vec<(usize, Ending)>>,
}

/// When a section's messages are there to be read.
#[derive(Clone, Debug)]
struct Opened {
    /// What the clock shows when all before is read.
    before: WallTime,
    /// How much time then passes.
    clock: Option<Duration>,
    /// With this section's messages.
    end_offsets: Offsets,
}

impl Log {
    pub(super) fn new(script: &Script, partitions: u32) -> Self {
        let mut records: Vec<Vec<Record>> = (0..partitions).map(|_| Vec::new()).collect();
        let (mut sections, mut parts) = (Vec::new(), Vec::new());
        let clock = ManualClock::at(WallTime(script.start));
        for part in &script.parts {
            for section in &part.sections {
                let before = clock.now();
                clock.advance(section.clock.unwrap_or_default());
                for payload in &section.messages {
                    let key = script.stream.decoder.head(payload).key;
                    let partition = partition_of(key.as_ref(), partitions);
                    let records = &mut records[partition as usize];
                    records.push(record(partition, records.len(), clock.now(), payload));
                }
                let end_offsets = records.iter().map(|records| records.len() as u64).collect();
                sections.push(Opened { before, clock: section.clock, end_offsets });
            }
            parts.push((sections.len(), part.ending));
        }
        let stream = script.stream.clone();
        Self { stream, records: records.into(), sections: sections.into(), parts: parts.into() }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flatten()
    }

    fn end_offsets(&self, sections: usize) -> Offsets {
        match sections.checked_sub(1) {
            Some(last) => self.sections[last].end_offsets.clone(),
            None => self.records.iter().map(|_| 0).collect(),
        }
    }
}

fn record(partition: u32, offset: usize, log_time: WallTime, payload: &Bytes) -> Record {
    let headers = Headers { source: "test".into(), received_time: log_time, cursor: None };
    Record { partition, offset: offset as u64, log_time, headers, payload: payload.clone() }
}

impl Needed for Log {
    fn needed(&self, next_offsets: &Offsets) -> Vec<(View, String)> {
        let read = |record: &&Record| next_offsets.have_passed(record.partition, record.offset);
        let StreamSettings { decoder, shows_facts } = &self.stream;
        let mut writer = FactWriter::new(decoder.stream());
        self.records()
            .filter(read)
            .filter_map(|Record { partition, offset, log_time, payload, .. }| {
                match decoder.decode(payload, *log_time) {
                    Ok(Decoded::Fact(fact)) => {
                        let position = InLog { partition: *partition, offset: *offset };
                        let document = writer.render(&fact, position);
                        shows_facts.then_some((document.view, document.id))
                    }
                    Ok(Decoded::Skipped(_)) => None,
                    Err(_) => {
                        let id = format!("{}/{partition}/{offset}", decoder.stream());
                        Some((View::DEAD_LETTERS, id))
                    }
                }
            })
            .collect()
    }
}

/// How partitions take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// One message of each.
    Even,
    /// The last one to its end first.
    OneAfterAnother,
}

/// Reads the part of the log that one run of the program sees.
#[derive(Debug)]
pub(super) struct ScriptSource {
    pub(super) log: Log,
    pub(super) part: usize,
    pub(super) batch_records: usize,
    pub(super) order: Order,
    pub(super) clock: ManualClock,
    pub(super) shutdown: CancellationToken,
    pub(super) faults: Faults,
    pub(super) after_crash: AfterCrash,
    pub(super) position: Position,
}

/// What a program that starts again finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterCrash {
    /// The scenario goes on from where the checkpoint is, time included.
    TimeRepeats,
    /// All that was in the log is in it at once, and the clock has not stood still.
    LogStays,
}

#[derive(Debug, Default)]
pub(super) struct Position {
    next_offsets: Offsets,
    /// How many sections are open.
    open: usize,
    /// Empty reads that come before the next section is opened.
    polls: Vec<WallTime>,
}

impl Source for ScriptSource {
    type Error = Crash;

    fn partitions(&self) -> u32 {
        u32::try_from(self.log.records.len()).unwrap()
    }

    async fn acquire(&mut self) -> Result<(), Crash> {
        Ok(())
    }

    fn may_write(&self) -> Result<(), Crash> {
        Ok(())
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Crash> {
        Ok(Offsets::zero(self.partitions()))
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Crash> {
        let (first, end, _) = self.range();
        if self.faults.happened() {
            // What was read in several batches before a crash is there at once after it.
            self.batch_records = usize::MAX;
        }
        if self.after_crash == AfterCrash::LogStays && self.position.open > first {
            self.position.next_offsets.clone_from(next_offsets);
            return Ok(());
        }
        let sections = &self.log.sections[first..end];
        let unread = |section: &Opened| !next_offsets.reach(&section.end_offsets);
        let last = sections.len().saturating_sub(1);
        let section = first + sections.iter().position(unread).unwrap_or(last);
        self.position =
            Position { next_offsets: next_offsets.clone(), open: section, polls: Vec::new() };
        self.pass_time();
        Ok(())
    }

    async fn next_batch(&mut self) -> Result<Batch, Crash> {
        self.faults.call()?;
        let (_, end, ending) = self.range();
        loop {
            if !self.position.polls.is_empty() {
                self.clock.set(self.position.polls.remove(0));
                // What was read before a crash stays in the log, also while time repeats.
                let end_offsets = self.log.end_offsets(self.position.open);
                let end_offsets = end_offsets.at_least(&self.position.next_offsets);
                if self.position.polls.is_empty() {
                    self.position.open += 1;
                }
                return Ok(Batch { end_offsets, ..Batch::default() });
            }
            let end_offsets = self.log.end_offsets(self.position.open);
            if !self.position.next_offsets.reach(&end_offsets) {
                let records = self.read(&end_offsets);
                let all_read = self.position.next_offsets == end_offsets;
                let finished = all_read && self.position.open == end && ending == Ending::End;
                return Ok(Batch { records, end_offsets, finished });
            }
            if self.position.open < end {
                self.pass_time();
            } else if ending == Ending::End {
                return Ok(Batch { end_offsets, finished: true, ..Batch::default() });
            } else {
                self.shutdown.cancel();
                std::future::pending::<()>().await;
            }
        }
    }
}

impl ScriptSource {
    /// The sections of this part, and how it ends.
    fn range(&self) -> (usize, usize, Ending) {
        let before = self.part.checked_sub(1);
        let first = before.map_or(0, |before| self.log.parts[before].0);
        let (end, ending) = self.log.parts[self.part];
        (first, end, ending)
    }

    /// Opens the next section, after the time before it: a read when all is quiet, one when time has
    /// passed, and one that finds the partitions idle.
    fn pass_time(&mut self) {
        let Some(section) = self.log.sections.get(self.position.open) else { return };
        self.clock.set(section.before);
        let Some(clock) = section.clock else {
            self.position.open += 1;
            return;
        };
        let after = ManualClock::at(section.before);
        after.advance(clock);
        self.position.polls = vec![section.before, after.now(), after.now()];
    }

    fn read(&mut self, end_offsets: &Offsets) -> Vec<Record> {
        let mut records = Vec::new();
        let next_offsets = &mut self.position.next_offsets;
        loop {
            let mut waiting: Vec<_> =
                next_offsets.zip(end_offsets).filter(|(_, next, end)| next < end).collect();
            if self.order == Order::OneAfterAnother {
                waiting = waiting.split_off(waiting.len().saturating_sub(1));
            }
            for &(partition, next_offset, _) in &waiting {
                if records.len() == self.batch_records {
                    return records;
                }
                let offset = usize::try_from(next_offset).unwrap();
                let record = &self.log.records[partition as usize][offset];
                next_offsets.pass(record.position());
                records.push(record.clone());
            }
            if waiting.is_empty() {
                return records;
            }
        }
    }
}
