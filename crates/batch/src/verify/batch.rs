//! The batch layer's documents: what it published, and what its jobs give now.

use std::collections::{BTreeMap, BTreeSet};

use pulso_lake::Retained;
use pulso_model::{Day, DayRange, Layer, View, ViewDocument};
use pulso_pipeline::{LayerChoice, Views};

use super::Report;
use super::compare::SideBySide;
use super::documents::{Computed, Selected, Stored, single_days, whole};
use crate::engine::Responses;
use crate::{BatchError, Engine, Job};

/// What the batch layer has to show.
#[derive(Debug)]
pub(super) struct BatchDocuments<'a, V> {
    pub(super) engine: &'a Engine,
    /// All that are in the lake.
    pub(super) responses: &'a Responses,
    pub(super) views: &'a V,
    /// The days that jobs have to compute again.
    pub(super) waiting: &'a BTreeMap<View, BTreeSet<Day>>,
}

impl<V: Views> BatchDocuments<'_, V> {
    pub(super) async fn compare(&self, job: &Job, report: &mut Report) -> Result<(), BatchError> {
        match job.by_day() {
            true => self.compare_days(job, report).await,
            false => self.compare_as_of_now(job, report).await,
        }
    }

    /// The days that were completed, but for those that wait.
    async fn compare_days(&self, job: &Job, report: &mut Report) -> Result<(), BatchError> {
        let view = job.view;
        let mut days = self.completed_days(view).await?;
        let completed = days.len();
        days.retain(|day| !self.waits(view, day));
        if days.len() < completed {
            report.waiting.push((view, completed - days.len()));
        }
        let ranges = if view == View::Responses {
            whole(&days).into_iter().collect()
        } else {
            single_days(days.iter())
        };
        let inside = move |document: &ViewDocument| days.contains(&document.time.day());
        self.compare_ranges(job, ranges, inside, report).await
    }

    async fn compare_as_of_now(&self, job: &Job, report: &mut Report) -> Result<(), BatchError> {
        if let Some(days) = self.waiting.get(&job.view).filter(|days| !days.is_empty()) {
            report.waiting.push((job.view, days.len()));
            return Ok(());
        }
        let no_days = DayRange { first: Day(0), last: Day(0) };
        self.compare_ranges(job, vec![no_days], |_: &ViewDocument| true, report).await
    }

    async fn compare_ranges(
        &self,
        job: &Job,
        ranges: Vec<DayRange>,
        selected: impl Fn(&ViewDocument) -> bool + Clone + Send + Sync + 'static,
        report: &mut Report,
    ) -> Result<(), BatchError> {
        let (view, layer) = (job.view, Layer::Batch);
        let of_store: Selected = Box::new(selected.clone());
        let computed = Computed::new(self.responses, *job, ranges, Box::new(selected));
        let stored = Stored::scan(self.views, view, LayerChoice::Only(layer)).await?;
        let stored = stored.select(of_store);
        SideBySide { view, layer, stored, computed, ahead: None }.compare(report).await
    }

    /// The days that the batch layer answers for, and of which the lake still has the messages.
    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, BatchError> {
        let failed = |source| BatchError::Read { view, source: Box::new(source) };
        let mut days = self.views.completed_days(view).await.map_err(failed)?;
        let Retained { kept_from, batch_views_from, .. } = self.engine.retained();
        days.retain(|day| Some(*day) >= *kept_from && Some(*day) >= *batch_views_from);
        Ok(days)
    }

    fn waits(&self, view: View, day: &Day) -> bool {
        self.waiting.get(&view).is_some_and(|days| days.contains(day))
    }
}
