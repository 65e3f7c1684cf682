//! The view store: reading documents, replacing what the batch layer answers for, and changing for good what
//! must not be there.
//!
//! The speed layer (and every journal) writes through [`Sink<ViewDocument>`](crate::Sink); the batch
//! layer writes beside what readers see and switches.

use std::collections::BTreeSet;
use std::future::Future;

use pulso_model::{Day, EventTime, Layer, View, ViewDocument};
use tokio::sync::mpsc;

use crate::{AdapterError, Aggregate, Aggregation, Cursor, Filter};

/// Whose documents to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LayerChoice {
    /// Of each UTC day (of `@timestamp`) the layer that answers it: batch once it has completed the
    /// day, speed until then.
    #[default]
    Current,
    Only(Layer),
}

/// Which documents of a view, newest first (then by position, then by id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub view: View,
    pub layer: LayerChoice,
    /// `@timestamp` at or after.
    pub from: Option<EventTime>,
    /// `@timestamp` before.
    pub to: Option<EventTime>,
    pub scope: Option<String>,
    /// Documents pass all of them.
    pub filters: Vec<Filter>,
    /// The most documents in the answer.
    pub limit: usize,
    /// Only what comes after this place.
    pub after: Option<Cursor>,
}

impl Query {
    /// The newest `limit` documents of a view.
    pub fn newest(view: View, limit: usize) -> Self {
        let layer = LayerChoice::Current;
        let (scope, filters) = (None, Vec::new());
        Self { view, layer, from: None, to: None, scope, filters, limit, after: None }
    }
}

/// A document and the layer that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    pub layer: Layer,
    pub document: ViewDocument,
}

/// A part of a query's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub documents: Vec<StoredDocument>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Chunks of documents in key order; an error ends it.
pub type Documents<E> = mpsc::Receiver<Result<Vec<StoredDocument>, E>>;

/// The read side of a view store.
pub trait Views: Clone + Send + Sync + 'static {
    type Error: AdapterError;

    fn query(&self, query: Query) -> impl Future<Output = Result<Page, Self::Error>> + Send;

    /// Numbers from the documents of a view, as of one moment. No document leaves the store for it.
    fn aggregate(
        &self,
        question: Aggregation,
    ) -> impl Future<Output = Result<Aggregate, Self::Error>> + Send;

    /// All documents of a view in the order of [`View::key`] (integers by value, times by time,
    /// text by bytes), in chunks, from one consistent moment.
    fn scan(
        &self,
        view: View,
        layer: LayerChoice,
    ) -> impl Future<Output = Result<Documents<Self::Error>, Self::Error>> + Send;

    /// The days of a view that the batch layer has completed.
    fn completed_days(
        &self,
        view: View,
    ) -> impl Future<Output = Result<BTreeSet<Day>, Self::Error>> + Send;
}

/// What a batch run replaces at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// One UTC day (of `@timestamp`).
    Day(Day),
    /// The whole view.
    Now,
}

/// A place beside what readers see, where a batch run writes the new documents of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub view: View,
    pub part: Part,
    /// Given by the store; tells this attempt from earlier ones.
    pub generation: i64,
}

/// The batch layer's write side of a view store.
pub trait BatchViews: Clone + Send + Sync + 'static {
    type Error: AdapterError;

    /// Opens an empty stage. What an earlier attempt left behind is forgotten.
    fn begin(
        &self,
        view: View,
        part: Part,
    ) -> impl Future<Output = Result<Stage, Self::Error>> + Send;

    /// Adds documents to the stage; readers do not see them yet.
    fn stage(
        &self,
        stage: Stage,
        documents: Vec<ViewDocument>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Puts the stage in place of the part's earlier batch documents, in one atomic step. With
    /// `completes` the batch layer answers for the part from this very step on; a part once
    /// completed stays so.
    fn publish(
        &self,
        stage: Stage,
        completes: bool,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Removes what a layer wrote of days before `before` (a journal is of the speed layer), and tells
    /// how many parts that were. A store that keeps everything has none.
    fn remove_before(
        &self,
        view: View,
        layer: Layer,
        before: Day,
    ) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

/// A document where its store has it; one that nobody reads any more, too, as long as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub layer: Layer,
    /// What the store finds it by, beside its `_id`.
    pub place: String,
    pub document: ViewDocument,
}

/// What becomes of a row: another document of the same time, or none.
pub type Change = (Row, Option<ViewDocument>);

/// Views that one program has for itself, to change what is stored in them. Nobody else writes meanwhile.
pub trait Amend: Send {
    type Error: AdapterError;

    /// Every document of a view that has a text in its body or `_id`, of both layers.
    fn rows_with(
        &mut self,
        view: View,
        text: &str,
    ) -> impl Future<Output = Result<Vec<Row>, Self::Error>> + Send;

    /// Makes changes. Broken off, it is to be called again with those that are left: no document is lost.
    fn amend(&mut self, changes: &[Change])
    -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Has the store forget for good what was replaced or removed in some views, and states that were saved
    /// over; others may have the views afterwards.
    fn finish(self, views: &[View]) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
