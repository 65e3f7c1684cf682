//! The settings of windows, and what they mean for queries.

use std::collections::BTreeSet;
use std::time::Duration;

use pulso_model::{Comparison, DayRange, EventTime};

use super::Span;
use super::bind::{Parameter, Parameters};
use crate::Job;

/// Windows and lists, as the speed layer has them.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowSettings {
    /// A multiple of `slide`.
    pub size: Duration,
    /// A day is a multiple of it.
    pub slide: Duration,
    /// A multiple of `slide`.
    pub baseline: Duration,
    pub count_above: u32,
    /// The keys of terms that are never listed.
    pub mute: BTreeSet<String>,
    pub unusual_from: f64,
    pub terms_max: u32,
    pub unusual_max: u32,
    pub scope_terms_max: u32,
    pub scope_unusual_max: u32,
}

impl WindowSettings {
    /// The width of a pane; at least 1.
    pub(crate) fn slide_ms(&self) -> i64 {
        millis(self.slide).max(1)
    }

    pub(super) fn parameters(&self) -> Parameters {
        let comparison = self.comparison();
        let integers = [
            ("slide_ms", self.slide_ms()),
            ("size_ms", millis(self.size)),
            ("reach_ms", millis(self.size) - self.slide_ms()),
            ("baseline_ms", millis(self.baseline)),
            ("history_reach_ms", self.history_ms() - self.slide_ms()),
            ("size", comparison.size),
            ("growth", comparison.growth),
            ("growth_ms", comparison.growth * self.slide_ms()),
            ("newest_ms", comparison.newest * self.slide_ms()),
            ("life_ms", self.life_ms()),
            ("life_reach_ms", self.life_ms() - self.slide_ms()),
            ("past_windows_min", comparison.windows_min().max(1)),
            ("others", Comparison::OTHERS),
            ("sparse", Comparison::SPARSE),
            ("count_above", i64::from(self.count_above)),
            ("terms_max", i64::from(self.terms_max)),
            ("unusual_max", i64::from(self.unusual_max)),
            ("scope_terms_max", i64::from(self.scope_terms_max)),
            ("scope_unusual_max", i64::from(self.scope_unusual_max)),
        ];
        let integers = integers.map(|(name, number)| (name, Parameter::Integer(number)));
        let unusual_from = ("unusual_from", Parameter::Float(self.unusual_from));
        let mute = ("mute", Parameter::Texts(self.mute.iter().cloned().collect()));
        integers.into_iter().chain([unusual_from, mute]).collect()
    }

    fn comparison(&self) -> Comparison {
        Comparison::new(self.size, self.slide, self.baseline)
    }

    /// How far back a score looks: to the beginning of the oldest window of the past.
    fn history_ms(&self) -> i64 {
        millis(self.size) + millis(self.baseline)
    }

    /// How far back a trend is followed.
    fn life_ms(&self) -> i64 {
        self.comparison().life * self.slide_ms()
    }

    /// How long before a window ends those do whose scores play a part in its documents: a trend is told
    /// a window after it ended.
    fn judged_before_ms(&self) -> i64 {
        self.life_ms() + millis(self.size)
    }

    /// How long before the end of a window the facts are that play a part in its documents.
    pub(crate) fn lookback_ms(&self) -> i64 {
        self.judged_before_ms() + self.history_ms()
    }

    /// How far jobs look back, in milliseconds: those of sessions by themselves, all others as windows do.
    pub(super) fn lookback_of(&self, jobs: &[Job]) -> i64 {
        let of_job = |job: &Job| job.sessions_lookback_ms().unwrap_or_else(|| self.lookback_ms());
        jobs.iter().map(of_job).max().unwrap_or_else(|| self.lookback_ms())
    }

    /// The parameters that say which days a job computes.
    pub(super) fn put_days(&self, job: &Job, days: DayRange, parameters: &mut Parameters) {
        let days_span = Span::new(days.first.start().0, days.last.end().0);
        days_span.put_into(parameters);
        let lookback = Span::new(days_span.from_ms - self.lookback_ms(), days_span.to_ms);
        let judged_ms = days_span.from_ms - self.judged_before_ms();
        if let Some(sessions_ms) = job.sessions_lookback_ms() {
            let sessions =
                Span::new(days_span.from_ms.saturating_sub(sessions_ms), days_span.to_ms);
            parameters.insert("sessions_ms", Parameter::Integer(sessions.from_ms));
            parameters.insert("sessions_day", Parameter::Day(EventTime(sessions.from_ms).day()));
        }
        parameters.insert("judged_ms", Parameter::Integer(judged_ms));
        parameters.insert("lookback_ms", Parameter::Integer(lookback.from_ms));
        parameters.insert("lookback_day", Parameter::Day(EventTime(lookback.from_ms).day()));
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
