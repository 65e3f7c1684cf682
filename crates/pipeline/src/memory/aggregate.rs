//! Numbers from documents in memory.

use std::collections::BTreeMap;

use pulso_model::ViewDocument;
use serde_json::Value;

use crate::aggregation::{FieldValue, GroupTally, LineTally, Tally, sort_groups};
use crate::{Aggregate, Aggregation, Filter, Measure};

/// Aggregates documents of the right view and layers.
pub(super) fn aggregate<'a>(
    documents: impl Iterator<Item = &'a ViewDocument>,
    question: &Aggregation,
) -> Aggregate {
    let mut total = LineTally::default();
    let mut groups: BTreeMap<String, GroupTally> = BTreeMap::new();
    for document in documents {
        let body: Value = serde_json::from_str(&document.body).unwrap_or_default();
        let Some(value) = counted(document, &body, question) else { continue };
        let bucket = question.interval.map(|interval| interval.start_of(document.time));
        total.add(bucket, Tally::of(value));
        if let Some(name) = question.by.and_then(|by| field(&body, by).as_str()) {
            let extremes = question.extremes.iter().map(|one| found(field(&body, one.field.name)));
            let (tally, group) = (Tally::of(value), groups.entry(name.to_owned()).or_default());
            group.add(bucket, tally, &question.extremes, extremes.collect());
        }
    }
    let groups = groups.into_iter().map(|(name, group)| group.finish(name, question.measure));
    let mut groups: Vec<_> = groups.collect();
    sort_groups(&mut groups, question.measure);
    let more = groups.len() > question.groups_max;
    groups.truncate(question.groups_max);
    Aggregate { total: total.finish(question.measure), groups, more, exact: true }
}

/// The value of a document that takes part.
fn counted(document: &ViewDocument, body: &Value, question: &Aggregation) -> Option<f64> {
    let Aggregation { from, to, filters, measure, .. } = question;
    let in_range =
        from.is_none_or(|from| document.time >= from) && to.is_none_or(|to| document.time < to);
    if !in_range || !passes(body, filters) {
        return None;
    }
    match measure {
        Measure::Documents => Some(1.0),
        Measure::Field { name, .. } => field(body, name).as_f64(),
    }
}

/// Whether a document has one of the texts of each filter.
pub(super) fn passes(body: &Value, filters: &[Filter]) -> bool {
    filters.iter().all(|Filter { field: name, texts }| {
        let own = field(body, name);
        let items = own.as_array().map_or(std::slice::from_ref(own), Vec::as_slice);
        items.iter().any(|item| texts.iter().any(|text| item == text))
    })
}

fn found(value: &Value) -> Option<FieldValue> {
    let text = || value.as_str().map(|text| FieldValue::Text(text.to_owned()));
    value.as_f64().map(FieldValue::Number).or_else(text)
}

/// A (dotted) field.
fn field<'a>(body: &'a Value, name: &str) -> &'a Value {
    name.split('.').fold(body, |value, name| &value[name])
}
