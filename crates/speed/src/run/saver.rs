//! Saves checkpoints while the speed layer reads and writes on.
//!
//! A checkpoint of a busy stream is megabytes, and takes as long to save as thousands of facts do.
//! It says what was true when it was made, and all that it stands on had been written by then (P1).
//! What is written while it is saved is written again, under the same `_id`s, by whoever goes on from
//! it. So nobody has to wait for it, except before writing what only the checkpoint makes repeatable.

use std::sync::Arc;

use pulso_pipeline::{Checkpoint, Checkpoints};
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

/// Saves one checkpoint at a time.
pub(super) struct Saver<C: Checkpoints> {
    checkpoints: Arc<Mutex<C>>,
    saving: Option<AbortOnDropHandle<Result<(), C::Error>>>,
}

impl<C: Checkpoints + 'static> Saver<C> {
    pub(super) fn new(checkpoints: C) -> Self {
        Self { checkpoints: Arc::new(Mutex::new(checkpoints)), saving: None }
    }

    /// Loads the newest checkpoint; that may be one that was still being saved.
    pub(super) async fn load(&mut self) -> Result<Option<Checkpoint>, C::Error> {
        self.finish_or_log().await;
        self.checkpoints.lock().await.load().await
    }

    /// Starts to save a checkpoint. The one before must be finished.
    pub(super) fn start(&mut self, checkpoint: Checkpoint) {
        debug_assert!(!self.is_saving(), "one at a time");
        let checkpoints = Arc::clone(&self.checkpoints);
        let saving = async move { checkpoints.lock().await.save(checkpoint).await };
        self.saving = Some(AbortOnDropHandle::new(tokio::spawn(saving)));
    }

    /// Whether a checkpoint was started and not finished yet.
    pub(super) fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Whether the checkpoint that was started is saved, or has failed, so that
    /// [`finish`](Self::finish) does not wait.
    pub(super) fn has_saved(&self) -> bool {
        self.saving.as_ref().is_some_and(AbortOnDropHandle::is_finished)
    }

    /// Waits for the checkpoint that was started, if any, and says how that went.
    pub(super) async fn finish(&mut self) -> Result<(), C::Error> {
        let Some(saving) = &mut self.saving else { return Ok(()) };
        let outcome = saving.await;
        self.saving = None;
        match outcome {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Waits likewise, after an error that matters more than whether the checkpoint is saved.
    pub(super) async fn finish_or_log(&mut self) {
        if let Err(error) = self.finish().await {
            debug!(%error, "a checkpoint was not saved");
        }
    }
}
