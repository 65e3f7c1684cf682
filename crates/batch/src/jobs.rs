//! The batch jobs: one query for each view that the batch layer computes.
//!
//! What every stream has (single facts, activity, trends) is computed by the same queries, filled in with
//! the names that its descriptor gives; the other queries are the stream's own.

mod queries;
mod sessions;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use pulso_model::{Counts, Day, EventTime, Facet, Stream, View, ViewKind};

pub(crate) use queries::{
    busyness, busyness_table, echoes, facts_of_scopes, names, superseded, terms, values,
};

/// One query over the facts of the lake. Its columns are named as [`View::fields`], in any order; a
/// location is two columns, `….lat` and `….lon`.
#[derive(Clone, Debug)]
pub struct Job {
    pub view: View,
    pub(crate) sql: Arc<str>,
    pub(crate) kind: JobKind,
}

/// What a job computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    Facts,
    /// Of each pane.
    Panes,
    /// Of the facet at this place.
    Trends(usize),
    /// The trends that ended, of all facets.
    Ended,
    /// From facts that are so long before the days, in milliseconds; facts change those that end so long
    /// after them.
    Sessions {
        lookback_ms: i64,
        changes_within_ms: i64,
    },
    /// What a query says that nothing else depends on: most are the stream's own.
    Own,
}

impl Job {
    /// All jobs of a stream, in the order in which they run.
    pub fn all(stream: &Stream) -> Vec<Self> {
        let job = |view, sql: String, kind| Self { view, sql: sql.into(), kind };
        let mut jobs = Vec::new();
        // The lake has the facts of all streams; neither layer shows single ones where that is off.
        if stream.facts_view.shown {
            jobs.push(job(stream.facts_view.view, queries::facts(stream), JobKind::Facts));
        }
        jobs.push(job(stream.activity_view, queries::activity(stream), JobKind::Panes));
        let statistics =
            stream.statistics.iter().map(|one| (one, queries::statistics(stream, one)));
        let mut days = Vec::new();
        for (statistic, [of_panes, of_days]) in statistics {
            jobs.push(job(statistic.view, of_panes, JobKind::Panes));
            days.push(job(statistic.days_view, of_days, JobKind::Own));
        }
        for session in &stream.sessions {
            let kind = JobKind::Sessions {
                lookback_ms: session.lookback_ms(),
                changes_within_ms: session.changes_within_ms(),
            };
            jobs.push(job(session.view, sessions::sessions(stream, session), kind));
        }
        for (at, facet) in stream.facets.iter().enumerate() {
            let worldwide = queries::trends(stream, at, false);
            jobs.push(job(facet.view, worldwide, JobKind::Trends(at)));
            if let Some(view) = facet.by_scope_view {
                jobs.push(job(view, queries::trends(stream, at, true), JobKind::Trends(at)));
            }
        }
        for (view, in_scopes) in [(stream.trends_view, false), (stream.trends_by_scope_view, true)]
        {
            let ended = |view| job(view, queries::ended(stream, in_scopes), JobKind::Ended);
            jobs.extend(view.map(ended));
        }
        jobs.extend(days);
        jobs.extend(stream.jobs.iter().map(|own| job(own.view, own.sql.to_owned(), JobKind::Own)));
        jobs
    }

    /// The name of the job and of its view.
    pub fn name(&self) -> &'static str {
        self.view.name()
    }

    /// Whether it computes a day at a time; else the whole view, as of now.
    pub fn by_day(&self) -> bool {
        self.view.kind() != ViewKind::Now
    }

    /// The facets of a stream whose trends it computes.
    pub(crate) fn facets(&self, stream: &Stream) -> Range<usize> {
        match self.kind {
            JobKind::Trends(at) => at..at + 1,
            JobKind::Ended => 0..stream.facets.len(),
            JobKind::Facts | JobKind::Panes | JobKind::Sessions { .. } | JobKind::Own => 0..0,
        }
    }

    /// Whether it computes sessions, which look back further than windows.
    pub(crate) fn of_sessions(&self) -> bool {
        matches!(self.kind, JobKind::Sessions { .. })
    }

    /// How long before its days the facts are that it reads, in milliseconds, besides those of windows.
    pub(crate) fn sessions_lookback_ms(&self) -> Option<i64> {
        match self.kind {
            JobKind::Sessions { lookback_ms, .. } => Some(lookback_ms),
            _ => None,
        }
    }

    /// The last day that facts of a day change.
    pub(crate) fn changes_until(&self, day: Day) -> Day {
        match self.kind {
            JobKind::Sessions { changes_within_ms, .. } => {
                EventTime(day.end().0.saturating_add(changes_within_ms)).day()
            }
            // Windows and baselines look back over midnight.
            _ => day.next(),
        }
    }

    /// Whether it computes the trends of a stream by scope.
    pub(crate) fn in_scopes(&self, stream: &Stream) -> bool {
        let mut facets = stream.facets.iter().map(|facet| facet.by_scope_view);
        stream.trends_by_scope_view == Some(self.view) || facets.any(|view| view == Some(self.view))
    }

    /// What it computes and which input it needs: the comment at the head of its query.
    pub fn description(&self) -> String {
        let comment = self.sql.lines().map_while(|line| line.strip_prefix("-- "));
        comment.collect::<Vec<_>>().join(" ")
    }
}

/// Whether a facet's terms are ranked by who carries them.
pub(crate) fn counts_actors(facet: &Facet) -> bool {
    facet.counts == Counts::Actors
}
