//! Records in, documents out: the speed layer without its surroundings.

use std::collections::BTreeMap;

use pulso_model::{
    DeadLetterDocument, LateResponseDocument, ResponseDocument, ViewDocument, WallTime, decode,
};
use pulso_pipeline::{Checkpoint, Progress, Record};
use pulso_window::{Engine, Output, Settings, Verdict};

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
    pub discarded: BTreeMap<&'static str, u64>,
    /// Windows with a listed topic.
    pub windows: u64,
}

/// Decodes records, runs them through the windows and renders what comes out.
#[derive(Debug)]
pub struct Processor {
    engine: Engine,
    health: Health,
    /// By partition: where the log began when it was first read.
    first_offsets: Vec<u64>,
}

impl Processor {
    /// Begins with an empty log position.
    pub fn new(settings: Settings, partitions: u32) -> Self {
        Self::beginning_at(settings, vec![0; partitions as usize])
    }

    /// The same for a log whose partitions begin at these offsets.
    pub fn beginning_at(settings: Settings, first_offsets: Vec<u64>) -> Self {
        let partitions = u32::try_from(first_offsets.len()).expect("a log has few partitions");
        let mut engine = Engine::new(settings, partitions);
        engine.begin_at(&first_offsets);
        Self { engine, health: Health::default(), first_offsets }
    }

    /// Goes on from a checkpoint.
    ///
    /// # Errors
    /// When it was made by another version, for another number of partitions, or under settings
    /// that give its panes another meaning.
    pub fn restore(
        checkpoint: &Checkpoint,
        settings: &Settings,
        partitions: u32,
    ) -> Result<Self, RestoreError> {
        let (engine, health) = state::restore(checkpoint, settings, partitions)?;
        let first_offsets = checkpoint.progress.iter().map(|p| p.first_offset).collect();
        Ok(Self { engine, health, first_offsets })
    }

    /// What a restart needs. All documents returned so far must have been written first (P1), but
    /// for [`health`](Self::health).
    pub fn checkpoint(&self) -> Checkpoint {
        state::checkpoint(&self.engine, &self.health, self.progress())
    }

    /// Makes the next document of health, with what was read since the one before. The lag is unknown
    /// until the log has been looked at.
    pub fn measure(&mut self, lag: Option<u64>, now: WallTime) {
        self.health.measure(&self.progress(), self.engine.watermark(), lag, now);
    }

    /// Whether documents of health tell of everything that was read.
    pub fn measured(&self) -> bool {
        self.health.complete(&self.progress())
    }

    /// The newest document of health. The checkpoint contains it: to be written after that is saved,
    /// and again after each restart from it.
    pub fn health(&self) -> Option<ViewDocument> {
        self.health.document()
    }

    /// Takes records, then advances the watermark. `now` matters only while all partitions are idle.
    pub fn process(&mut self, records: &[Record], now: WallTime) -> Processed {
        let mut processed = Processed::default();
        // A checkpoint may hold a decision without what follows from it; no record may come between.
        self.close(false, &mut processed);
        // A response has one document, nearly all others have fewer.
        processed.documents.reserve(records.len());
        for record in records {
            self.record(record, &mut processed);
        }
        let decided = self.engine.move_watermark(now);
        self.close(decided, &mut processed);
        processed
    }

    /// The input is finite and this is its end: closes every pane and window.
    pub fn finish(&mut self) -> Processed {
        let mut processed = Processed::default();
        let decided = self.engine.finish();
        self.close(decided, &mut processed);
        processed
    }

    /// An idle partition does not hold the others back.
    pub fn set_idle(&mut self, partition: u32, idle: bool) {
        self.engine.set_idle(partition, idle);
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// By partition.
    pub fn progress(&self) -> Vec<Progress> {
        let counts = self.engine.counts().into_iter().zip(&self.first_offsets);
        counts.map(|(counts, first)| state::progress(counts, *first)).collect()
    }

    fn close(&mut self, decided: bool, processed: &mut Processed) {
        processed.decided = decided.then(|| self.checkpoint());
        let documents = if decided { &mut processed.closed } else { &mut processed.documents };
        for output in self.engine.close() {
            processed.windows += u64::from(matches!(output, Output::Window(_)));
            render(&output, documents);
        }
    }

    fn record(&mut self, record: &Record, processed: &mut Processed) {
        let Record { partition, offset, log_time, headers, payload } = record;
        let place = (*partition, *offset);
        let response = match decode(payload, *log_time) {
            Ok(response) => response,
            Err(dead) => {
                self.engine.dead_letter(*partition, *offset);
                processed.discard(dead.reason.name());
                let document =
                    DeadLetterDocument::render(place, *log_time, &headers.source, &dead, payload);
                processed.documents.push(document);
                return;
            }
        };
        match self.engine.response(*partition, *offset, &response) {
            Verdict::Counted => processed.documents.push(ResponseDocument::render(&response)),
            Verdict::Echo => processed.discard("echo"),
            Verdict::Late => {
                processed.discard("late");
                processed.documents.push(ResponseDocument::render(&response));
                processed.documents.push(LateResponseDocument::render(place, &response));
            }
        }
    }
}

impl Processed {
    fn discard(&mut self, reason: &'static str) {
        *self.discarded.entry(reason).or_default() += 1;
    }
}
