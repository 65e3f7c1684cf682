//! The record of batch runs, kept as documents of [`View::BATCH_RUNS`]: what ran, over which days, and
//! how it ended.
//!
//! A run is recorded when it starts and again, under the same `_id`, when it ends. One that a crash
//! ended is found `running` by the next program and marked `failed`.

use std::collections::BTreeMap;

use pulso_model::{Day, EventTime, KeyPart, View, ViewDocument, WallTime};
use pulso_pipeline::{Cursor, Query, Sink, Views};
use serde::{Deserialize, Serialize};

use crate::BatchError;

/// How many records are read at once. With an archive run every five minutes and nine jobs an hour the first
/// page goes back for a day, so it usually has the last run of all jobs.
const PAGE_RECORDS: usize = 500;

/// How a run ended, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Running,
    Succeeded,
    Failed,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// One run of the archive or of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    #[serde(rename = "@timestamp", with = "iso_8601")]
    pub started: EventTime,
    pub stream: String,
    /// Unique within the stream: the job and when it started.
    pub run: String,
    pub job: String,
    #[serde(with = "iso_8601_option", default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EventTime>,
    #[serde(with = "iso_8601_option", default, skip_serializing_if = "Option::is_none")]
    pub first_day: Option<Day>,
    #[serde(with = "iso_8601_option", default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The version of the lake that the run read or made; not of a run over days that somebody chose,
    /// after which others may still have to be computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lake_version: Option<u64>,
    /// Up to here the archive held everything.
    #[serde(with = "iso_8601_option", default, skip_serializing_if = "Option::is_none")]
    pub complete_until: Option<EventTime>,
    /// The last day that the run computed and completed.
    #[serde(with = "iso_8601_option", default, skip_serializing_if = "Option::is_none")]
    pub completed_day: Option<Day>,
}

impl Run {
    pub(crate) fn start(stream: &str, job: &str, now: WallTime) -> Self {
        let started = EventTime(now.0);
        Self {
            started,
            stream: stream.to_owned(),
            run: format!("{job}-{started}"),
            job: job.to_owned(),
            ended: None,
            first_day: None,
            last_day: None,
            rows: None,
            outcome: Outcome::Running,
            error: None,
            lake_version: None,
            complete_until: None,
            completed_day: None,
        }
    }

    fn document(&self) -> ViewDocument {
        let body = serde_json::to_string(self).expect("a run has text keys and no floats");
        let id = View::BATCH_RUNS.id(&[KeyPart::Text(&self.stream), KeyPart::Text(&self.run)]);
        let (view, time, scope) = (View::BATCH_RUNS, self.started, None);
        ViewDocument { view, id, time, position: 0, scope, body }
    }
}

/// Reads and writes the run records of a stream in a view store.
#[derive(Clone, Debug)]
pub struct Journal<V> {
    stream: &'static str,
    views: V,
}

impl<V: Views + Sink<ViewDocument>> Journal<V> {
    pub fn new(stream: &'static str, views: V) -> Self {
        Self { stream, views }
    }

    /// A run of the stream that begins now.
    pub(crate) fn start(&self, job: &str, now: WallTime) -> Run {
        Run::start(self.stream, job, now)
    }

    /// Writes a record, in place of an earlier one of the same run.
    pub(crate) async fn record(&mut self, run: &Run) -> Result<(), BatchError> {
        let written = Sink::write(&mut self.views, vec![run.document()]).await;
        let view = View::BATCH_RUNS;
        written.map_err(|error| BatchError::Write { view, source: error.into() })
    }

    /// Of each of these jobs the newest successful run that left nothing to do of the lake's version. Looks
    /// as far back as it takes: through all of the journal for a job that never succeeded.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn last_successes(&self, jobs: &[&str]) -> Result<BTreeMap<String, Run>, BatchError> {
        let mut last = BTreeMap::<String, Run>::new();
        let mut after = None;
        while last.len() < jobs.len() {
            let (runs, next) = self.page(after).await?;
            let whole = |run: &Run| run.outcome == Outcome::Succeeded && run.lake_version.is_some();
            for run in runs.into_iter().filter(whole) {
                if jobs.contains(&&*run.job) {
                    last.entry(run.job.clone()).or_insert(run);
                }
            }
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(last)
    }

    /// Marks runs that a crash ended as failed. Only for the one program that runs jobs, and before it runs
    /// any: so they are among the newest.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn fail_interrupted(&mut self) -> Result<(), BatchError> {
        for mut run in self.page(None).await?.0 {
            if run.outcome == Outcome::Running {
                run.outcome = Outcome::Failed;
                run.error = Some("the program ended before the run did".to_owned());
                self.record(&run).await?;
            }
        }
        Ok(())
    }

    /// The stream's records from a place on, the newest first, and where to go on.
    async fn page(&self, after: Option<Cursor>) -> Result<(Vec<Run>, Option<Cursor>), BatchError> {
        let view = View::BATCH_RUNS;
        let page = self.views.query(Query { after, ..Query::newest(view, PAGE_RECORDS) }).await;
        let page = page.map_err(|error| BatchError::Read { view, source: error.into() })?;
        let bodies = page.documents.iter().map(|stored| &stored.document.body);
        let runs = bodies.filter_map(|body| serde_json::from_str::<Run>(body).ok());
        Ok((runs.filter(|run| run.stream == self.stream).collect(), page.next))
    }
}

/// Times and days as documents show them.
mod iso_8601 {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(Error::custom)
    }
}

/// The same where there may be none.
mod iso_8601_option {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::iso_8601::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        super::iso_8601::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use pulso_pipeline::memory::MemoryViews;

    use super::*;

    const STREAM: &str = "visits";

    #[tokio::test]
    async fn a_run_that_a_crash_ended_is_visible_as_failed() {
        let mut journal = Journal::new(STREAM, MemoryViews::default());
        let done = Run {
            outcome: Outcome::Succeeded,
            rows: Some(3),
            first_day: Some(Day(1)),
            lake_version: Some(4),
            ..Run::start(STREAM, "groups", WallTime(1))
        };
        journal.record(&done).await.unwrap();
        journal.record(&Run::start(STREAM, "groups", WallTime(2))).await.unwrap();
        journal.fail_interrupted().await.unwrap();
        let (runs, _) = journal.page(None).await.unwrap();
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0].outcome, Outcome::Failed);
        assert_eq!(runs[0].error.as_deref(), Some("the program ended before the run did"));
        let last = journal.last_successes(&["groups", "events"]).await.unwrap();
        assert_eq!(last, BTreeMap::from([("groups".to_owned(), done)]));
    }

    #[tokio::test]
    async fn the_last_success_is_found_however_many_runs_came_after_it() {
        let mut journal = Journal::new(STREAM, MemoryViews::default());
        let succeeded = |job: &str, at: i64| Run {
            outcome: Outcome::Succeeded,
            lake_version: Some(1),
            ..Run::start(STREAM, job, WallTime(at))
        };
        journal.record(&succeeded("groups", 0)).await.unwrap();
        journal.record(&succeeded("groups", 1)).await.unwrap();
        // One that failed, and one over days that somebody chose.
        journal.record(&Run::start(STREAM, "groups", WallTime(2))).await.unwrap();
        journal.record(&Run { lake_version: None, ..succeeded("groups", 3) }).await.unwrap();
        journal.record(&succeeded("events", 4)).await.unwrap();
        for at in 5..3005 {
            journal.record(&succeeded("archive", at)).await.unwrap();
        }
        let last =
            journal.last_successes(&["groups", "archive", "events", "retain"]).await.unwrap();
        let started = last.values().map(|run| (run.job.as_str(), run.started.0));
        let expected = [("archive", 3004), ("events", 4), ("groups", 1)];
        assert_eq!(started.collect::<Vec<_>>(), expected);
    }

    #[tokio::test]
    async fn a_stream_sees_its_own_runs_only() {
        let views = MemoryViews::default();
        let [mut visits, mut posts] =
            [STREAM, "posts"].map(|stream| Journal::new(stream, views.clone()));
        let succeeded = |stream: &str, at: i64| Run {
            outcome: Outcome::Succeeded,
            lake_version: Some(1),
            ..Run::start(stream, "archive", WallTime(at))
        };
        // At the same time, and the one of the other stream later.
        for run in [succeeded(STREAM, 1), succeeded("posts", 1), succeeded("posts", 2)] {
            visits.record(&run).await.unwrap();
        }
        posts.record(&Run::start("posts", "archive", WallTime(3))).await.unwrap();
        let last = async |journal: &Journal<MemoryViews>| {
            let last = journal.last_successes(&["archive"]).await.unwrap();
            last["archive"].started.0
        };
        assert_eq!((last(&visits).await, last(&posts).await), (1, 2));
        visits.fail_interrupted().await.unwrap();
        let of_posts = posts.page(None).await.unwrap().0;
        assert_eq!(of_posts[0].outcome, Outcome::Running, "the other stream is at it");
        posts.fail_interrupted().await.unwrap();
        let of_posts = posts.page(None).await.unwrap().0;
        assert_eq!((of_posts.len(), of_posts[0].outcome), (3, Outcome::Failed));
    }

    #[test]
    fn a_record_has_the_fields_of_its_view() {
        let run = Run {
            ended: Some(EventTime(5)),
            last_day: Some(Day(0)),
            first_day: Some(Day(0)),
            rows: Some(1),
            error: Some("x".into()),
            lake_version: Some(4),
            complete_until: Some(EventTime(7)),
            completed_day: Some(Day(0)),
            ..Run::start(STREAM, "archive", WallTime(0))
        };
        let body: serde_json::Value = serde_json::from_str(&run.document().body).unwrap();
        let names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        let mut fields: Vec<_> =
            View::BATCH_RUNS.fields().iter().map(|f| f.name.to_owned()).collect();
        fields.sort();
        assert_eq!(names, fields);
        assert_eq!(body["first_day"], "1970-01-01");
    }
}
