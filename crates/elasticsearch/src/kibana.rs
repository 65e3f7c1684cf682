//! What Kibana shows of a stream, made from its descriptor: a data view for each of its views, and one
//! dashboard.
//!
//! The objects use what Kibana 8.12 to 9 all have, as an import expects them. No panel adds up counts of
//! overlapping windows: it shows the newest window or, over time, the largest count.

mod chart;
mod dashboard;
mod map;
mod server;

pub use server::Kibana;

use pulso_model::{Field, FieldType, Stream, View};
use serde_json::{Map, Value, json};

use crate::names::Names;
use dashboard::{Dashboard, Panel};

/// The version in which objects are written; Kibana migrates them to its own.
const CORE_VERSION: &str = "8.8.0";

/// How many kinds a chart over time shows; a stream has no more.
const KINDS: u32 = 16;

/// How many scopes a chart over time shows; the rest is one colour.
const SCOPES: u32 = 10;

const FIGURE_HEIGHT: u32 = 5;

/// The objects of a stream, in the order of an export: by type, then id. All ids begin with the prefix.
pub fn kibana_objects(prefix: &str, stream: &Stream) -> Vec<Value> {
    let mut objects: Vec<Value> =
        stream.views().into_iter().map(|view| data_view(prefix, view)).collect();
    objects.push(tag(prefix));
    let dashboard = Dashboard::new(prefix, stream);
    objects.extend(dashboard.into_objects(panels(prefix, stream)));
    let key = |object: &Value| {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        (text("type"), text("id"))
    };
    objects.sort_by_key(key);
    objects
}

/// The panels from top to bottom; a row is 48 columns wide.
fn panels(prefix: &str, stream: &Stream) -> Vec<Panel> {
    let names = Names::new(prefix);
    let activity = names.answers(stream.activity_view);
    let facts = Measure { field: stream.fact.many, label: capitalised(stream.fact.many) };
    let sums = stream.sums.iter().map(|name| Measure { field: name, label: label(name) });
    let figures: Vec<_> = [facts.clone()].into_iter().chain(sums).collect();
    // Beside the text while that has room: a wide figure is cut off below.
    let count = u32::try_from(figures.len()).unwrap_or(1);
    let (text, figure) = if count <= 2 { (48 - 12 * count, 12) } else { (48, 48 / count) };
    let mut panels = vec![Panel::text(text, FIGURE_HEIGHT, &about(stream))];
    for measure in &figures {
        panels.push(chart::figure(&activity, measure).panel(figure, FIGURE_HEIGHT).untitled());
    }
    let kind = Bucket { field: stream.kind.name, label: label(stream.kind.name) };
    let scope = stream.scope.map(|scope| Bucket { field: scope.name, label: label(scope.name) });
    let half = if scope.is_some() { 24 } else { 48 };
    panels.push(chart::stacked(&activity, &facts, &kind, KINDS).panel(half, 14));
    if let Some(scope) = &scope {
        panels.push(chart::stacked(&activity, &facts, scope, SCOPES).panel(24, 14));
        let width = if stream.place { 16 } else { 48 };
        panels.push(chart::bars(&activity, &facts, scope).panel(width, 17));
    }
    if stream.place {
        let width = if scope.is_some() { 32 } else { 48 };
        panels.push(map::of_places(&activity, &facts).panel(width, 17));
    }
    for facet in &stream.facets {
        let trends = names.answers(facet.view);
        let by_scope = facet.by_scope_view.map(|view| names.answers(view)).zip(scope.as_ref());
        panels.push(chart::now(&trends, facet).panel(24, 14));
        panels.push(chart::unusual_now(&trends, facet).panel(24, 14));
        let width = if by_scope.is_some() { 28 } else { 48 };
        panels.push(chart::over_time(&trends, facet).panel(width, 17));
        if let Some((view, scope)) = by_scope {
            panels.push(chart::now_by_scope(&view, facet, scope).panel(20, 17));
        }
    }
    if let Some(view) = stream.trends_view {
        panels.push(chart::ended(&names.answers(view), &stream.facets).panel(48, 14));
    }
    panels
}

/// A number of a document that panels add up.
#[derive(Clone, Debug)]
struct Measure {
    field: &'static str,
    label: String,
}

/// What panels group documents by.
#[derive(Clone, Debug)]
struct Bucket {
    field: &'static str,
    label: String,
}

/// What the numbers mean, for people who see them for the first time.
fn about(stream: &Stream) -> String {
    let one = stream.fact.one;
    let mut text = format!("{} Each {one} counts once, echoes left out.", stream.about);
    if !stream.facets.is_empty() {
        text += " **Now** is the newest window of the time range; **score** says how unusual a number is \
                 for its term, against the hour before; there is none while Pulso is warming up.";
    }
    if stream.counts_actors() {
        text += " **Actors** counts each of them once, however often they repeat themselves.";
    }
    text.trim_start().to_owned()
}

fn tag(prefix: &str) -> Value {
    let attributes = json!({
        "color": "#209280", "description": "What Pulso computes", "name": capitalised(prefix)
    });
    object("tag", "8.0.0", prefix, &attributes, &[])
}

/// A data view is the alias of a view, so that a day is never counted once for each layer.
fn data_view(prefix: &str, view: View) -> Value {
    let id = Names::new(prefix).answers(view);
    let mut labels = Map::new();
    let mut formats = Map::new();
    let mut name_field = |name: &str, field_type: FieldType| {
        labels.insert(name.to_owned(), json!({ "customLabel": label(name) }));
        if matches!(field_type, FieldType::Time) {
            let format = json!({ "id": "date", "params": { "pattern": "YYYY-MM-DD HH:mm" } });
            formats.insert(name.to_owned(), format);
        }
    };
    name_field("layer", FieldType::Text);
    for Field { name, field_type } in view.fields() {
        name_field(name, *field_type);
        if *name == "window_start" {
            name_field("window_start.text", FieldType::Text);
        }
    }
    let attributes = json!({
        "allowHidden": false,
        "fieldAttrs": Value::Object(labels).to_string(),
        "fieldFormatMap": Value::Object(formats).to_string(),
        "fields": "[]",
        "name": format!("{} {}", capitalised(prefix), view.name().replace('-', " ")),
        "runtimeFieldMap": "{}",
        "sourceFilters": json!([{ "value": "pulso.*" }]).to_string(),
        "timeFieldName": "@timestamp",
        "title": id,
        "typeMeta": "{}"
    });
    object("index-pattern", "8.0.0", &id, &attributes, &[])
}

/// A saved object; `references` are its names for others, with their types and ids.
fn object(
    kind: &str,
    version: &str,
    id: &str,
    attributes: &Value,
    references: &[(String, &str, String)],
) -> Value {
    let mut references: Vec<_> = references.to_vec();
    references.sort();
    let references: Vec<_> = references
        .iter()
        .map(|(name, kind, id)| json!({ "name": name, "type": kind, "id": id }))
        .collect();
    json!({
        "type": kind, "id": id, "typeMigrationVersion": version,
        "coreMigrationVersion": CORE_VERSION, "attributes": attributes, "references": references
    })
}

/// The name of a field for people.
fn label(field: &str) -> String {
    match field {
        "@timestamp" => "Time".to_owned(),
        "window_start.text" => "Window from (UTC)".to_owned(),
        field => capitalised(&field.replace(['_', '.'], " ")),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests;
