//! The speed layer's documents, from where they can be computed again up to its checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use pulso_lake::Retained;
use pulso_model::{Day, EventTime, Layer, Scope, View};
use pulso_pipeline::{Checkpoint, LayerChoice, Views};

use super::compare::SideBySide;
use super::documents::{Computed, Judge, Standing, Stored, single_days, whole};
use super::{Comparison, LeftOut, Report, Shown};
use crate::engine::{ECHO_REACH_MS, Input, Positions, Responses};
use crate::{BatchError, Engine, JOBS, Job};

/// What the speed layer has to show.
#[derive(Debug)]
pub(super) struct SpeedDocuments<'a, V> {
    /// Over the lake, from where the speed layer began.
    engine: &'a Engine,
    /// All that are in that lake.
    responses: &'a Responses,
    checkpoint: &'a Checkpoint,
    views: &'a V,
    /// Earlier documents cannot be computed again.
    from: EventTime,
    /// The days that its documents are of.
    days: BTreeSet<Day>,
}

impl<'a, V: Views> SpeedDocuments<'a, V> {
    pub(super) async fn new(
        engine: &'a Engine,
        responses: &'a Responses,
        checkpoint: &'a Checkpoint,
        views: &'a V,
    ) -> Result<Self, BatchError> {
        let from = comparable_from(engine).await?;
        // Windows may end on the day after the responses'.
        let days = engine.days().await?.into_iter().flat_map(|day| [day, day.next()]);
        let days = days.filter(|day| day.end() > from).collect();
        Ok(Self { engine, responses, checkpoint, views, from, days })
    }

    /// The speed layer writes a response before the checkpoint that covers it, so the store may hold
    /// some that come after; these must be responses of the lake, too.
    pub(super) async fn compare_responses(
        &self,
        Shown(stored): Shown<V>,
        report: &mut Report,
    ) -> Result<(), BatchError> {
        let view = View::Responses;
        let Some(job) = Job::named(view.name()) else { return Ok(()) };
        let before_checkpoint = self.counted_without(Positions::default(), &[]).await?;
        let from = self.from;
        let judge: Judge = Arc::new(move |document| match document.time >= from {
            true => Standing::Compared,
            false => Standing::OfGoneMessages,
        });
        let ranges: Vec<_> = whole(&self.days).into_iter().collect();
        let computed = Computed::new(&before_checkpoint, job, ranges.clone(), &judge);
        let ahead = Some(Computed::new(self.responses, job, ranges, &judge));
        let (layer, stored) = (Layer::Speed, stored.judged_by(&judge));
        let both = SideBySide { view, layer, stored, computed, ahead, left_out: Vec::new() };
        both.compare(report).await
    }

    /// All panes and windows that have closed, of the responses that were not `late`.
    pub(super) async fn compare_windows(
        &self,
        late: Positions,
        report: &mut Report,
    ) -> Result<(), BatchError> {
        let layer = Layer::Speed;
        let windowed = |job: &&Job| job.view.scope() == Scope::Day && job.view != View::Responses;
        let jobs = JOBS.iter().filter(windowed);
        let Some(closed) = self.checkpoint.closed_until else {
            report.comparisons.extend(jobs.map(|job| Comparison {
                view: job.view,
                layer,
                compared: 0,
                equal: 0,
                left_out: vec![LeftOut::NoClosedWindow],
            }));
            return Ok(());
        };
        let counted = self.counted_without(late, &JOBS).await?;
        let judge = self.judge_windows(&counted, closed);
        for job in jobs {
            let view = job.view;
            let ranges = single_days(self.days.iter().filter(|day| day.start() <= closed));
            let computed = Computed::new(&counted, *job, ranges, &judge);
            let stored = Stored::scan(self.views, view, LayerChoice::Only(layer)).await?;
            let (stored, ahead, left_out) = (stored.judged_by(&judge), None, Vec::new());
            let both = SideBySide { view, layer, stored, computed, ahead, left_out };
            both.compare(report).await?;
        }
        Ok(())
    }

    /// Which panes and windows have closed, and of these which can be computed again.
    fn judge_windows(&self, counted: &Responses, closed: EventTime) -> Judge {
        let panes_from = self.from;
        let windows_from = self.windows_from(counted);
        let slide = self.engine.windows().slide_ms();
        Arc::new(move |document| {
            let (from, end) = match document.view {
                View::CountryActivity => (panes_from, document.time.0.saturating_add(slide)),
                _ => (windows_from, document.time.0),
            };
            if document.time < from {
                Standing::OfGoneMessages
            } else if end > closed.0 {
                Standing::AfterCheckpoint
            } else {
                Standing::Compared
            }
        })
    }

    /// The responses up to the checkpoint, less the `late` ones.
    async fn counted_without(
        &self,
        late: Positions,
        jobs: &[Job],
    ) -> Result<Responses, BatchError> {
        let next_offsets = self.checkpoint.progress.iter().map(|progress| progress.next_offset);
        let input = Input::Counted { late, next_offsets: next_offsets.collect() };
        self.engine.responses(input, jobs).await
    }

    /// Windows look back, and with them the time from which they can be computed again.
    fn windows_from(&self, counted: &Responses) -> EventTime {
        match self.engine.begins_late() {
            false => self.from,
            true => {
                let lookback = self.engine.windows().lookback_ms();
                let after = EventTime(self.from.0.saturating_add(lookback));
                after.max(counted.looks_back_in_full())
            }
        }
    }
}

/// Where the documents begin that can be computed again: after the days that were removed for their
/// age, from the lake or from the views, and after the responses that were gone when the speed layer
/// began, which may have echoes that it took for responses.
async fn comparable_from(engine: &Engine) -> Result<EventTime, BatchError> {
    let Retained { kept_from, speed_views_from, .. } = engine.retained();
    let days = (*kept_from).max(*speed_views_from).map(|day| day.start());
    let unseen = engine.unseen_until().await?;
    let seen = unseen.map(|unseen| EventTime(unseen.0.saturating_add(ECHO_REACH_MS)));
    Ok(days.max(seen).unwrap_or(EventTime(*EventTime::RANGE.start())))
}
