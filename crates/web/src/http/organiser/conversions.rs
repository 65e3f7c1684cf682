//! Whether it worked: conversions, by reason and over time.

use pulso_model::EventTime;
use pulso_organiser::{Choice, chart, rates};
use serde::Serialize;

use super::answers::{Answers, text};

/// The most bars of the chart, but for one.
const BARS_MAX: i64 = 60;

/// Widths of bars that people can read, in seconds.
const WIDTHS: [i64; 12] =
    [10, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 7 * 86_400];

/// Reasons that are told.
const REASONS_MAX: usize = 40;

/// The newest conversions that are told.
const NEWEST_MAX: usize = 20;

#[derive(Debug, Default, Serialize)]
pub(super) struct Conversions {
    contacts: usize,
    conversions: usize,
    reasons: Vec<ReasonEntry>,
    chart: Chart,
    newest: Vec<ConversionEntry>,
}

#[derive(Debug, Serialize)]
struct ReasonEntry {
    reason: String,
    contacts: usize,
    conversions: usize,
}

/// Who decided to come, by when.
#[derive(Debug, Default, Serialize)]
struct Chart {
    start: Option<String>,
    interval_seconds: i64,
    others: Vec<usize>,
    converted: Vec<usize>,
}

#[derive(Debug, Serialize)]
struct ConversionEntry {
    time: String,
    person: String,
    name: String,
    event: String,
    event_name: Option<String>,
    contacted: String,
    reasons: Vec<String>,
}

impl Conversions {
    pub(super) fn of(answers: Answers<'_>, choice: &Choice) -> Self {
        let Answers { desk, organiser } = answers;
        let looked = desk.look(choice, organiser.settings.change);
        let rates = rates(&looked.contacts, &looked.conversions).into_iter();
        let mut reasons: Vec<_> = rates
            .map(|(reason, rate)| ReasonEntry {
                reason,
                contacts: rate.contacts,
                conversions: rate.conversions,
            })
            .collect();
        reasons.sort_by(|a, b| b.contacts.cmp(&a.contacts).then_with(|| a.reason.cmp(&b.reason)));
        reasons.truncate(REASONS_MAX);
        let newest = looked.conversions.iter().rev().take(NEWEST_MAX).map(|one| {
            let contact = &looked.contacts[one.contact];
            let name = desk.history.member(one.member).and_then(|member| member.name());
            ConversionEntry {
                time: one.time.to_string(),
                person: organiser.handle(one.member),
                name: organiser.shown_name(one.member, name),
                event: one.event.clone(),
                event_name: desk.history.event(&one.event).and_then(|event| event.name.clone()),
                contacted: contact.time.to_string(),
                reasons: contact.reasons.clone(),
            }
        });
        let newest = newest.collect();
        Self {
            contacts: looked.contacts.len(),
            conversions: looked.conversions.len(),
            reasons,
            newest,
            chart: Chart::of(answers, choice),
        }
    }
}

impl Chart {
    fn of(Answers { desk, organiser }: Answers<'_>, choice: &Choice) -> Self {
        let conversions = desk.look(choice, organiser.settings.change).conversions;
        let change = i64::try_from(organiser.settings.change.as_millis()).unwrap_or(i64::MAX);
        let end = desk.now();
        let Some(first) = desk.nearly_first_yes(choice) else { return Self::default() };
        let from = first.0.max(end.0.saturating_sub(change));
        let span = end.0.saturating_sub(from) / 1_000;
        let fits = |width: &&i64| span / **width < BARS_MAX;
        let width = WIDTHS.iter().find(fits).copied().unwrap_or(WIDTHS[WIDTHS.len() - 1]);
        let step = width * 1_000;
        let start = EventTime(from - from.rem_euclid(step));
        let count = (end.0 - start.0) / step + 1;
        let count = usize::try_from(count.clamp(0, BARS_MAX + 1)).unwrap_or_default();
        let bars = chart(&desk.history, choice, &conversions, start, step, count);
        Self {
            start: text(Some(start)),
            interval_seconds: width,
            others: bars.iter().map(|bar| bar.others).collect(),
            converted: bars.iter().map(|bar| bar.converted).collect(),
        }
    }
}
