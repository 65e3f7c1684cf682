//! Which fields can be made into numbers, how, and by which fields documents can be grouped and filtered.
//!
//! A number must mean something. Windows of trends overlap, so their counts are never added up: of many
//! windows the largest count is asked for. Keys and ids are no quantities. Sums of floats depend on the
//! order of adding, so stores would give different ones.

use pulso_model::{Field, FieldType, Stream, View, ViewKind};
use pulso_pipeline::Extreme;
use pulso_pipeline::Function::{self, Max, Mean, Min, Sum};

use super::Options;
use super::parameters::{self, TEXT_CHARACTERS_MAX};
use crate::people::Hidden;

/// Texts of up to a megabyte, and numbers of up to 60 digits, which no store has an index of.
const LONG_TEXTS: [&str; 3] = ["payload", "payload_hex", "power_sums"];

/// The fields of a view, as far as answers may tell them.
pub(super) struct Fields<'a> {
    pub(super) view: View,
    pub(super) options: &'a Options,
    pub(super) hidden: Hidden,
}

impl<'a> Fields<'a> {
    pub(super) fn of(view: View, options: &'a Options) -> Self {
        Self { view, options, hidden: options.hidden(view) }
    }

    /// What can be made of a field's values over many documents, the usual first. Empty if nothing can.
    pub(super) fn functions(&self, field: &Field) -> &'static [Function] {
        let Self { view, options, ref hidden } = *self;
        if hidden.of(field.name).is_some() {
            return &[];
        }
        match field.field_type {
            FieldType::Integer | FieldType::Float if names_something(view, field, options) => &[],
            // The best rank is the smallest.
            FieldType::Integer if of_trends(view, options) && field.name.ends_with("rank") => {
                &[Min]
            }
            FieldType::Integer if adds_up(view, field, options) => &[Sum, Max, Min, Mean],
            FieldType::Integer | FieldType::Float if of_trends(view, options) => &[Max],
            FieldType::Integer | FieldType::Float => &[Max, Min],
            _ => &[],
        }
    }

    /// Those that can be made into numbers.
    pub(super) fn measured(&self) -> impl Iterator<Item = &'static Field> {
        self.view.fields().iter().filter(|field| !self.functions(field).is_empty())
    }

    /// What can be told of a group beside its value: texts, and numbers of which the largest or smallest means
    /// something.
    pub(super) fn extremes(&self) -> impl Iterator<Item = Extreme> {
        self.view.fields().iter().filter_map(|field| {
            let functions = self.functions(field);
            let number = functions.contains(&Max) || functions.contains(&Min);
            let told = number || self.groups(field);
            told.then_some(Extreme { field: *field, smallest: functions == [Min] })
        })
    }

    /// Those by which documents can be grouped.
    pub(super) fn grouping(&self) -> impl Iterator<Item = &'static Field> {
        self.view.fields().iter().filter(|field| self.groups(field))
    }

    pub(super) fn groups(&self, field: &Field) -> bool {
        field.field_type == FieldType::Text && self.filters(field)
    }

    /// Those by which documents can be filtered: of a list, by any of its texts.
    pub(super) fn filtering(&self) -> impl Iterator<Item = &'static Field> {
        self.view.fields().iter().filter(|field| self.filters(field))
    }

    pub(super) fn filters(&self, field: &Field) -> bool {
        let texts = matches!(field.field_type, FieldType::Text | FieldType::TextList);
        texts && self.hidden.shown_as(field).is_some() && !LONG_TEXTS.contains(&field.name)
    }

    /// The text that a request filters a field by, as documents have it. The error says what is allowed.
    pub(super) fn filter(&self, field: &Field, value: &str) -> Result<String, String> {
        if !(1..=TEXT_CHARACTERS_MAX).contains(&value.chars().count()) {
            return Err(format!("1 to {TEXT_CHARACTERS_MAX} characters"));
        }
        if self.hidden.of(field.name).is_some() {
            return Ok(self.options.organiser.people.text(value));
        }
        if self.view.scope_field() == Some(field.name) {
            return Ok(parameters::scope(self.view, value, self.options));
        }
        Ok(value.to_owned())
    }
}

/// Whether a number tells things apart: a part of the key, or such as `group.id` or `member_id`. What a
/// stream adds up is a quantity even if it is part of the identity of its facts.
fn names_something(view: View, field: &Field, options: &Options) -> bool {
    let is_sum = options.stream_of(view).is_some_and(|stream| stream.sums.contains(&field.name));
    // Measurements are told apart by what they measure, too.
    let in_key = view != View::HEALTH && view.key().iter().any(|key| key.name() == field.name);
    let last = field.name.rsplit(['.', '_']).next();
    !is_sum && (in_key || last == Some("id"))
}

/// Whether the documents of a view are about parts of a whole, which a sum puts together again.
fn adds_up(view: View, field: &Field, options: &Options) -> bool {
    if of_statistics(view, options) {
        return ["count", "sum"].contains(&field.name);
    }
    match view.kind() {
        ViewKind::Day => !of_trends(view, options),
        ViewKind::BatchDay | ViewKind::Now => true,
        // What became of messages since the document before; all else holds as of a moment.
        ViewKind::Journal => {
            let counts = ["received", "counted", "echoes", "late", "skipped", "dead_letters"];
            view == View::BATCH_RUNS && field.name == "rows"
                || view == View::HEALTH && counts.contains(&field.name)
        }
    }
}

/// Whether a view is about how numbers are distributed.
fn of_statistics(view: View, options: &Options) -> bool {
    let views = |stream: &Stream| {
        stream.statistics.iter().any(|one| view == one.view || view == one.days_view)
    };
    options.stream_of(view).is_some_and(views)
}

/// Whether a view is about trends: neither about single facts or sessions, nor about all facts of a pane.
fn of_trends(view: View, options: &Options) -> bool {
    let parts = |stream: &Stream| {
        let sessions = stream.sessions.iter().map(|session| session.view);
        sessions.chain([stream.facts_view.view, stream.activity_view]).any(|part| part == view)
    };
    view.kind() == ViewKind::Day
        && !of_statistics(view, options)
        && options.stream_of(view).is_some_and(|stream| !parts(stream))
}
