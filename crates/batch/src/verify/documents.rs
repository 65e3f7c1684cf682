//! Documents in the order of their keys, from a store and from SQL, a chunk at a time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::{Expr, cast, ident};
use futures::StreamExt;
use pulso_model::{Day, DayRange, View, ViewDocument};
use pulso_pipeline::{Documents, LayerChoice, Views};
use pulso_runtime::Failure;

use super::LeftOut;
use crate::documents::Encoder;
use crate::engine::{Facts, Rows};
use crate::{BatchError, Job};

/// Tells which documents are compared.
pub(super) type Judge = Arc<dyn Fn(&ViewDocument) -> Standing + Send + Sync>;

/// Whether a document is compared, or why it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Compared,
    /// Messages play a part in it that are gone.
    OfGoneMessages,
    AfterCheckpoint,
    /// Facts may be missing that found no room in the speed layer.
    OfRefusedFacts,
    /// Of a day that is not compared.
    OfOtherDay,
}

/// The documents of a view store.
pub(super) struct Stored<V: Views> {
    view: View,
    chunks: Documents<V::Error>,
    next: VecDeque<ViewDocument>,
    judge: Judge,
    of_gone_messages: u64,
    after_checkpoint: u64,
    of_refused_facts: u64,
}

impl<V: Views> Stored<V> {
    pub(super) async fn scan(
        views: &V,
        view: View,
        layer: LayerChoice,
    ) -> Result<Self, BatchError> {
        let failed = |error| BatchError::Read { view, source: Failure::from(error) };
        let chunks = views.scan(view, layer).await.map_err(failed)?;
        Ok(Self {
            view,
            chunks,
            next: VecDeque::new(),
            judge: Arc::new(|_| Standing::Compared),
            of_gone_messages: 0,
            after_checkpoint: 0,
            of_refused_facts: 0,
        })
    }

    /// Leaves out what is not compared, and counts it.
    pub(super) fn judged_by(self, judge: &Judge) -> Self {
        Self { judge: Arc::clone(judge), ..self }
    }

    /// The document that comes next.
    pub(super) async fn peek(&mut self) -> Result<Option<&ViewDocument>, BatchError> {
        let view = self.view;
        while self.next.is_empty() {
            let Some(chunk) = self.chunks.recv().await else { break };
            let chunk =
                chunk.map_err(|error| BatchError::Read { view, source: Failure::from(error) })?;
            for document in chunk.into_iter().map(|stored| stored.document) {
                match (self.judge)(&document) {
                    Standing::Compared => self.next.push_back(document),
                    Standing::OfGoneMessages => self.of_gone_messages += 1,
                    Standing::AfterCheckpoint => self.after_checkpoint += 1,
                    Standing::OfRefusedFacts => self.of_refused_facts += 1,
                    Standing::OfOtherDay => {}
                }
            }
        }
        Ok(self.next.front())
    }

    pub(super) async fn next(&mut self) -> Result<Option<ViewDocument>, BatchError> {
        self.peek().await?;
        Ok(self.next.pop_front())
    }

    /// What was left out until here, but for other days.
    pub(super) fn left_out(&self) -> impl Iterator<Item = LeftOut> {
        let gone = LeftOut::OfGoneMessages { documents: self.of_gone_messages };
        let after = LeftOut::AfterCheckpoint { documents: self.after_checkpoint };
        let refused = LeftOut::OfRefusedFacts { documents: self.of_refused_facts };
        let all = [
            (gone, self.of_gone_messages),
            (after, self.after_checkpoint),
            (refused, self.of_refused_facts),
        ];
        all.into_iter().filter(|(_, documents)| *documents > 0).map(|(left_out, _)| left_out)
    }
}

/// The documents of a job, over one range of days after the other.
pub(super) struct Computed<'a> {
    facts: &'a Facts,
    job: Job,
    encoder: Encoder,
    ranges: std::vec::IntoIter<DayRange>,
    rows: Option<Rows>,
    next: VecDeque<ViewDocument>,
    judge: Judge,
}

impl<'a> Computed<'a> {
    pub(super) fn new(facts: &'a Facts, job: Job, ranges: Vec<DayRange>, judge: &Judge) -> Self {
        let (encoder, ranges) = (Encoder::new(job.view), ranges.into_iter());
        let (next, judge) = (VecDeque::new(), Arc::clone(judge));
        Self { facts, job, encoder, ranges, rows: None, next, judge }
    }

    /// The document that comes next.
    pub(super) async fn peek(&mut self) -> Result<Option<&ViewDocument>, BatchError> {
        let view = self.job.view;
        while self.next.is_empty() {
            let Some(rows) = &mut self.rows else {
                let Some(days) = self.ranges.next() else { break };
                let order = key_order(view);
                self.rows = Some(self.facts.rows(&self.job, days, order).await?);
                continue;
            };
            match rows.next().await {
                Some(batch) => {
                    let batch = batch
                        .map_err(|error| BatchError::Compute { view, source: error.into() })?;
                    let mut documents = self.encoder.encode(&batch)?;
                    documents.retain(|document| (self.judge)(document) == Standing::Compared);
                    self.next.extend(documents);
                }
                None => self.rows = None,
            }
        }
        Ok(self.next.front())
    }

    pub(super) async fn next(&mut self) -> Result<Option<ViewDocument>, BatchError> {
        self.peek().await?;
        Ok(self.next.pop_front())
    }
}

/// Each day by itself.
pub(super) fn single_days<'a>(days: impl Iterator<Item = &'a Day>) -> Vec<DayRange> {
    days.map(|&day| DayRange { first: day, last: day }).collect()
}

/// The days from the first to the last, if there are any.
pub(super) fn whole(days: &BTreeSet<Day>) -> Option<DayRange> {
    Some(DayRange { first: *days.first()?, last: *days.last()? })
}

/// As [`ViewDocument::sort_key`] orders.
fn key_order(view: View) -> Vec<Expr> {
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    let field = |name: &'static str| match name {
        "@timestamp" => cast(ident(name), millis.clone()),
        _ => ident(name),
    };
    view.key().iter().map(|key| field(key.name())).collect()
}
