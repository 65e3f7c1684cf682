//! Computes jobs over days of the lake and puts their documents in place, a day at a time.
//!
//! Decides nothing: which jobs and which days is the caller's affair.

use std::collections::BTreeSet;

use futures::StreamExt;
use pulso_model::{Day, DayRange, EventTime, View, ViewDocument};
use pulso_pipeline::{BatchViews, Part, Stage, observe};
use tokio_util::sync::CancellationToken;

use crate::documents::Encoder;
use crate::engine::{Input, Responses};
use crate::{BatchError, Engine, Job};

/// How many documents are staged at once; each is about a kilobyte.
const STAGE_DOCUMENTS: usize = 4096;

/// Which days jobs compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    pub days: BTreeSet<Day>,
    /// The lake holds everything before this time: days that end by then become the batch layer's.
    pub complete_until: Option<EventTime>,
}

impl Days {
    fn completes(&self, day: Day) -> bool {
        self.complete_until.is_some_and(|until| day.end() <= until)
    }

    /// The days as stretches without a gap.
    fn ranges(&self) -> Vec<DayRange> {
        let mut ranges: Vec<DayRange> = Vec::new();
        for &day in &self.days {
            match ranges.last_mut() {
                Some(range) if range.last.next() == day => range.last = day,
                _ => ranges.push(DayRange { first: day, last: day }),
            }
        }
        ranges
    }
}

/// Jobs over one state of the lake; its echoes are known.
pub struct Computation<'a, V> {
    responses: Responses,
    views: V,
    days: &'a Days,
    shutdown: CancellationToken,
}

impl<'a, V: BatchViews> Computation<'a, V> {
    /// Reads what `jobs` have in common.
    pub async fn prepare(
        engine: &Engine,
        jobs: &[Job],
        days: &'a Days,
        views: V,
        shutdown: CancellationToken,
    ) -> Result<Self, BatchError> {
        let by_day = jobs.iter().all(Job::by_day);
        let input = if by_day { Input::Days(days.ranges()) } else { Input::Lake };
        let responses = engine.responses(input).await?;
        Ok(Self { responses, views, days, shutdown })
    }

    /// Computes one job and publishes its documents; returns how many.
    ///
    /// # Errors
    /// What was published before stays; the rest is as it was.
    pub async fn run(&self, job: &Job) -> Result<u64, BatchError> {
        if !job.by_day() {
            return self.publish(job, Part::Now).await;
        }
        let mut rows = 0;
        for &day in &self.days.days {
            rows += self.publish(job, Part::Day(day)).await?;
        }
        Ok(rows)
    }

    /// Tries again with less demanding joins when memory was not enough.
    async fn publish(&self, job: &Job, part: Part) -> Result<u64, BatchError> {
        match self.publish_from(&self.responses, job, part).await {
            Err(error) if error.out_of_memory() => {
                let responses = self.responses.with_sorted_joins();
                self.publish_from(&responses, job, part).await
            }
            published => published,
        }
    }

    async fn publish_from(
        &self,
        responses: &Responses,
        job: &Job,
        part: Part,
    ) -> Result<u64, BatchError> {
        let view = job.view;
        let failed = |source| BatchError::Write { view, source: Box::new(source) };
        let (days, completes) = match part {
            Part::Day(day) => (DayRange { first: day, last: day }, self.days.completes(day)),
            Part::Now => (DayRange { first: Day(0), last: Day(0) }, true),
        };
        let stage = self.views.begin(view, part).await.map_err(failed)?;
        let mut encoder = Encoder::new(view);
        let mut rows = responses.rows(job, days, Vec::new()).await?;
        let mut documents = Vec::new();
        let mut count = 0;
        while let Some(batch) = rows.next().await {
            if self.shutdown.is_cancelled() {
                return Err(BatchError::Stopped);
            }
            let batch = batch.map_err(|source| BatchError::Compute { view, source })?;
            documents.append(&mut encoder.encode(&batch)?);
            if documents.len() >= STAGE_DOCUMENTS {
                count += self.stage(stage, &mut documents).await?;
            }
        }
        count += self.stage(stage, &mut documents).await?;
        self.views.publish(stage, completes).await.map_err(failed)?;
        Ok(count)
    }

    async fn stage(
        &self,
        stage: Stage,
        documents: &mut Vec<ViewDocument>,
    ) -> Result<u64, BatchError> {
        let documents = std::mem::take(documents);
        let count = documents.len() as u64;
        if count > 0 {
            let view: View = stage.view;
            let staged = self.views.stage(stage, documents).await;
            staged.map_err(|source| BatchError::Write { view, source: Box::new(source) })?;
            observe::sent("batch", count);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_cut_into_ranges_where_one_is_missing() {
        let check = |days: &[i32], ranges: &[(i32, i32)]| {
            let days = days.iter().copied().map(Day).collect();
            let expected =
                ranges.iter().map(|&(first, last)| DayRange { first: Day(first), last: Day(last) });
            let days = Days { days, complete_until: None };
            assert_eq!(days.ranges(), expected.collect::<Vec<_>>());
        };
        check(&[], &[]);
        check(&[3], &[(3, 3)]);
        check(&[-1, 0, 1, 5, 7, 8], &[(-1, 1), (5, 5), (7, 8)]);
    }
}
