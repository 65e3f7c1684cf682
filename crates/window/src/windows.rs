//! The whole of it: partitions in, closed panes and fired windows out.

mod rename;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pulso_model::{EventTime, Offsets, Position, WallTime};
use serde::{Deserialize, Serialize};

use crate::partition::Partition;
use crate::sessions::{Refused, Sessions, ShownSession};
use crate::settings::millis;
use crate::trends::{Lists, Trends};
use crate::{Counts, Observed, PaneAggregate, Settings, TrendSettings, Verdict};

/// A pane that closed, or that changed after it had closed (within the allowed lateness).
#[derive(Debug)]
pub struct ClosedPane {
    pub start: EventTime,
    pub aggregate: Arc<PaneAggregate>,
}

/// One emission of a window; a late firing shows the whole window again.
#[derive(Debug, Default, PartialEq)]
pub struct Firing {
    pub start: EventTime,
    /// Exclusive.
    pub end: EventTime,
    /// By facet.
    pub lists: Vec<Lists>,
    /// What an earlier firing of this window listed and this one does not.
    pub unlisted: Vec<Unlisted>,
}

/// A term that is listed no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unlisted {
    /// By place in the stream's list.
    pub facet: usize,
    /// `None`: worldwide.
    pub scope: Option<Arc<str>>,
    pub term: Arc<str>,
    /// Whether it was listed as a trend that ended.
    pub ended: bool,
}

/// What a move of the watermark brought about, in order of time.
#[derive(Debug)]
pub enum Output {
    Pane(ClosedPane),
    Window(Firing),
    Session(ShownSession),
}

/// All state of the speed layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Windows {
    settings: Settings,
    partitions: Vec<Partition>,
    /// The minimum over partitions that are not idle; never goes back (W2).
    watermark: Option<EventTime>,
    /// As of the newest window that fired; `None` before the first pane.
    trends: Option<Trends>,
    /// Only with an allowed lateness: what may still change.
    changeable: Option<Changeable>,
    sessions: Sessions,
}

/// Closed panes that may still change, and the trends as of before them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Changeable {
    settled: Option<Trends>,
    panes: BTreeMap<EventTime, Arc<PaneAggregate>>,
    listed: BTreeMap<EventTime, BTreeSet<Unlisted>>,
}

impl Windows {
    /// # Panics
    /// When `partitions` is 0.
    pub fn new(settings: Settings, partitions: u32) -> Self {
        assert!(partitions > 0, "a log has at least one partition");
        let late = !settings.allowed_lateness.is_zero();
        let sessions = Sessions::new(&settings);
        Self {
            settings,
            partitions: (0..partitions).map(|_| Partition::new()).collect(),
            watermark: None,
            trends: None,
            changeable: late.then(Changeable::default),
            sessions,
        }
    }

    /// Before the first message: the partitions begin at these offsets.
    pub fn begin_at(&mut self, first_offsets: &Offsets) {
        for (partition, (_, first)) in self.partitions.iter_mut().zip(first_offsets.by_partition())
        {
            partition.counts.next_offset = first;
        }
    }

    /// Up to where the log has been read.
    pub fn next_offsets(&self) -> Offsets {
        self.partitions.iter().map(|partition| partition.counts.next_offset).collect()
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes over the settings that may change at any time: what is listed, for how long echoes are
    /// remembered, and how many sessions. All others give the state its meaning and stay.
    pub fn adopt(&mut self, settings: &Settings) {
        let Settings { echo, trends, sessions_max, .. } = settings.clone();
        let TrendSettings { baseline, .. } = self.settings.trends;
        self.settings.trends = TrendSettings { baseline, ..trends };
        self.settings.echo = echo;
        self.settings.sessions_max = sessions_max;
    }

    /// By partition.
    pub fn counts(&self) -> Vec<Counts> {
        self.partitions.iter().map(|partition| partition.counts).collect()
    }

    /// No fact with an earlier event time is expected; `None` before every partition that is
    /// not idle has one.
    pub fn watermark(&self) -> Option<EventTime> {
        self.watermark
    }

    /// Panes and windows that end at or before this time have been returned.
    pub fn closed_until(&self) -> Option<EventTime> {
        self.trends.as_ref().map(Trends::end)
    }

    /// Sessions that end at or before this time are final; `None` before the first pane closed.
    pub fn settled_until(&self) -> Option<EventTime> {
        self.closed_until().map(|closed| self.settled(closed))
    }

    /// Facts that are in no session, as there were too many open ones.
    pub fn refused(&self) -> Refused {
        self.sessions.refused()
    }

    /// How many keys have facts that may belong to the session of the next one.
    pub fn open_sessions(&self) -> usize {
        self.sessions.open()
    }

    /// How many panes have facts and are not closed.
    pub fn open_panes(&self) -> usize {
        let starts = self.partitions.iter().flat_map(|partition| partition.open.keys());
        starts.collect::<BTreeSet<_>>().len()
    }

    /// Takes the fact at a position of the log.
    ///
    /// # Panics
    /// When there is no such partition.
    pub fn fact(&mut self, position: Position, observed: Observed<'_>) -> Verdict {
        let keys_max = self.settings.echo.keys_max / self.partitions.len();
        let lateness = millis(self.settings.allowed_lateness);
        let dropped_before = self.closed_until().map(|end| EventTime(end.0 - lateness));
        let partition = &mut self.partitions[position.partition as usize];
        partition.read(position.offset);
        let verdict = partition.fact(observed, &self.settings, keys_max, dropped_before);
        if verdict == Verdict::Counted {
            self.sessions.fact(position, observed, &self.settings);
        }
        verdict
    }

    /// Takes note of a message that could not be read.
    ///
    /// # Panics
    /// When there is no such partition.
    pub fn dead_letter(&mut self, position: Position) {
        let partition = &mut self.partitions[position.partition as usize];
        partition.read(position.offset);
        partition.counts.dead_letters += 1;
    }

    /// Takes note of a message that is not of the stream.
    ///
    /// # Panics
    /// When there is no such partition.
    pub fn skipped(&mut self, position: Position) {
        let partition = &mut self.partitions[position.partition as usize];
        partition.read(position.offset);
        partition.counts.skipped += 1;
    }

    /// An idle partition does not hold the watermark back until its next message.
    ///
    /// # Panics
    /// When there is no such partition.
    pub fn set_idle(&mut self, partition: u32, idle: bool) {
        self.partitions[partition as usize].idle = idle;
    }

    /// Moves the watermark to that of the slowest partition that is not idle; while every partition
    /// is idle, behind `now`, so that the last windows of a quiet stream fire too.
    ///
    /// True when [`close`](Self::close) will now show what another reading of the log need not
    /// show: because partitions are idle, or because it may change later. A reader that has to end
    /// in the same documents after a crash must save this state before it shows them.
    pub fn move_watermark(&mut self, now: WallTime) -> bool {
        let slowest = self.partitions.iter().map(|partition| partition.watermark).min().flatten();
        let busy = self.partitions.iter().filter(|partition| !partition.idle);
        let next = match busy.map(|partition| partition.watermark).min() {
            Some(slowest_busy) => slowest_busy,
            None => {
                let follow = self.partitions.iter().any(|partition| partition.watermark.is_some());
                let behind = millis(self.settings.max_out_of_orderness);
                follow.then(|| EventTime(now.0 - behind))
            }
        };
        let by_log = self.watermark.max(slowest);
        self.watermark = self.watermark.max(next);
        let pane = |watermark: Option<EventTime>| watermark.map(|w| self.settings.window.pane(w));
        let repeated = self.changeable.is_none() && pane(self.watermark) == pane(by_log);
        !repeated && self.shows_more()
    }

    /// Moves the watermark past everything: the input was finite and this is its end. Later
    /// facts may follow, in panes after the last window.
    ///
    /// True as in [`move_watermark`](Self::move_watermark), as more may be added to the log.
    pub fn finish(&mut self) -> bool {
        let starts = self.partitions.iter().filter_map(|p| p.open.last_key_value());
        let last = starts.map(|(&start, _)| self.settings.window.last_window_end(start)).max();
        let firing = self.trends.as_ref().and_then(|t| t.last_window_end(&self.settings));
        let Some(end) = last.max(firing) else { return false };
        let end = EventTime(end.0 + millis(self.settings.allowed_lateness));
        self.watermark = self.watermark.max(Some(end));
        for partition in &mut self.partitions {
            partition.advance(end);
        }
        self.shows_more()
    }

    /// Closes what the watermark has passed.
    pub fn close(&mut self) -> Vec<Output> {
        let Some(watermark) = self.watermark else { return Vec::new() };
        let mut output = Vec::new();
        self.refire_changed(&mut output);
        let target = self.settings.window.pane(watermark);
        while let Some(start) = self.next_pane(target) {
            let aggregate = self.take_pane(start).map(Arc::new);
            let trends = self.trends.get_or_insert_with(|| Trends::new(start, &self.settings));
            let lists = trends.step(aggregate.as_deref(), &self.settings);
            if let Some(aggregate) = aggregate {
                if let Some(changeable) = &mut self.changeable {
                    changeable.panes.insert(start, Arc::clone(&aggregate));
                }
                output.push(Output::Pane(ClosedPane { start, aggregate }));
            }
            let end = self.settings.window.pane_end(start);
            self.fire(end, lists, &mut output);
        }
        self.settle();
        if let Some(until) = self.settled_until() {
            let sessions = self.sessions.settle(until, &self.settings);
            output.extend(sessions.into_iter().map(Output::Session));
        }
        output
    }

    /// Up to where panes are final once those before a time have closed.
    fn settled(&self, closed: EventTime) -> EventTime {
        let lateness = millis(self.settings.allowed_lateness);
        self.settings.window.pane(EventTime(closed.0 - lateness))
    }

    /// Whether there is something to close: panes with facts, windows that still hold some, or sessions.
    fn shows_more(&self) -> bool {
        let Some(watermark) = self.watermark else { return false };
        let target = self.settings.window.pane(watermark);
        let windows = self.trends.as_ref().filter(|trends| !trends.is_empty());
        let next = self.first_open().into_iter().chain(windows.map(Trends::end)).min();
        next.is_some_and(|next| next < target)
            || self.sessions.shows_until(self.settled(target), &self.settings)
    }

    fn first_open(&self) -> Option<EventTime> {
        let open = self.partitions.iter().filter_map(|p| p.open.first_key_value());
        open.map(|(&start, _)| start).min()
    }

    /// The start of the next pane to close, when it ends at or before `target` (W3). Passes over
    /// time without facts.
    fn next_pane(&mut self, target: EventTime) -> Option<EventTime> {
        let first_open = self.first_open();
        let next = match &mut self.trends {
            None => first_open?,
            Some(trends) => {
                if trends.is_empty() {
                    trends.skip_to(first_open.map_or(target, |open| open.min(target)));
                }
                trends.end()
            }
        };
        (self.settings.window.pane_end(next) <= target).then_some(next)
    }

    /// All partitions' parts of a pane; `None` when there is none.
    fn take_pane(&mut self, start: EventTime) -> Option<PaneAggregate> {
        let parts =
            self.partitions.iter_mut().filter_map(|partition| partition.open.remove(&start));
        parts.reduce(|mut whole, part| {
            whole.merge(&part);
            whole
        })
    }

    /// A window without a listed term is no output, unless it had one before.
    fn fire(&mut self, end: EventTime, lists: Vec<Lists>, output: &mut Vec<Output>) {
        let start = EventTime(end.0 - self.settings.window.size());
        let mut firing = Firing { start, end, lists, unlisted: Vec::new() };
        if let Some(changeable) = &mut self.changeable {
            let now = firing.listed();
            let before = changeable.listed.insert(end, now.clone()).unwrap_or_default();
            firing.unlisted = before.difference(&now).cloned().collect();
        }
        if !(firing.lists.iter().all(Lists::is_empty) && firing.unlisted.is_empty()) {
            output.push(Output::Window(firing));
        }
    }

    /// Late facts within the allowed lateness: their panes and all windows from there on are
    /// shown again, as every later count and baseline contains them.
    fn refire_changed(&mut self, output: &mut Vec<Output>) {
        let Some(closed_until) = self.closed_until() else { return };
        let open = self.partitions.iter().flat_map(|partition| partition.open.keys());
        let changed: BTreeSet<_> = open.copied().filter(|&start| start < closed_until).collect();
        let Some(&first) = changed.first() else { return };
        let Some(mut changeable) = self.changeable.take() else { return };
        let shape = self.settings.shape.clone();
        for &start in &changed {
            let Some(part) = self.take_pane(start) else { continue };
            let mut pane = changeable
                .panes
                .remove(&start)
                .map_or_else(|| PaneAggregate::new(&shape), Arc::unwrap_or_clone);
            pane.merge(&part);
            let aggregate = Arc::new(pane);
            changeable.panes.insert(start, Arc::clone(&aggregate));
            output.push(Output::Pane(ClosedPane { start, aggregate }));
        }
        let settled = changeable.settled.clone();
        let mut trends = settled.unwrap_or_else(|| {
            let first = changeable.panes.first_key_value().map_or(first, |(&start, _)| start);
            Trends::new(first, &self.settings)
        });
        let mut fired = Vec::new();
        replay(&mut trends, &changeable.panes, closed_until, &self.settings, |end, lists| {
            if end > first {
                fired.push((end, lists));
            }
        });
        self.trends = Some(trends);
        self.changeable = Some(changeable);
        for (end, lists) in fired {
            self.fire(end, lists, output);
        }
    }

    /// Gives up what can no longer change.
    fn settle(&mut self) {
        let Some(closed_until) = self.closed_until() else { return };
        let Some(changeable) = &mut self.changeable else { return };
        let final_until = EventTime(closed_until.0 - millis(self.settings.allowed_lateness));
        while let Some(entry) = changeable.panes.first_entry() {
            let start = *entry.key();
            if self.settings.window.pane_end(start) > final_until {
                break;
            }
            let pane = BTreeMap::from([(start, entry.remove())]);
            let settled =
                changeable.settled.get_or_insert_with(|| Trends::new(start, &self.settings));
            let end = self.settings.window.pane_end(start);
            replay(settled, &pane, end, &self.settings, |_, _| ());
        }
        changeable.listed = changeable.listed.split_off(&EventTime(final_until.0 + 1));
    }
}

/// Steps through panes up to `until`, passing over time without any.
fn replay(
    trends: &mut Trends,
    panes: &BTreeMap<EventTime, Arc<PaneAggregate>>,
    until: EventTime,
    settings: &Settings,
    mut fire: impl FnMut(EventTime, Vec<Lists>),
) {
    while trends.end() < until {
        if trends.is_empty() {
            let next = panes.range(trends.end()..).next().map_or(until, |(&start, _)| start);
            trends.skip_to(next.min(until));
        }
        if trends.end() < until {
            let pane = panes.get(&trends.end()).map(Arc::as_ref);
            let lists = trends.step(pane, settings);
            fire(trends.end(), lists);
        }
    }
}

impl Firing {
    fn listed(&self) -> BTreeSet<Unlisted> {
        let mut listed = BTreeSet::new();
        for (facet, lists) in self.lists.iter().enumerate() {
            let one = |scope: Option<&Arc<str>>, term: &Arc<str>, ended| {
                let (scope, term) = (scope.cloned(), Arc::clone(term));
                Unlisted { facet, scope, term, ended }
            };
            listed.extend(lists.worldwide.iter().map(|trend| one(None, &trend.term, false)));
            for (scope, list) in &lists.by_scope {
                listed.extend(list.iter().map(|trend| one(Some(scope), &trend.term, false)));
            }
            let ended = lists.ended.iter();
            listed.extend(ended.map(|trend| one(trend.scope.as_ref(), &trend.term, true)));
        }
        listed
    }
}
