//! The batch jobs: one SQL file for each view that the batch layer computes.

use pulso_model::{Scope, View};

/// One query over the responses of the lake. Its columns are named as [`View::fields`], in any
/// order; a location is two columns, `….lat` and `….lon`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    pub view: View,
    pub sql: &'static str,
}

macro_rules! job {
    ($view:ident, $file:literal) => {
        Job { view: View::$view, sql: include_str!(concat!("../jobs/", $file, ".sql")) }
    };
}

/// All jobs, in the order in which they run.
pub const JOBS: [Job; 8] = [
    job!(Responses, "responses"),
    job!(CountryActivity, "country-activity"),
    job!(TrendingTopics, "trending-topics"),
    job!(TrendingTopicsByCountry, "trending-topics-by-country"),
    job!(Groups, "groups"),
    job!(Events, "events"),
    job!(GroupDays, "group-days"),
    job!(EventDays, "event-days"),
];

impl Job {
    /// The name of the job and of its view.
    pub fn name(&self) -> &'static str {
        self.view.name()
    }

    /// The job of a name.
    pub fn named(name: &str) -> Option<Self> {
        JOBS.into_iter().find(|job| job.name() == name)
    }

    /// Whether it computes a day at a time; else the whole view, as of now.
    pub fn by_day(&self) -> bool {
        self.view.scope() != Scope::Now
    }

    /// Whether it reads `topics` and `countries`.
    pub(crate) fn by_topic(&self) -> bool {
        matches!(self.view, View::TrendingTopics | View::TrendingTopicsByCountry)
    }

    /// What it computes and which input it needs: the comment at the head of its file.
    pub fn description(&self) -> String {
        let comment = self.sql.lines().map_while(|line| line.strip_prefix("-- "));
        comment.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_batch_view_has_a_job_and_every_file_is_one() {
        let names: BTreeSet<_> = JOBS.iter().map(|job| format!("{}.sql", job.name())).collect();
        let views = View::ALL.into_iter().filter(|view| view.scope() != Scope::Journal);
        assert_eq!(names, views.map(|view| format!("{view}.sql")).collect());
        let folder = Path::new("jobs");
        let files = folder.read_dir().unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        assert_eq!(names, files.collect());
    }

    #[test]
    fn every_file_says_what_it_computes_and_needs() {
        for job in JOBS {
            assert!(job.description().contains(". Needs "), "{}", job.name());
        }
    }
}
