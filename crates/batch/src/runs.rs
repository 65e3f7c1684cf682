//! The record of batch runs, kept as documents of [`View::BatchRuns`]: what ran, over which days, and
//! how it ended.
//!
//! A run is recorded when it starts and again, under the same `_id`, when it ends. One that a crash
//! ended is found `running` by the next program and marked `failed`.

use pulso_model::{Day, EventTime, KeyPart, View, ViewDocument, WallTime};
use pulso_pipeline::{Query, Sink, Views};
use serde::{Deserialize, Serialize};

use crate::BatchError;

/// How many of the newest records are looked through for the last run of a job. Nine jobs an hour
/// make this more than four days.
const RECORDS_MAX: usize = 1000;

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
    /// Unique: the job and when it started.
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
    pub(crate) fn start(job: &str, now: WallTime) -> Self {
        let started = EventTime(now.0);
        Self {
            started,
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
        let id = View::BatchRuns.id(&[KeyPart::Text(&self.run)]);
        let (view, time, country) = (View::BatchRuns, self.started, None);
        ViewDocument { view, id, time, position: 0, country, body }
    }
}

/// Reads and writes run records in a view store.
#[derive(Clone, Debug)]
pub struct Journal<V> {
    views: V,
}

impl<V: Views + Sink<ViewDocument>> Journal<V> {
    pub fn new(views: V) -> Self {
        Self { views }
    }

    /// Writes a record, in place of an earlier one of the same run.
    pub(crate) async fn record(&mut self, run: &Run) -> Result<(), BatchError> {
        let written = Sink::write(&mut self.views, vec![run.document()]).await;
        let view = View::BatchRuns;
        written.map_err(|error| BatchError::Write { view, source: error.into() })
    }

    /// The newest successful run of a job that left nothing to do of the lake's version.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn last_success(&self, job: &str) -> Result<Option<Run>, BatchError> {
        let mut runs = self.newest().await?.into_iter();
        let whole = |run: &Run| run.outcome == Outcome::Succeeded && run.lake_version.is_some();
        Ok(runs.find(|run| run.job == job && whole(run)))
    }

    /// Marks runs that a crash ended as failed. Only for the one program that runs jobs.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn fail_interrupted(&mut self) -> Result<(), BatchError> {
        for mut run in self.newest().await? {
            if run.outcome == Outcome::Running {
                run.outcome = Outcome::Failed;
                run.error = Some("the program ended before the run did".to_owned());
                self.record(&run).await?;
            }
        }
        Ok(())
    }

    async fn newest(&self) -> Result<Vec<Run>, BatchError> {
        let view = View::BatchRuns;
        let page = self.views.query(Query::newest(view, RECORDS_MAX)).await;
        let page = page.map_err(|error| BatchError::Read { view, source: error.into() })?;
        let bodies = page.documents.iter().map(|stored| &stored.document.body);
        Ok(bodies.filter_map(|body| serde_json::from_str(body).ok()).collect())
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

    #[tokio::test]
    async fn a_run_that_a_crash_ended_is_visible_as_failed() {
        let mut journal = Journal::new(MemoryViews::default());
        let done = Run {
            outcome: Outcome::Succeeded,
            rows: Some(3),
            first_day: Some(Day(1)),
            lake_version: Some(4),
            ..Run::start("groups", WallTime(1))
        };
        journal.record(&done).await.unwrap();
        journal.record(&Run::start("groups", WallTime(2))).await.unwrap();
        journal.fail_interrupted().await.unwrap();
        let runs = journal.newest().await.unwrap();
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0].outcome, Outcome::Failed);
        assert_eq!(runs[0].error.as_deref(), Some("the program ended before the run did"));
        assert_eq!(journal.last_success("groups").await.unwrap(), Some(done));
        assert_eq!(journal.last_success("events").await.unwrap(), None);
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
            ..Run::start("archive", WallTime(0))
        };
        let body: serde_json::Value = serde_json::from_str(&run.document().body).unwrap();
        let names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        let mut fields: Vec<_> =
            View::BatchRuns.fields().iter().map(|f| f.name.to_owned()).collect();
        fields.sort();
        assert_eq!(names, fields);
        assert_eq!(body["first_day"], "1970-01-01");
    }
}
