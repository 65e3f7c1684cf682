//! Ports around the in-memory ones that fail when told to, and that watch over P1.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pulso_model::{Offsets, Stream, View, ViewDocument};
use pulso_pipeline::memory::{MemoryCheckpoints, MemoryViews};
use pulso_pipeline::{
    AdapterError, Checkpoint, Checkpoints, ErrorKind, LayerChoice, Progress, Retry, Sink,
    StoredDocument, Views,
};

use crate::recount;

/// An error after which everything in memory is thrown away and the log is read again.
#[derive(Debug, thiserror::Error)]
#[error("a crash")]
pub(crate) struct Crash;

impl AdapterError for Crash {
    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

/// Counts the calls of all ports and fails one of them. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    calls: Arc<AtomicUsize>,
    fails: Option<usize>,
}

impl Faults {
    /// Fails the call with this number, from 0.
    pub(crate) fn at(call: usize) -> Self {
        Self { calls: Arc::default(), fails: Some(call) }
    }

    pub(crate) fn none(&self) -> bool {
        self.fails.is_none()
    }

    /// Whether the call that fails has been made.
    pub(crate) fn happened(&self) -> bool {
        self.fails.is_some_and(|call| call < self.calls())
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn call(&self) -> Result<(), Crash> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fails == Some(call) { Err(Crash) } else { Ok(()) }
    }
}

/// Views that, when they fail, have already stored the first half.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyViews {
    pub(crate) views: MemoryViews,
    pub(crate) faults: Faults,
    pub(crate) acknowledged: Acknowledged,
}

/// The documents of which a writer knows that they are stored.
pub(crate) type Acknowledged = Arc<Mutex<BTreeSet<(View, String)>>>;

impl Sink<ViewDocument> for FaultyViews {
    type Error = Crash;

    async fn write(&mut self, mut documents: Vec<ViewDocument>) -> Result<(), Crash> {
        let outcome = self.faults.call();
        if outcome.is_err() {
            documents.truncate(documents.len() / 2);
        } else {
            let ids = documents.iter().map(|document| (document.view, document.id.clone()));
            self.acknowledged.lock().unwrap().extend(ids);
        }
        let Ok(()) = self.views.write(documents).await;
        outcome
    }
}

/// The speed layer's documents of a view, in the order of its key.
pub(crate) async fn documents(views: &MemoryViews, view: View) -> Vec<ViewDocument> {
    use pulso_model::Layer::Speed;
    let Ok(mut chunks) = views.scan(view, LayerChoice::Only(Speed)).await;
    let mut documents = Vec::new();
    while let Some(Ok(chunk)) = chunks.recv().await {
        documents.extend(chunk.into_iter().map(|StoredDocument { document, .. }| document));
    }
    documents
}

/// The views whose documents say what is in the log; those of [`View::HEALTH`] say when it was read.
pub(crate) fn views_of_the_log(stream: &Stream) -> Vec<View> {
    let facts = [stream.facts_view.view].into_iter().chain(recount::views(stream));
    let sessions = stream.sessions.iter().map(|session| session.view);
    facts.chain(sessions).chain([View::DEAD_LETTERS, View::LATE_FACTS]).collect()
}

/// The same of the stream that most tests are about, with all their documents.
pub(crate) async fn all_documents(views: &MemoryViews) -> Vec<ViewDocument> {
    let mut all = Vec::new();
    for view in views_of_the_log(pulso_testkit::stream()) {
        all.extend(documents(views, view).await);
    }
    all
}

/// Counted, echoes, late, skipped and dead letters, over all partitions.
pub(crate) fn totals(progress: &[Progress]) -> [u64; 5] {
    let counts = |p: &Progress| [p.counted, p.echoes, p.late, p.skipped, p.dead_letters];
    progress.iter().map(counts).fold([0; 5], add)
}

/// The same as documents of health tell it, which must agree in themselves. A clock that was set back
/// gives them times in another order than that in which they were written.
pub(crate) fn told(documents: &[ViewDocument]) -> [u64; 5] {
    let body = |document: &ViewDocument| serde_json::from_str(&document.body).unwrap();
    let mut bodies: Vec<serde_json::Value> = documents.iter().map(body).collect();
    bodies.sort_by_key(|body| body["messages"].as_u64());
    bodies.iter().fold([0; 5], |sum, body| {
        let number = |name: &str| body[name].as_u64().unwrap();
        let read = ["counted", "echoes", "late", "skipped", "dead_letters"].map(number);
        let sum = add(sum, read);
        assert_eq!(number("received"), read.iter().sum::<u64>(), "{body}");
        assert_eq!(number("messages"), sum.iter().sum::<u64>(), "{body}");
        sum
    })
}

fn add(one: [u64; 5], other: [u64; 5]) -> [u64; 5] {
    std::array::from_fn(|index| one[index] + other[index])
}

/// The documents that must be there for the messages below some offsets.
pub(crate) trait Needed {
    fn needed(&self, next_offsets: &Offsets) -> Vec<(View, String)>;
}

/// Checkpoints that may fail, before they are saved, and that refuse to be ahead of the views (P1).
#[derive(Clone, Debug)]
pub(crate) struct WatchedCheckpoints<N> {
    pub(crate) checkpoints: MemoryCheckpoints,
    pub(crate) faults: Faults,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) log: N,
}

impl<N: Needed + Send + Sync> Checkpoints for WatchedCheckpoints<N> {
    type Error = Crash;

    async fn load(&mut self) -> Result<Option<Checkpoint>, Crash> {
        let Ok(checkpoint) = self.checkpoints.load().await;
        Ok(checkpoint)
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), Crash> {
        let next_offsets = checkpoint.next_offsets();
        for needed in self.log.needed(&next_offsets) {
            let acknowledged = self.acknowledged.lock().unwrap().contains(&needed);
            assert!(acknowledged, "P1: {needed:?} of {next_offsets} is not written");
        }
        self.faults.call()?;
        let Ok(()) = self.checkpoints.save(checkpoint).await;
        Ok(())
    }
}
