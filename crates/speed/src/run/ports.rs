//! What the speed layer reads and writes, in the order that the table in [`super`] gives.

use pulso_model::{Offsets, ViewDocument};
use pulso_pipeline::{Batch, Checkpoint, Checkpoints, Sink, Source, observe};
use tokio::time::Instant;

use super::saver::Saver;
use super::{COMPONENT, Options};
use crate::error::Failed;
use crate::processor::{Processed, Processor};

pub(super) struct Ports<S, V, C: Checkpoints> {
    /// Whose messages these are.
    stream: &'static str,
    source: S,
    sink: V,
    saver: Saver<C>,
    /// The document of health that the checkpoint being saved contains; written once that is saved.
    pending_health: Option<ViewDocument>,
}

impl<S: Source, V: Sink<ViewDocument>, C: Checkpoints + 'static> Ports<S, V, C> {
    pub(super) fn new(stream: &'static str, source: S, sink: V, checkpoints: C) -> Self {
        Self { stream, source, sink, saver: Saver::new(checkpoints), pending_health: None }
    }

    pub(super) fn partitions(&self) -> u32 {
        self.source.partitions()
    }

    /// Waits until this instance may read.
    pub(super) async fn acquire(&mut self) -> Result<(), Failed> {
        self.source.acquire().await.map_err(Failed::source)
    }

    /// Goes on from the newest checkpoint, or begins where the log does.
    pub(super) async fn restore(&mut self, options: &Options) -> Result<Processor, Failed> {
        self.pending_health = None;
        let Some(checkpoint) = self.saver.load().await.map_err(Failed::checkpoint)? else {
            let first_offsets = self.source.first_offsets().await.map_err(Failed::source)?;
            return Ok(Processor::beginning_at(
                &options.stream,
                options.settings.clone(),
                first_offsets,
            ));
        };
        let partitions = self.partitions();
        let processor =
            Processor::restore(&options.stream, &checkpoint, &options.settings, partitions)?;
        // The program may have ended after it saved the checkpoint, and before it wrote this.
        self.write(processor.health().into_iter().collect()).await?;
        Ok(processor)
    }

    pub(super) async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Failed> {
        self.source.seek(next_offsets).await.map_err(Failed::source)
    }

    pub(super) async fn next_batch(&mut self) -> Result<Batch, Failed> {
        self.source.next_batch().await.map_err(Failed::source)
    }

    /// Writes the documents. Where there is a decision, saves it before it writes what follows from it:
    /// a message that is read after a crash is then judged as by a reader that had gone on (P2).
    pub(super) async fn write_processed(
        &mut self,
        processed: &mut Processed,
    ) -> Result<(), Failed> {
        self.write(std::mem::take(&mut processed.documents)).await?;
        if let Some(decision) = processed.decided.take() {
            self.finish_checkpoint().await?;
            self.start_saving(decision)?;
            self.finish_checkpoint().await?;
            self.write(std::mem::take(&mut processed.closed)).await?;
        }
        Ok(())
    }

    /// Whether a checkpoint was started and not finished yet.
    pub(super) fn checkpoint_started(&self) -> bool {
        self.saver.is_saving()
    }

    /// Whether [`finish_checkpoint`](Self::finish_checkpoint) would not have to wait.
    pub(super) fn checkpoint_saved(&self) -> bool {
        self.saver.has_saved()
    }

    /// Starts to save a checkpoint; one at a time. A document of health that was just measured is
    /// written when the checkpoint that contains it is saved: a restart writes it again, and a crash
    /// between the two neither loses nor adds one.
    pub(super) fn start_checkpoint(
        &mut self,
        processor: &Processor,
        health_measured: bool,
    ) -> Result<(), Failed> {
        self.start_saving(processor.checkpoint())?;
        self.pending_health = processor.health().filter(|_| health_measured);
        Ok(())
    }

    /// Waits until the checkpoint that was started, if any, is saved; then writes what waited for it.
    pub(super) async fn finish_checkpoint(&mut self) -> Result<(), Failed> {
        self.saver.finish().await.map_err(Failed::checkpoint)?;
        let health = self.pending_health.take();
        self.write(health.into_iter().collect()).await
    }

    /// Waits for the checkpoint that was started, if any, after an error that matters more than
    /// whether it is saved.
    pub(super) async fn abandon_checkpoint(&mut self) {
        self.saver.finish_or_log().await;
    }

    fn start_saving(&mut self, checkpoint: Checkpoint) -> Result<(), Failed> {
        self.source.may_write().map_err(Failed::source)?;
        self.saver.start(checkpoint);
        Ok(())
    }

    /// An instance that has stood still may have a successor that has written more already: it writes
    /// nothing.
    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Failed> {
        if documents.is_empty() {
            return Ok(());
        }
        self.source.may_write().map_err(Failed::source)?;
        let count = documents.len() as u64;
        let start = Instant::now();
        self.sink.write(documents).await.map_err(Failed::sink)?;
        observe::sink_write(COMPONENT, self.stream, start.elapsed());
        observe::sent(COMPONENT, self.stream, count);
        Ok(())
    }
}
