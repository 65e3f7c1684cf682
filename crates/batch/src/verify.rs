//! The reconciliation of both layers: is every message accounted for once, and do the layers agree?
//!
//! Reads the lake, the speed layer's checkpoint and the view store; changes nothing. What must hold
//! is said in the names of the [`Check`]s, and that no [`Difference`] is found:
//!
//! - of closed panes and windows the speed layer's documents are exactly the jobs over all responses
//!   but the late ones, up to the checkpoint;
//! - its `responses` are all of them, late ones included;
//! - where the log no longer had its oldest messages when the speed layer began, both hold from the
//!   time on after which no message plays a part that it never saw;
//! - what the batch layer published for the days it completed, and as of now, is what its jobs give
//!   now, but for days that have changed since and wait for the next run.

mod compare;
mod documents;
pub(crate) mod offsets;

use std::collections::BTreeSet;
use std::fmt;

use pulso_lake::Retained;
use pulso_model::{Day, DayRange, EventTime, Layer, Scope, View, ViewDocument};
use pulso_pipeline::{Checkpoint, LayerChoice, Views};

use crate::engine::{ECHO_REACH_MS, Input, Positions, Responses};
use crate::{BatchError, Engine, JOBS, Job};
use compare::{compare, compare_with_ahead};
use documents::{Computed, Stored};
use offsets::Offsets;

/// A number that must be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub partition: u32,
    /// What is counted.
    pub what: &'static str,
    pub expected: u64,
    pub found: u64,
}

/// A document, or a field of it, that is not as it is computed from the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub view: View,
    /// Whose document it is.
    pub layer: Layer,
    pub id: String,
    /// The field that differs; `None` when there is no such document on one side.
    pub field: Option<String>,
    /// In the view store.
    pub stored: Option<String>,
    /// By SQL over the lake.
    pub computed: Option<String>,
}

/// What a reconciliation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub checks: Vec<Check>,
    /// How many documents of each view and layer were found equal.
    pub equal: Vec<(View, Layer, u64)>,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// All of them.
    pub difference_count: u64,
    /// The partitions of which messages are gone from the lake that the speed layer has read again.
    pub uncounted: Vec<u32>,
    /// The batch layer's views that were not compared, or not in whole, and how many days they wait
    /// for the next run to compute again.
    pub waiting: Vec<(View, usize)>,
}

impl Report {
    /// Whether every check and comparison came out right.
    pub fn holds(&self) -> bool {
        self.difference_count == 0 && self.checks.iter().all(Check::holds)
    }
}

impl Check {
    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// The responses that the speed layer shows, as of a moment.
pub struct Shown<V: Views>(Stored<V>);

impl<V: Views> fmt::Debug for Shown<V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shown").finish_non_exhaustive()
    }
}

/// What the speed layer shows now. A lake that is filled after this has all of it, while the speed layer
/// goes on.
///
/// # Errors
/// When the view store cannot be read.
pub async fn shown<V: Views>(views: &V) -> Result<Shown<V>, BatchError> {
    Stored::scan(views, View::Responses, LayerChoice::Only(Layer::Speed)).await.map(Shown)
}

/// Compares what the layers wrote with what the lake gives.
///
/// The lake must hold all messages before the checkpoint, and those of `shown`; what is missing is a
/// difference. `waiting` are the days that jobs have to compute again: of these, and of views as of now
/// while there are any, the batch layer's documents are not compared.
///
/// # Errors
/// When the lake or the view store cannot be read.
pub async fn verify<V: Views>(
    engine: &Engine,
    checkpoint: &Checkpoint,
    (views, shown): (&V, Shown<V>),
    waiting: &[(Job, BTreeSet<Day>)],
) -> Result<Report, BatchError> {
    let all = engine.responses(Input::Lake, &JOBS).await?;
    let first_offsets = checkpoint.progress.iter().map(|progress| progress.first_offset);
    let seen = engine.beginning_at(first_offsets.collect());
    let narrower = match seen.begins_late() {
        true => Some(seen.responses(Input::Lake, &[]).await?),
        false => None,
    };
    let responses = narrower.as_ref().unwrap_or(&all);
    let Offsets { late, checks, uncounted } =
        offsets::check(&seen, responses, checkpoint, views).await?;
    let mut report = Report { checks, uncounted, ..Report::default() };
    speed((&seen, responses), checkpoint, late, (views, shown), &mut report).await?;
    for job in &JOBS {
        let days = waiting.iter().find(|(waiting, _)| waiting.view == job.view);
        let days = days.map(|(_, days)| days.clone()).unwrap_or_default();
        if job.by_day() {
            published(engine, &all, (job, days), views, &mut report).await?;
        } else if days.is_empty() {
            as_of_now(&all, job, views, &mut report).await?;
        } else {
            report.waiting.push((job.view, days.len()));
        }
    }
    Ok(report)
}

/// The speed layer's documents.
async fn speed<V: Views>(
    (engine, all): (&Engine, &Responses),
    checkpoint: &Checkpoint,
    late: Positions,
    (views, shown): (&V, Shown<V>),
    report: &mut Report,
) -> Result<(), BatchError> {
    let first = speed_from(engine).await?;
    let days = &speed_days(engine, first).await?;
    let next_offsets: Vec<_> = checkpoint.progress.iter().map(|p| p.next_offset).collect();
    let input = Input::Counted { late: Positions::default(), next_offsets: next_offsets.clone() };
    let before = engine.responses(input, &[]).await?;
    responses((&before, all), (days, first), shown, report).await?;
    if let Some(closed) = checkpoint.closed_until {
        let input = Input::Counted { late, next_offsets };
        let counted = engine.responses(input, &JOBS).await?;
        let slide = engine.windows().slide_ms();
        let windows_first = windows_from(engine, &counted, first);
        let complete = move |document: &ViewDocument| match document.view {
            View::CountryActivity => {
                document.time >= first && document.time.0.saturating_add(slide) <= closed.0
            }
            _ => document.time >= windows_first && document.time <= closed,
        };
        let windows = JOBS.iter().filter(|job| job.view.scope() == Scope::Day);
        for job in windows.filter(|job| job.view != View::Responses) {
            let ranges = single_days(days.iter().filter(|day| day.start() <= closed));
            let computed = Computed::new(&counted, *job, ranges, Box::new(complete));
            let choice = LayerChoice::Only(Layer::Speed);
            let stored = Stored::scan(views, job.view, choice).await?.select(Box::new(complete));
            compare((job.view, Layer::Speed), stored, computed, report).await?;
        }
    }
    Ok(())
}

/// The speed layer writes a response before the checkpoint that covers it, so the store may hold
/// some that come after; these must be responses of the lake, too.
async fn responses<V: Views>(
    (before, all): (&Responses, &Responses),
    (days, first): (&BTreeSet<Day>, EventTime),
    Shown(stored): Shown<V>,
    report: &mut Report,
) -> Result<(), BatchError> {
    let Some(job) = Job::named(View::Responses.name()) else { return Ok(()) };
    let of = (View::Responses, Layer::Speed);
    let ranges: Vec<_> = whole(days).into_iter().collect();
    let kept = move |document: &ViewDocument| document.time >= first;
    let computed = Computed::new(before, job, ranges.clone(), Box::new(kept));
    let stored = stored.select(Box::new(kept));
    let ahead = Some(Computed::new(all, job, ranges, Box::new(kept)));
    compare_with_ahead(of, stored, computed, ahead, report).await
}

/// The batch layer's documents of the days that it completed, but for those that wait.
async fn published<V: Views>(
    engine: &Engine,
    all: &Responses,
    (job, waiting): (&Job, BTreeSet<Day>),
    views: &V,
    report: &mut Report,
) -> Result<(), BatchError> {
    let view = job.view;
    let failed = |source| BatchError::Read { view, source: Box::new(source) };
    let mut days = views.completed_days(view).await.map_err(failed)?;
    let Retained { kept_from, batch_views_from, .. } = engine.retained();
    days.retain(|day| Some(*day) >= *kept_from && Some(*day) >= *batch_views_from);
    let completed = days.len();
    days.retain(|day| !waiting.contains(day));
    if days.len() < completed {
        report.waiting.push((view, completed - days.len()));
    }
    let ranges = if view == View::Responses {
        whole(&days).into_iter().collect()
    } else {
        single_days(days.iter())
    };
    let inside = move |document: &ViewDocument| days.contains(&document.time.day());
    let computed = Computed::new(all, *job, ranges, Box::new(inside.clone()));
    let choice = LayerChoice::Only(Layer::Batch);
    let stored = Stored::scan(views, view, choice).await?.select(Box::new(inside));
    compare((view, Layer::Batch), stored, computed, report).await
}

async fn as_of_now<V: Views>(
    all: &Responses,
    job: &Job,
    views: &V,
    report: &mut Report,
) -> Result<(), BatchError> {
    let no_days = DayRange { first: Day(0), last: Day(0) };
    let computed = Computed::new(all, *job, vec![no_days], Box::new(|_| true));
    let choice = LayerChoice::Only(Layer::Batch);
    let stored = Stored::scan(views, job.view, choice).await?;
    compare((job.view, Layer::Batch), stored, computed, report).await
}

/// The days of responses, and the day after each: windows may end there. Not those that were removed
/// for their age, from the lake or from the speed layer's views.
async fn speed_days(engine: &Engine, first: EventTime) -> Result<BTreeSet<Day>, BatchError> {
    let days = engine.event_times().await?;
    let days = days.keys().flat_map(|day| [*day, day.next()]);
    Ok(days.filter(|day| day.end() > first).collect())
}

/// Where the speed layer's documents begin that can be computed again: after the days that are gone, and
/// after the responses that were gone when it began, which may have echoes that it took for responses.
async fn speed_from(engine: &Engine) -> Result<EventTime, BatchError> {
    let Retained { kept_from, speed_views_from, .. } = engine.retained();
    let days = (*kept_from).max(*speed_views_from).map(|day| day.start());
    let unseen = engine.unseen_until().await?;
    let seen = unseen.map(|unseen| EventTime(unseen.0.saturating_add(ECHO_REACH_MS)));
    Ok(days.max(seen).unwrap_or(EventTime(*EventTime::RANGE.start())))
}

/// The same for windows, which look back.
fn windows_from(engine: &Engine, counted: &Responses, first: EventTime) -> EventTime {
    match engine.begins_late() {
        false => first,
        true => {
            let after = EventTime(first.0.saturating_add(engine.windows().lookback_ms()));
            after.max(counted.looks_back_in_full())
        }
    }
}

fn single_days<'a>(days: impl Iterator<Item = &'a Day>) -> Vec<DayRange> {
    days.map(|&day| DayRange { first: day, last: day }).collect()
}

fn whole(days: &BTreeSet<Day>) -> Option<DayRange> {
    Some(DayRange { first: *days.first()?, last: *days.last()? })
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = |what| {
            let checks = self.checks.iter().filter(|check| check.what == what);
            checks.map(|check| check.found).sum::<u64>()
        };
        let names =
            ["messages in the lake", "counted", "echoes", "late", "dead letters in the lake"];
        let [messages, counted, echoes, late, dead_letters] = names.map(total);
        writeln!(
            formatter,
            "lake: {messages} messages = {counted} counted + {echoes} echoes + {late} late \
             + {dead_letters} dead letters"
        )?;
        for Check { partition, what, expected, found } in
            self.checks.iter().filter(|check| !check.holds())
        {
            writeln!(formatter, "partition {partition}: {what}: {found}, not {expected}")?;
        }
        for partition in &self.uncounted {
            writeln!(
                formatter,
                "partition {partition}: not counted, as messages that are gone from the lake were read again"
            )?;
        }
        for (view, layer, count) in &self.equal {
            writeln!(formatter, "{view} ({layer}): {count} documents as computed")?;
        }
        for (view, days) in &self.waiting {
            let of = if *days == 1 { "day has" } else { "days have" };
            writeln!(
                formatter,
                "{view} (batch): {days} {of} changed; not compared before the next `run`"
            )?;
        }
        for Difference { view, layer, id, field, stored, computed } in &self.differences {
            let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
            let field = field.as_ref().map(|name| format!(", `{name}`")).unwrap_or_default();
            let (stored, computed) = (show(stored), show(computed));
            writeln!(formatter, "{view} ({layer}) `{id}`{field}: {stored}, computed {computed}")?;
        }
        let count =
            self.difference_count + self.checks.iter().filter(|c| !c.holds()).count() as u64;
        match count {
            0 => writeln!(formatter, "every message is accounted for once, and the layers agree"),
            1 => writeln!(formatter, "1 difference"),
            _ => writeln!(formatter, "{count} differences"),
        }
    }
}
