//! Writes contacts where the views are.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use pulso_model::{ContactDocument, View, ViewDocument, WallTime};
use pulso_pipeline::{Clock, Sink};
use pulso_runtime::chain;
use tokio::sync::Mutex;
use tracing::error;

use super::read::StoredContact;

type Written = Pin<Box<dyn Future<Output = Result<(), WriteError>> + Send>>;

/// The store refused or could not be reached; the log says why.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("failed to write contacts")]
pub(crate) struct WriteError;

/// Writes contacts, and knows when that is. Clones write to one store.
#[derive(Clone)]
pub struct ContactWriter {
    write: Arc<dyn Fn(Vec<ViewDocument>) -> Written + Send + Sync>,
    now: Arc<dyn Fn() -> WallTime + Send + Sync>,
}

impl fmt::Debug for ContactWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ContactWriter").finish_non_exhaustive()
    }
}

impl ContactWriter {
    pub fn new(sink: impl Sink<ViewDocument> + 'static, clock: impl Clock) -> Self {
        let sink = Arc::new(Mutex::new(sink));
        let write = move |documents| -> Written {
            let sink = Arc::clone(&sink);
            Box::pin(async move {
                let written = sink.lock().await.write(documents).await;
                written.map_err(|cause| {
                    error!(error = %chain(&cause), "failed to write contacts");
                    WriteError
                })
            })
        };
        Self { write: Arc::new(write), now: Arc::new(move || clock.now()) }
    }

    pub(super) fn now(&self) -> WallTime {
        (self.now)()
    }

    pub(super) async fn put(
        &self,
        stream: &str,
        contacts: &[&StoredContact],
    ) -> Result<(), WriteError> {
        let documents = contacts.iter().map(|stored| document(stream, stored)).collect();
        (self.write)(documents).await
    }

    pub(super) async fn remove(
        &self,
        stream: &str,
        contacts: &[StoredContact],
    ) -> Result<(), WriteError> {
        let removal = |stored: &StoredContact| {
            let actor = stored.contact.member.to_string();
            let key = [stream.into(), stored.contact.event.as_str().into(), actor.as_str().into()];
            View::CONTACTS.removal(stored.contact.time, &key)
        };
        (self.write)(contacts.iter().map(removal).collect()).await
    }
}

fn document(stream: &str, stored: &StoredContact) -> ViewDocument {
    let StoredContact { contact, event_name, name, choice, by, note, km } = stored;
    ContactDocument {
        stream,
        time: WallTime(contact.time.0),
        event: &contact.event,
        event_name: event_name.as_deref(),
        actor: &contact.member.to_string(),
        name: name.as_deref(),
        choice,
        by,
        note,
        reasons: &contact.reasons,
        km: *km,
        converted: contact.converted.as_ref().map(|(time, event)| (*time, event.as_str())),
    }
    .render()
}
