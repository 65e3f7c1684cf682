//! How far the layers reach: up to where the speed layer has closed windows, and which days the batch
//! layer has completed.
//!
//! Every answer about a view says so, and the store is asked for it once a second at most.

use std::collections::BTreeSet;

use pulso_model::{Day, EventTime, View, ViewKind};
use pulso_pipeline::Views;
use serde::Serialize;

use super::recent::Recent;
use super::{App, Error, Served, status};

/// How far the layers reach in a view.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reach {
    /// Panes and windows that end at or before this time are in the view.
    pub(super) as_of: Option<EventTime>,
    /// The days that the batch layer has completed.
    pub(super) completed: BTreeSet<Day>,
}

/// As answers show it.
#[derive(Debug, Serialize)]
pub(super) struct ReachFields {
    as_of: Option<String>,
    batch_until: Option<String>,
}

impl Reach {
    pub(super) fn batch_until(&self) -> Option<EventTime> {
        self.completed.last().map(|day| day.end())
    }

    pub(super) fn fields(&self) -> ReachFields {
        ReachFields {
            as_of: self.as_of.map(|time| time.to_string()),
            batch_until: self.batch_until().map(|time| time.to_string()),
        }
    }

    /// Whether the batch layer has completed all days of a range.
    pub(super) fn completes(&self, from: Option<EventTime>, to: Option<EventTime>) -> bool {
        let (Some(from), Some(to)) = (from, to) else { return false };
        let Some(first) = self.completed.first() else { return false };
        if from >= to || from < first.start() {
            return false;
        }
        let last = EventTime(to.0 - 1).day();
        (from.day().0..=last.0).all(|day| self.completed.contains(&Day(day)))
    }
}

/// What the store said a moment ago.
#[derive(Debug, Default)]
pub(super) struct Known {
    closed: Recent<&'static str, Option<EventTime>>,
    completed: Recent<View, BTreeSet<Day>>,
}

impl<V: Views> App<V> {
    /// A run of the batch layer has ended: whoever is told so and asks must see what it published.
    pub(super) fn forget_answers(&self) {
        self.known.completed.forget();
        self.numbers.forget();
    }

    /// How far the layers reach in a view. Asked before its documents are, so that these are no older.
    pub(super) async fn reach(&self, view: View) -> Result<Reach, Error> {
        let mut streams = self.options.streams.iter();
        let served = streams.find(|served| Some(served.stream.name) == view.stream());
        let as_of = match served.filter(|_| view.kind() == ViewKind::Day) {
            Some(served) => self.closed_until(served).await?,
            None => None,
        };
        let completed = match view.kind() {
            ViewKind::Day | ViewKind::BatchDay => self.completed_days(view).await?,
            ViewKind::Now | ViewKind::Journal => BTreeSet::new(),
        };
        Ok(Reach { as_of, completed })
    }

    /// Up to where the speed layer has closed the windows of a stream.
    pub(super) async fn closed_until(&self, served: &Served) -> Result<Option<EventTime>, Error> {
        let name = served.stream.name;
        let facts = (self.status)();
        let progress = facts.streams.iter().find(|progress| progress.stream == name);
        if let Some(time) = progress.and_then(|progress| progress.closed_until) {
            return Ok(Some(time));
        }
        self.known.closed.get(name, || status::newest_end(self, served)).await
    }

    pub(super) async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, Error> {
        self.known.completed.get(view, || self.ask(self.views.completed_days(view))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_complete_when_all_of_its_days_are() {
        let completed = [1, 2, 4].map(Day).into();
        let reach = Reach { as_of: None, completed };
        let check = |from: EventTime, to: EventTime, expected| {
            assert_eq!(reach.completes(Some(from), Some(to)), expected, "{from} {to}");
        };
        check(Day(1).start(), Day(2).end(), true);
        check(Day(1).start(), EventTime(Day(2).end().0 + 1), false);
        check(EventTime(Day(1).start().0 - 1), Day(2).end(), false);
        check(Day(1).start(), Day(4).end(), false);
        check(Day(4).start(), Day(4).end(), true);
        check(Day(4).end(), Day(4).start(), false);
        check(EventTime(i64::MIN), EventTime(i64::MAX), false);
        assert!(!reach.completes(None, Some(Day(2).end())));
        assert!(!Reach::default().completes(Some(Day(1).start()), Some(Day(2).end())));
        assert_eq!(reach.batch_until(), Some(Day(4).end()));
    }
}
