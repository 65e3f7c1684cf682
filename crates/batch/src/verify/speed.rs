//! The speed layer's documents, from where they can be computed again up to its checkpoint.

use std::collections::BTreeSet;
use std::sync::Arc;

use pulso_lake::Retained;
use pulso_model::{Day, EventTime, Layer};
use pulso_pipeline::{Checkpoint, LayerChoice, Views};
use pulso_window::Saved;

use super::compare::SideBySide;
use super::documents::{Computed, Judge, Standing, Stored, single_days, whole};
use super::{Comparison, LeftOut, Report, Shown};
use crate::engine::{Facts, Input, Positions};
use crate::jobs::JobKind;
use crate::{BatchError, Engine, Job};

/// What the speed layer has to show.
#[derive(Debug)]
pub(super) struct SpeedDocuments<'a, V> {
    /// Over the lake, from where the speed layer began.
    engine: &'a Engine,
    /// All that are in that lake.
    facts: &'a Facts,
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
        facts: &'a Facts,
        checkpoint: &'a Checkpoint,
        views: &'a V,
    ) -> Result<Self, BatchError> {
        let from = comparable_from(engine).await?;
        // Windows may end on the day after the facts'.
        let days = engine.event_times().await?;
        let days = days.keys().flat_map(|day| [*day, day.next()]);
        let days = days.filter(|day| day.end() > from).collect();
        Ok(Self { engine, facts, checkpoint, views, from, days })
    }

    /// The speed layer writes a response before the checkpoint that covers it, so the store may hold
    /// some that come after; these must be facts of the lake, too.
    pub(super) async fn compare_facts(
        &self,
        Shown(stored): Shown<V>,
        report: &mut Report,
    ) -> Result<(), BatchError> {
        let facts = self.engine.jobs().iter().find(|job| job.kind == JobKind::Facts);
        let Some(job) = facts else { return Ok(()) };
        let view = job.view;
        let before_checkpoint = self.counted_without(Positions::default(), &[]).await?;
        let from = self.from;
        let judge: Judge = Arc::new(move |document| match document.time >= from {
            true => Standing::Compared,
            false => Standing::OfGoneMessages,
        });
        let ranges: Vec<_> = whole(&self.days).into_iter().collect();
        let computed = Computed::new(&before_checkpoint, job.clone(), ranges.clone(), &judge);
        let ahead = Some(Computed::new(self.facts, job.clone(), ranges, &judge));
        let (layer, stored) = (Layer::Speed, stored.judged_by(&judge));
        let both = SideBySide { view, layer, stored, computed, ahead, left_out: Vec::new() };
        both.compare(report).await
    }

    /// All panes and windows that have closed, of the facts that were not `late`.
    pub(super) async fn compare_windows(
        &self,
        late: Positions,
        report: &mut Report,
    ) -> Result<(), BatchError> {
        let layer = Layer::Speed;
        let windowed = |job: &&Job| !matches!(job.kind, JobKind::Facts | JobKind::Own);
        let jobs = self.engine.jobs().iter().filter(windowed);
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
        let counted = self.counted_without(late, self.engine.jobs()).await?;
        for job in jobs {
            let judge = match job.sessions_lookback_ms() {
                Some(lookback_ms) => self.judge_sessions(lookback_ms),
                None => self.judge_windows(job.kind, &counted, closed),
            };
            let view = job.view;
            let days = self.days.iter().filter(|day| day.start() <= closed);
            let ranges = match job.of_sessions() {
                true => whole(&days.copied().collect()).into_iter().collect(),
                false => single_days(days),
            };
            let computed = Computed::new(&counted, job.clone(), ranges, &judge);
            let stored = Stored::scan(self.views, view, LayerChoice::Only(layer)).await?;
            let (stored, ahead, left_out) = (stored.judged_by(&judge), None, Vec::new());
            let both = SideBySide { view, layer, stored, computed, ahead, left_out };
            both.compare(report).await?;
        }
        Ok(())
    }

    /// Which panes and windows have closed, and of these which can be computed again.
    fn judge_windows(&self, kind: JobKind, counted: &Facts, closed: EventTime) -> Judge {
        let panes_from = self.from;
        let windows_from = self.windows_from(counted);
        let slide = self.engine.windows().slide_ms();
        Arc::new(move |document| {
            let (from, end) = match kind {
                JobKind::Panes => (panes_from, document.time.0.saturating_add(slide)),
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

    /// Which sessions are final, and of these which can be computed again.
    fn judge_sessions(&self, lookback_ms: i64) -> Judge {
        let looks_back = if self.engine.begins_late() { lookback_ms } else { 0 };
        let from = EventTime(self.from.0.saturating_add(looks_back));
        let (settled, refused) = match Saved::from_bytes(&self.checkpoint.state) {
            Ok(Saved { windows, .. }) => (windows.settled_until(), windows.refused().until),
            // Nothing is known of its sessions.
            Err(_) => (None, None),
        };
        Arc::new(move |document| {
            if document.time < from {
                Standing::OfGoneMessages
            } else if settled.is_none_or(|settled| document.time > settled) {
                Standing::AfterCheckpoint
            } else if refused.is_some_and(|until| document.time <= until) {
                Standing::OfRefusedFacts
            } else {
                Standing::Compared
            }
        })
    }

    /// The facts up to the checkpoint, less the `late` ones.
    async fn counted_without(&self, late: Positions, jobs: &[Job]) -> Result<Facts, BatchError> {
        let input = Input::Counted { late, next_offsets: self.checkpoint.next_offsets() };
        self.engine.facts(input, jobs).await
    }

    /// Windows look back, and with them the time from which they can be computed again.
    fn windows_from(&self, counted: &Facts) -> EventTime {
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
/// age, from the lake or from the views, and after the facts that were gone when the speed layer
/// began, which may have echoes that it took for facts.
async fn comparable_from(engine: &Engine) -> Result<EventTime, BatchError> {
    let Retained { kept_from, speed_views_from, .. } = engine.retained();
    let days = (*kept_from).max(*speed_views_from).map(|day| day.start());
    let unseen = engine.unseen_until().await?;
    let reach_ms = engine.echo_reach_ms().unwrap_or(0);
    let seen = unseen.map(|unseen| EventTime(unseen.0.saturating_add(reach_ms)));
    Ok(days.max(seen).unwrap_or(EventTime(*EventTime::RANGE.start())))
}
