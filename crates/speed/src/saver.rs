//! Saves checkpoints beside the reading and writing.
//!
//! A checkpoint of a busy stream is megabytes, and takes as long as thousands of responses. It says
//! what was true when it was made, and all that it stands on had been written by then (P1). What is
//! written while it is saved is written again, under the same `_id`s, by whoever goes on from it: so
//! nobody has to wait for it but who shows what only it makes repeatable.

use std::sync::Arc;

use pulso_pipeline::{Checkpoint, Checkpoints};
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

/// Saves one checkpoint at a time.
pub(crate) struct Saver<C: Checkpoints> {
    checkpoints: Arc<Mutex<C>>,
    saving: Option<AbortOnDropHandle<Result<(), C::Error>>>,
}

impl<C: Checkpoints + 'static> Saver<C> {
    pub(crate) fn new(checkpoints: C) -> Self {
        Self { checkpoints: Arc::new(Mutex::new(checkpoints)), saving: None }
    }

    /// The newest one; that may be one that is still being saved.
    pub(crate) async fn load(&mut self) -> Result<Option<Checkpoint>, C::Error> {
        self.settle().await;
        self.checkpoints.lock().await.load().await
    }

    /// Lets one that is being saved be saved or not, after an error that matters more.
    pub(crate) async fn settle(&mut self) {
        if let Err(error) = self.wait().await {
            debug!(%error, "a checkpoint was not saved");
        }
    }

    /// Begins to save one, when none is being saved.
    pub(crate) fn begin(&mut self, checkpoint: Checkpoint) {
        debug_assert!(!self.saving(), "one at a time");
        let checkpoints = Arc::clone(&self.checkpoints);
        let saving = async move { checkpoints.lock().await.save(checkpoint).await };
        self.saving = Some(AbortOnDropHandle::new(tokio::spawn(saving)));
    }

    pub(crate) fn saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Whether what was being saved is saved, or is not going to be.
    pub(crate) fn finished(&self) -> bool {
        self.saving.as_ref().is_some_and(AbortOnDropHandle::is_finished)
    }

    /// Waits until nothing is being saved any more.
    pub(crate) async fn wait(&mut self) -> Result<(), C::Error> {
        let Some(saving) = &mut self.saving else { return Ok(()) };
        let outcome = saving.await;
        self.saving = None;
        match outcome {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
