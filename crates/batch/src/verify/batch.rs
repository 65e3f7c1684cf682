//! The batch layer's documents: what it published, and what its jobs give now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pulso_lake::Retained;
use pulso_model::{Day, DayRange, Layer, View};
use pulso_pipeline::{LayerChoice, Views};
use pulso_runtime::Failure;

use super::compare::SideBySide;
use super::documents::{Computed, Judge, Standing, Stored, single_days, whole};
use super::{Comparison, LeftOut, Report};
use crate::engine::Facts;
use crate::jobs::JobKind;
use crate::{BatchError, Engine, Job};

/// What the batch layer has to show.
#[derive(Debug)]
pub(super) struct BatchDocuments<'a, V> {
    engine: &'a Engine,
    /// All that are in the lake.
    facts: &'a Facts,
    views: &'a V,
    /// The days that jobs have to compute again.
    waiting: &'a BTreeMap<View, BTreeSet<Day>>,
    /// The days of the facts.
    lake_days: BTreeSet<Day>,
}

impl<'a, V: Views> BatchDocuments<'a, V> {
    pub(super) async fn new(
        engine: &'a Engine,
        facts: &'a Facts,
        views: &'a V,
        waiting: &'a BTreeMap<View, BTreeSet<Day>>,
    ) -> Result<Self, BatchError> {
        let lake_days = engine.event_times().await?.keys().copied().collect();
        Ok(Self { engine, facts, views, waiting, lake_days })
    }

    pub(super) async fn compare(&self, job: &Job, report: &mut Report) -> Result<(), BatchError> {
        match job.by_day() {
            true => self.compare_days(job, report).await,
            false => self.compare_as_of_now(job, report).await,
        }
    }

    /// The days that were completed, but for those that wait.
    async fn compare_days(&self, job: &Job, report: &mut Report) -> Result<(), BatchError> {
        let view = job.view;
        let failed = |error| BatchError::Read { view, source: Failure::from(error) };
        let completed = self.views.completed_days(view).await.map_err(failed)?;
        let Retained { kept_from, batch_views_from, .. } = self.engine.retained();
        let has_views = |day: &Day| Some(*day) >= *batch_views_from;
        let has_messages = |day: &Day| Some(*day) >= *kept_from;
        let waits = |day: &Day| self.waiting.get(&view).is_some_and(|days| days.contains(day));

        let expected = self.lake_days.iter().filter(|day| has_views(day) && has_messages(day));
        let not_completed = expected.filter(|day| !completed.contains(day)).count();
        let (there, gone): (BTreeSet<Day>, BTreeSet<Day>) =
            completed.into_iter().filter(has_views).partition(has_messages);
        let (waiting, days): (BTreeSet<Day>, BTreeSet<Day>) = there.into_iter().partition(waits);
        let left_out = [
            (not_completed > 0).then_some(LeftOut::NotCompleted { days: not_completed }),
            (!waiting.is_empty()).then_some(LeftOut::Waiting { days: waiting.len() }),
            (!gone.is_empty()).then_some(LeftOut::OfGoneDays { days: gone.len() }),
        ];

        // In the order of their keys, in which sessions of a day are not those of the day before.
        let ranges = if job.kind == JobKind::Facts || job.of_sessions() {
            whole(&days).into_iter().collect()
        } else {
            single_days(days.iter())
        };
        let judge: Judge = Arc::new(move |document| match days.contains(&document.time.day()) {
            true => Standing::Compared,
            false => Standing::OfOtherDay,
        });
        let left_out = left_out.into_iter().flatten().collect();
        self.compare_ranges(job, ranges, &judge, left_out, report).await
    }

    async fn compare_as_of_now(&self, job: &Job, report: &mut Report) -> Result<(), BatchError> {
        let waiting = self.waiting.get(&job.view).map_or(0, BTreeSet::len);
        if waiting > 0 {
            let left_out = vec![LeftOut::Waiting { days: waiting }];
            let (view, layer) = (job.view, Layer::Batch);
            report.comparisons.push(Comparison { view, layer, compared: 0, equal: 0, left_out });
            return Ok(());
        }
        let no_days = DayRange { first: Day(0), last: Day(0) };
        let all: Judge = Arc::new(|_| Standing::Compared);
        self.compare_ranges(job, vec![no_days], &all, Vec::new(), report).await
    }

    async fn compare_ranges(
        &self,
        job: &Job,
        ranges: Vec<DayRange>,
        judge: &Judge,
        left_out: Vec<LeftOut>,
        report: &mut Report,
    ) -> Result<(), BatchError> {
        let (view, layer) = (job.view, Layer::Batch);
        let computed = Computed::new(self.facts, job.clone(), ranges, judge);
        let stored = Stored::scan(self.views, view, LayerChoice::Only(layer)).await?;
        let (stored, ahead) = (stored.judged_by(judge), None);
        SideBySide { view, layer, stored, computed, ahead, left_out }.compare(report).await
    }
}
