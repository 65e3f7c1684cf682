//! Computes jobs over days of the lake and puts their documents in place, a day at a time.
//!
//! Decides nothing: which jobs and which days is the caller's affair.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use pulso_model::{Day, DayRange, EventTime, View, ViewDocument};
use pulso_pipeline::{BatchViews, Part, Stage, observe};
use pulso_runtime::Failure;
use tokio_util::sync::CancellationToken;

use crate::documents::Encoder;
use crate::engine::{Facts, Input};
use crate::{BatchError, Engine, Job};

/// How many documents of a day are staged at once; each is about a kilobyte.
const STAGE_DOCUMENTS: usize = 4096;

/// How many days one query computes. Their documents wait apart, so this and [`STAGE_DOCUMENTS`]
/// bound the memory; a failure loses the work of no more days than these.
const DAYS_AT_ONCE: usize = 16;

/// Which days jobs compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    pub days: BTreeSet<Day>,
    /// The lake holds everything before this time: days that end by then become the batch layer's.
    pub complete_until: Option<EventTime>,
}

impl Days {
    /// The last of the days that becomes the batch layer's.
    pub fn last_completed(&self) -> Option<Day> {
        self.days.iter().rev().copied().find(|&day| self.completes(day))
    }

    fn completes(&self, day: Day) -> bool {
        self.complete_until.is_some_and(|until| day.end() <= until)
    }
}

/// The days as stretches without a gap, of no more than `length_max` days.
fn ranges(days: &BTreeSet<Day>, length_max: usize) -> Vec<DayRange> {
    let mut ranges: Vec<(DayRange, usize)> = Vec::new();
    for &day in days {
        match ranges.last_mut() {
            Some((range, length)) if range.last.next() == day && *length < length_max => {
                (range.last, *length) = (day, *length + 1);
            }
            _ => ranges.push((DayRange { first: day, last: day }, 1)),
        }
    }
    ranges.into_iter().map(|(range, _)| range).collect()
}

/// Jobs over one state of the lake; its echoes are known.
#[derive(Debug)]
pub struct Computation<V> {
    facts: Facts,
    views: V,
    shutdown: CancellationToken,
}

impl<V: BatchViews> Computation<V> {
    /// Reads what these jobs over these days have in common.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub async fn prepare(
        engine: &Engine,
        jobs: &[Job],
        days: &BTreeSet<Day>,
        views: V,
        shutdown: CancellationToken,
    ) -> Result<Self, BatchError> {
        let by_day = jobs.iter().all(Job::by_day);
        let input = if by_day { Input::Days(ranges(days, usize::MAX)) } else { Input::Lake };
        let facts = engine.facts(input, jobs).await?;
        Ok(Self { facts, views, shutdown })
    }

    /// Computes one job and publishes its documents; returns how many.
    ///
    /// # Errors
    /// What was published before stays; the rest is as it was.
    pub async fn run(&self, job: &Job, days: &Days) -> Result<u64, BatchError> {
        if !job.by_day() {
            let no_days = DayRange { first: Day(0), last: Day(0) };
            return self.publish(job, no_days, &[(Part::Now, true)]).await;
        }
        let mut count = 0;
        for range in ranges(&days.days, DAYS_AT_ONCE) {
            let parts: Vec<_> = days
                .days
                .range(range.first..=range.last)
                .map(|&day| (Part::Day(day), days.completes(day)))
                .collect();
            count += self.publish(job, range, &parts).await?;
        }
        Ok(count)
    }

    /// Computes parts in one query. Tries again with less demanding joins when memory was not enough.
    async fn publish(
        &self,
        job: &Job,
        days: DayRange,
        parts: &[(Part, bool)],
    ) -> Result<u64, BatchError> {
        match self.publish_from(&self.facts, job, days, parts).await {
            Err(error) if error.out_of_memory() => {
                let facts = self.facts.with_sorted_joins();
                self.publish_from(&facts, job, days, parts).await
            }
            published => published,
        }
    }

    async fn publish_from(
        &self,
        facts: &Facts,
        job: &Job,
        days: DayRange,
        parts: &[(Part, bool)],
    ) -> Result<u64, BatchError> {
        let view = job.view;
        let failed = |error| BatchError::Write { view, source: Failure::from(error) };
        let mut stages = BTreeMap::new();
        for &(part, _) in parts {
            let stage = self.views.begin(view, part).await.map_err(failed)?;
            stages.insert(part, (stage, Vec::new()));
        }
        let mut encoder = Encoder::new(view);
        let mut rows = facts.rows(job, days, Vec::new()).await?;
        let mut count = 0;
        loop {
            // A stop need not wait for the next rows: they may be minutes away.
            let next = self.shutdown.run_until_cancelled(rows.next()).await;
            let Some(batch) = next.ok_or(BatchError::Stopped)? else { break };
            let batch =
                batch.map_err(|error| BatchError::Compute { view, source: error.into() })?;
            for document in encoder.encode(&batch)? {
                let part = if job.by_day() { Part::Day(document.time.day()) } else { Part::Now };
                let (stage, documents) = stages
                    .get_mut(&part)
                    .ok_or(BatchError::WrongDay { view, day: document.time.day() })?;
                documents.push(document);
                if documents.len() >= STAGE_DOCUMENTS {
                    count += self.stage(*stage, documents).await?;
                }
            }
        }
        for (part, completes) in parts {
            if let Some((stage, documents)) = stages.get_mut(part) {
                count += self.stage(*stage, documents).await?;
                self.views.publish(*stage, *completes).await.map_err(failed)?;
            }
        }
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
            staged.map_err(|error| BatchError::Write { view, source: Failure::from(error) })?;
            observe::sent("batch", view.stream().unwrap_or_default(), count);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_cut_into_ranges_where_one_is_missing_or_there_are_too_many() {
        let check = |days: &[i32], length_max, expected: &[(i32, i32)]| {
            let days = days.iter().copied().map(Day).collect();
            let ranges = ranges(&days, length_max).into_iter();
            let ranges: Vec<_> = ranges.map(|range| (range.first.0, range.last.0)).collect();
            assert_eq!(ranges, expected);
        };
        check(&[], 9, &[]);
        check(&[3], 1, &[(3, 3)]);
        check(&[-1, 0, 1, 5, 7, 8], 9, &[(-1, 1), (5, 5), (7, 8)]);
        check(&[1, 2, 3, 4, 5, 9], 2, &[(1, 2), (3, 4), (5, 5), (9, 9)]);
    }
}
