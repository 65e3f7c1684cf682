//! Which views exist, and for which of their days the batch layer answers.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use pulso_model::{Field, FieldType, View, ViewKind};
use pulso_pipeline::Views;
use serde::Serialize;

use super::measures::Fields;
use super::parameters::{self, Parameter};
use super::{API, Error, Options, Shared, cache, json, kept};

#[derive(Debug, Serialize)]
struct ViewList {
    views: Vec<ViewEntry>,
}

#[derive(Debug, Serialize)]
struct ViewEntry {
    name: &'static str,
    title: &'static str,
    /// The stream whose facts it shows; left out for a journal of all streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'static str>,
    href: String,
    /// Which layer answers for the view; see [`ViewKind`].
    kind: &'static str,
    parameters: Vec<&'static str>,
    fields: Vec<FieldEntry>,
    /// Why no layer writes it, if that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

#[derive(Debug, Serialize)]
struct FieldEntry {
    name: &'static str,
    #[serde(rename = "type")]
    field_type: &'static str,
    /// What `series` and `top` can make of it, the usual first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    functions: Vec<&'static str>,
    /// Whether documents can be grouped by it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    group: bool,
    /// Whether documents can be filtered by it, or by an item of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    filter: bool,
    /// Whether it is a pseudonym, as it would say who people are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pseudonym: bool,
}

/// All views with their fields.
pub(super) async fn list<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let entry = |view: View| ViewEntry::of(view, &app.options);
    let views = app.options.views().into_iter().map(entry).collect();
    Ok(kept(cache::ASK, serde_json::to_string(&ViewList { views }).expect("the list is text")))
}

impl ViewEntry {
    fn of(view: View, options: &Options) -> Self {
        let told = Fields::of(view, options);
        Self {
            name: view.name(),
            title: view.title(),
            stream: view.stream(),
            href: format!("{API}/{view}"),
            kind: kind_name(view.kind()),
            parameters: Parameter::of(view).map(|parameter| parameter.name(view)).collect(),
            fields: view.fields().iter().filter_map(|field| FieldEntry::of(&told, field)).collect(),
            notice: options.unwritten(view),
        }
    }
}

impl FieldEntry {
    /// `None` for a field that is left out of documents, as it says who people are.
    fn of(fields: &Fields<'_>, field: &Field) -> Option<Self> {
        let (functions, hidden) = (fields.functions(field), &fields.hidden);
        Some(Self {
            name: field.name,
            field_type: type_name(hidden.shown_as(field)?),
            functions: functions.iter().map(|function| function.name()).collect(),
            group: fields.groups(field),
            filter: fields.filters(field),
            pseudonym: hidden.of(field.name).is_some(),
        })
    }
}

/// The days that the batch layer has completed, for each view that it answers by days.
pub(super) async fn layers<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let mut layers = BTreeMap::new();
    for view in by_days(&app.options) {
        let days = app.ask(app.views.completed_days(view)).await?;
        layers.insert(view.name(), days.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    Ok(json(serde_json::to_string(&layers).expect("days are text")))
}

/// The views for which the batch layer answers one day at a time.
pub(super) fn by_days(options: &Options) -> Vec<View> {
    let by_day = |view: &View| matches!(view.kind(), ViewKind::Day | ViewKind::BatchDay);
    options.views().into_iter().filter(by_day).collect()
}

fn kind_name(kind: ViewKind) -> &'static str {
    match kind {
        ViewKind::Day => "day",
        ViewKind::BatchDay => "batch-day",
        ViewKind::Now => "now",
        ViewKind::Journal => "journal",
    }
}

fn type_name(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Time => "time",
        FieldType::Day => "day",
        FieldType::Boolean => "boolean",
        FieldType::Integer => "integer",
        FieldType::Float => "float",
        FieldType::Text => "text",
        FieldType::TextList => "text-list",
        FieldType::Location => "location",
        FieldType::Histogram => "histogram",
    }
}
