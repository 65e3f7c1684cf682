//! Records in, documents out: the speed layer without its surroundings.

use std::collections::BTreeMap;

use pulso_model::{
    DeadLetter, DeadLetterDocument, Decoded, Decoder, Fact, FactWriter, LateFactDocument, Offsets,
    Position, Stream, ViewDocument, WallTime,
};
use pulso_pipeline::{Checkpoint, Progress, Record};
use pulso_window::{Observed, Output, Settings, Verdict, Windows};

use crate::health::Health;
use crate::render::render;
use crate::state::{self, RestoreError};

/// What one batch of records brought about.
#[derive(Debug, Default)]
pub struct Processed {
    /// In the order in which they have to be written.
    pub documents: Vec<ViewDocument>,
    /// Something closes that another reading of the log need not close: to be saved after
    /// `documents` and before `closed` are written.
    pub decided: Option<Checkpoint>,
    /// What that closes; empty otherwise.
    pub closed: Vec<ViewDocument>,
    /// Messages that count nowhere, by reason.
    pub discarded: BTreeMap<String, u64>,
    /// Windows with a listed term.
    pub windows: u64,
}

/// What is read, and what is shown of it.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    pub decoder: Decoder,
    /// Whether single facts are shown; the lake has them anyway.
    pub shows_facts: bool,
}

/// Decodes records, runs them through the windows and renders what comes out.
#[derive(Debug)]
pub struct Processor {
    decoder: Decoder,
    /// `None` where single facts are not shown.
    facts: Option<FactWriter>,
    windows: Windows,
    health: Health,
    /// Where the log began when it was first read.
    first_offsets: Offsets,
}

impl Processor {
    /// Begins with an empty log position.
    pub fn new(stream: &StreamSettings, settings: Settings, partitions: u32) -> Self {
        Self::beginning_at(stream, settings, Offsets::zero(partitions))
    }

    /// The same for a log whose partitions begin at these offsets.
    pub fn beginning_at(
        stream: &StreamSettings,
        settings: Settings,
        first_offsets: Offsets,
    ) -> Self {
        let mut windows = Windows::new(settings, first_offsets.partitions());
        windows.begin_at(&first_offsets);
        Self::of(stream, windows, Health::default(), first_offsets)
    }

    fn of(
        stream: &StreamSettings,
        windows: Windows,
        health: Health,
        first_offsets: Offsets,
    ) -> Self {
        let decoder = stream.decoder.clone();
        let facts = stream.shows_facts.then(|| FactWriter::new(decoder.stream()));
        Self { decoder, facts, windows, health, first_offsets }
    }

    /// Goes on from a checkpoint.
    ///
    /// # Errors
    /// When it was made by another version, for another number of partitions, or under settings
    /// that give its panes another meaning or showed less.
    pub fn restore(
        stream: &StreamSettings,
        checkpoint: &Checkpoint,
        settings: &Settings,
        partitions: u32,
    ) -> Result<Self, RestoreError> {
        let (windows, health) =
            state::restore(checkpoint, stream.shows_facts, settings, partitions)?;
        Ok(Self::of(stream, windows, health, checkpoint.first_offsets()))
    }

    /// What a restart needs. All documents returned so far must have been written first (P1), but
    /// for [`health`](Self::health).
    pub fn checkpoint(&self) -> Checkpoint {
        state::checkpoint(self.facts.is_some(), &self.windows, &self.health, self.progress())
    }

    /// Makes the next document of health, with what was read since the one before. The lag is unknown
    /// until the log has been looked at.
    pub fn measure(&mut self, lag: Option<u64>, now: WallTime) {
        self.health.measure(&self.progress(), self.windows.watermark(), lag, now);
    }

    /// Whether documents of health tell of everything that was read.
    pub fn measured(&self) -> bool {
        self.health.complete(&self.progress())
    }

    /// The newest document of health. The checkpoint contains it: to be written after that is saved,
    /// and again after each restart from it.
    pub fn health(&self) -> Option<ViewDocument> {
        self.health.document(self.stream())
    }

    /// Takes records, then advances the watermark. `now` matters only while all partitions are idle.
    pub fn process(&mut self, records: &[Record], now: WallTime) -> Processed {
        let mut processed = Processed::default();
        // A checkpoint may hold a decision without what follows from it; no record may come between.
        self.close(false, &mut processed);
        // A fact has one document, nearly all other messages have fewer.
        processed.documents.reserve(records.len());
        for record in records {
            self.record(record, &mut processed);
        }
        let decided = self.windows.move_watermark(now);
        self.close(decided, &mut processed);
        processed
    }

    /// The input is finite and this is its end: closes every pane and window.
    pub fn finish(&mut self) -> Processed {
        let mut processed = Processed::default();
        let decided = self.windows.finish();
        self.close(decided, &mut processed);
        processed
    }

    /// An idle partition does not hold the others back.
    pub fn set_idle(&mut self, partition: u32, idle: bool) {
        self.windows.set_idle(partition, idle);
    }

    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The stream that is processed.
    pub(crate) fn stream(&self) -> &'static Stream {
        self.decoder.stream()
    }

    /// By partition.
    pub fn progress(&self) -> Vec<Progress> {
        let counts = self.windows.counts().into_iter().zip(self.first_offsets.by_partition());
        counts.map(|(counts, (_, first))| state::progress(counts, first)).collect()
    }

    /// Up to where the log has been read.
    pub fn next_offsets(&self) -> Offsets {
        self.windows.next_offsets()
    }

    fn close(&mut self, decided: bool, processed: &mut Processed) {
        processed.decided = decided.then(|| self.checkpoint());
        let documents = if decided { &mut processed.closed } else { &mut processed.documents };
        for output in self.windows.close() {
            processed.windows += u64::from(matches!(output, Output::Window(_)));
            render(self.decoder.stream(), &output, documents);
        }
    }

    fn record(&mut self, record: &Record, processed: &mut Processed) {
        let position = record.position();
        match self.decoder.decode(&record.payload, record.log_time) {
            Ok(Decoded::Fact(fact)) => self.fact(position, &fact, processed),
            Ok(Decoded::Skipped(reason)) => {
                self.windows.skipped(position);
                processed.discard(&reason);
            }
            Err(dead) => {
                self.windows.dead_letter(position);
                processed.discard(dead.reason.name());
                processed.documents.push(self.dead_letter(record, position, &dead));
            }
        }
    }

    fn fact(&mut self, position: Position, fact: &Fact<'_>, processed: &mut Processed) {
        let stream = self.stream();
        let identity = stream.identity(fact);
        let actor = stream.counts_actors().then(|| stream.actor(fact)).flatten();
        let observed = Observed { fact, identity: identity.as_ref(), actor: actor.as_deref() };
        let verdict = self.windows.fact(position, observed);
        if verdict == Verdict::Echo {
            processed.discard("echo");
            return;
        }
        if let Some(facts) = &mut self.facts {
            processed.documents.push(facts.render(fact, position));
        }
        if verdict == Verdict::Late {
            processed.discard("late");
            processed.documents.push(LateFactDocument::render(stream.name, position, fact));
        }
    }

    fn dead_letter(&self, record: &Record, position: Position, dead: &DeadLetter) -> ViewDocument {
        let Record { log_time, headers, payload, .. } = record;
        let (stream, source) = (self.stream().name, &headers.source);
        DeadLetterDocument::render(stream, position, *log_time, source, dead, payload)
    }
}

impl Processed {
    fn discard(&mut self, reason: &str) {
        match self.discarded.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.discarded.insert(reason.to_owned(), 1)),
        }
    }
}
