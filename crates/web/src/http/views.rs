//! Which views exist, and for which of their days the batch layer answers.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use pulso_model::{Field, FieldType, Scope, View};
use pulso_pipeline::Views;
use serde::Serialize;

use super::parameters::{self, Parameter};
use super::{API, Error, Shared, json};

#[derive(Debug, Serialize)]
struct ViewList {
    views: [ViewEntry; View::ALL.len()],
}

#[derive(Debug, Serialize)]
struct ViewEntry {
    name: &'static str,
    href: String,
    /// Which layer answers for the view; see [`Scope`].
    scope: &'static str,
    parameters: Vec<&'static str>,
    fields: Vec<FieldEntry>,
}

#[derive(Debug, Serialize)]
struct FieldEntry {
    name: &'static str,
    #[serde(rename = "type")]
    field_type: &'static str,
}

/// All views with their fields.
pub(super) async fn list<V: Views>(_: Shared<V>, uri: Uri) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let views = View::ALL.map(|view| ViewEntry {
        name: view.name(),
        href: format!("{API}/{view}"),
        scope: scope_name(view.scope()),
        parameters: Parameter::of(view).map(Parameter::name).collect(),
        fields: view.fields().iter().map(FieldEntry::of).collect(),
    });
    Ok(json(serde_json::to_string(&ViewList { views }).expect("the list is text")))
}

impl FieldEntry {
    fn of(field: &Field) -> Self {
        Self { name: field.name, field_type: type_name(field.field_type) }
    }
}

/// The days that the batch layer has completed, for each view that it answers by days.
pub(super) async fn layers<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let mut layers = BTreeMap::new();
    for view in by_days() {
        let days = app.ask(app.views.completed_days(view)).await?;
        layers.insert(view.name(), days.iter().map(ToString::to_string).collect::<Vec<_>>());
    }
    Ok(json(serde_json::to_string(&layers).expect("days are text")))
}

/// The views for which the batch layer answers one day at a time.
pub(super) fn by_days() -> impl Iterator<Item = View> {
    View::ALL.into_iter().filter(|view| matches!(view.scope(), Scope::Day | Scope::BatchDay))
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Day => "day",
        Scope::BatchDay => "batch-day",
        Scope::Now => "now",
        Scope::Journal => "journal",
    }
}

fn type_name(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Time => "time",
        FieldType::Day => "day",
        FieldType::Integer => "integer",
        FieldType::Float => "float",
        FieldType::Text => "text",
        FieldType::TextList => "text-list",
        FieldType::Location => "location",
    }
}
