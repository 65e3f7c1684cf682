//! Removes views, journals and days of the lake that are older than `retention`.
//!
//! A day goes from the lake only when the batch layer has completed it and the speed layer has judged
//! every message of it; what both counted is noted in the commit that removes it, so that `verify`
//! still finds every offset. First it is noted that documents are no longer there, then they are
//! removed: after a crash in between the next run removes them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use pulso_lake::{Lake, Retained};
use pulso_model::{Day, Layer, View, ViewKind, WallTime};
use pulso_pipeline::{BatchViews, Checkpoint, Views, observe};
use pulso_runtime::config::Retention;
use pulso_runtime::{ExplainExt, Failure};

use crate::verify::offsets::Accounts;
use crate::{BatchError, Engine};

const DAY_MS: u128 = 24 * 60 * 60 * 1000;

/// What a run removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removals {
    /// Parts of views: indices, say.
    pub views: u64,
    pub lake_files: u64,
    /// The first day whose messages the lake keeps.
    pub kept_from: Option<Day>,
}

impl fmt::Display for Removals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { views, lake_files, kept_from } = self;
        write!(formatter, "removed {views} parts of views and {lake_files} files of the lake")?;
        match kept_from {
            Some(day) => write!(formatter, "; the lake keeps messages from {day} on"),
            None => write!(formatter, "; the lake keeps all messages"),
        }
    }
}

/// How old what may become.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages<'a> {
    pub(crate) retention: &'a Retention,
    /// Files that the lake no longer needs.
    pub(crate) replaced_files: Duration,
    /// The day up to which the lake holds everything; days count back from it.
    pub(crate) today: Day,
}

/// Removes what is older than its age.
pub(crate) async fn retain<V: Views + BatchViews>(
    lake: &mut Lake,
    engine: &Engine,
    views: &V,
    checkpoint: Option<&Checkpoint>,
    ages: Ages<'_>,
    now: WallTime,
) -> anyhow::Result<Removals> {
    let Ages { retention, replaced_files, today } = ages;
    let before = |age: Option<Duration>| {
        let days = i32::try_from(age?.as_millis() / DAY_MS).ok()?;
        Some(Day(today.0.saturating_sub(days)))
    };
    let old = engine.retained().clone();
    let speed_views_from = old.speed_views_from.max(before(retention.speed_views));
    let batch_views_from = old.batch_views_from.max(before(retention.batch_views));
    let mut new = Retained { speed_views_from, batch_views_from, ..old.clone() };
    if let (Some(lake_from), Some(checkpoint)) = (before(retention.lake), checkpoint) {
        let kept_from = completed_until(engine, lake, views, &new, lake_from).await?;
        let goes = |day: &Day| *day < kept_from && Some(*day) >= old.kept_from;
        if lake.days().explained()?.keys().any(goes) {
            let ends = lake.next_offsets(partitions(checkpoint)).await.explained()?;
            let accounts = Accounts::new(engine, checkpoint, views);
            if let Some(removed) = accounts.removed_before(kept_from, &ends).await? {
                new = Retained { kept_from: Some(kept_from), removed, ..new };
            }
        }
    }
    let mut removals = Removals { kept_from: new.kept_from, ..Removals::default() };
    let files_before = new.kept_from.map_or(Day(i32::MIN), |day| engine.looks_back_to(day));
    if new != old {
        removals.lake_files = lake.remove_before(files_before, &new, now).await.explained()? as u64;
        observe::removed(lake.stream().name, "lake_files", removals.lake_files);
    }
    lake.vacuum(replaced_files, now).await.explained()?;
    let journals_before = match (before(retention.journals), retention.lake) {
        (Some(before), Some(_)) => Some(before.min(files_before)),
        (before, _) => before,
    };
    let own = engine.jobs().iter().map(|job| job.view);
    // Contacts have an age of their own, which those who write them see to.
    let journals = View::JOURNALS.into_iter().filter(|view| *view != View::CONTACTS);
    for view in own.chain(journals) {
        let ages = match view.kind() {
            ViewKind::Journal => [(Layer::Speed, journals_before), (Layer::Batch, None)],
            _ => [(Layer::Speed, speed_views_from), (Layer::Batch, batch_views_from)],
        };
        for (layer, before) in ages.into_iter().filter_map(|(layer, day)| Some((layer, day?))) {
            let failed = |error| BatchError::Write { view, source: Failure::from(error) };
            let count = views.remove_before(view, layer, before).await.map_err(failed)?;
            observe::removed(lake.stream().name, "view_parts", count);
            removals.views += count;
        }
    }
    Ok(removals)
}

fn partitions(checkpoint: &Checkpoint) -> u32 {
    u32::try_from(checkpoint.progress.len()).unwrap_or(u32::MAX)
}

/// The first day that must stay because a view of it is not complete, at most `wanted`.
async fn completed_until<V: Views>(
    engine: &Engine,
    lake: &Lake,
    views: &V,
    retained: &Retained,
    wanted: Day,
) -> anyhow::Result<Day> {
    let from = retained.kept_from.max(retained.batch_views_from);
    let days = lake.days().explained()?.into_keys();
    let days: BTreeSet<Day> = days.filter(|day| Some(*day) >= from).collect();
    let mut until = wanted;
    for job in engine.jobs().iter().filter(|job| job.by_day()) {
        let view = job.view;
        let failed = |error| BatchError::Read { view, source: Failure::from(error) };
        let completed = views.completed_days(view).await.map_err(failed)?;
        until = days.difference(&completed).next().map_or(until, |open| until.min(*open));
    }
    Ok(until)
}
