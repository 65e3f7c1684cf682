//! Documents in the order of their keys, from a store and from SQL, a chunk at a time.

use std::collections::{BTreeSet, VecDeque};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::{Expr, cast, ident};
use futures::StreamExt;
use pulso_model::{Day, DayRange, View, ViewDocument};
use pulso_pipeline::{Documents, LayerChoice, Views};

use crate::documents::Encoder;
use crate::engine::{Responses, Rows};
use crate::{BatchError, Job};

/// Which documents are looked at.
pub(super) type Selected = Box<dyn Fn(&ViewDocument) -> bool + Send + Sync>;

/// The documents of a view store.
pub(super) struct Stored<V: Views> {
    view: View,
    chunks: Documents<V::Error>,
    next: VecDeque<ViewDocument>,
    selected: Selected,
}

impl<V: Views> Stored<V> {
    pub(super) async fn scan(
        views: &V,
        view: View,
        layer: LayerChoice,
    ) -> Result<Self, BatchError> {
        let failed = |source| BatchError::Read { view, source: Box::new(source) };
        let chunks = views.scan(view, layer).await.map_err(failed)?;
        Ok(Self { view, chunks, next: VecDeque::new(), selected: Box::new(|_| true) })
    }

    /// Looks at these only.
    pub(super) fn select(self, selected: Selected) -> Self {
        Self { selected, ..self }
    }

    /// The document that comes next.
    pub(super) async fn peek(&mut self) -> Result<Option<&ViewDocument>, BatchError> {
        let view = self.view;
        while self.next.is_empty() {
            let Some(chunk) = self.chunks.recv().await else { break };
            let chunk =
                chunk.map_err(|source| BatchError::Read { view, source: Box::new(source) })?;
            let documents = chunk.into_iter().map(|stored| stored.document);
            self.next.extend(documents.filter(|document| (self.selected)(document)));
        }
        Ok(self.next.front())
    }

    pub(super) async fn next(&mut self) -> Result<Option<ViewDocument>, BatchError> {
        self.peek().await?;
        Ok(self.next.pop_front())
    }
}

/// The documents of a job, over one range of days after the other.
pub(super) struct Computed<'a> {
    responses: &'a Responses,
    job: Job,
    encoder: Encoder,
    ranges: std::vec::IntoIter<DayRange>,
    rows: Option<Rows>,
    next: VecDeque<ViewDocument>,
    selected: Selected,
}

impl<'a> Computed<'a> {
    pub(super) fn new(
        responses: &'a Responses,
        job: Job,
        ranges: Vec<DayRange>,
        selected: Selected,
    ) -> Self {
        let (encoder, ranges) = (Encoder::new(job.view), ranges.into_iter());
        Self { responses, job, encoder, ranges, rows: None, next: VecDeque::new(), selected }
    }

    /// The document that comes next.
    pub(super) async fn peek(&mut self) -> Result<Option<&ViewDocument>, BatchError> {
        let view = self.job.view;
        while self.next.is_empty() {
            let Some(rows) = &mut self.rows else {
                let Some(days) = self.ranges.next() else { break };
                let order = key_order(view);
                self.rows = Some(self.responses.rows(&self.job, days, order).await?);
                continue;
            };
            match rows.next().await {
                Some(batch) => {
                    let batch = batch
                        .map_err(|error| BatchError::Compute { view, source: error.into() })?;
                    let documents = self.encoder.encode(&batch)?.into_iter();
                    self.next.extend(documents.filter(|document| (self.selected)(document)));
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
