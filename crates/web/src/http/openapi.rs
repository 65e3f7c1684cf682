//! The description of the API (OpenAPI 3.1), generated from the same tables as its answers: the
//! views, their fields and keys, and the parameters. The page is not part of it.

#[cfg(test)]
mod answers;
mod live;
mod messages;
mod numbers;
mod organiser;
mod session;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod valid_requests;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use pulso_model::{Field, FieldType, KeyField, View, ViewKind};
use pulso_pipeline::{Cursor, Views};
use serde_json::{Map, Value, json};

use super::error::PROBLEM_JSON;
use super::measures::Fields;
use super::parameters::{self, FILTER_TEXTS_MAX, Parameter, TEXT_CHARACTERS_MAX};
use super::{API, Error, Options, Shared, cache, kept, views};

pub(super) async fn show<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    parameters::none(&uri)?;
    Ok(kept(cache::ASK, app.openapi.clone()))
}

/// The licence as an SPDX expression.
const LICENSE: &str = env!("CARGO_PKG_LICENSE");

/// What a filter does.
const FILTERS: &str = "Only documents with one of these texts, or with one of them in their list";

/// The whole document.
pub(super) fn document(options: &Options) -> Value {
    let views = options.views();
    let schemas = views.iter().map(|view| (view.name().to_owned(), view_schema(*view, options)));
    let mut schemas: Map<_, _> = schemas.collect();
    schemas.insert("Location".into(), location_schema());
    schemas.insert("Histogram".into(), histogram_schema());
    schemas.insert("Problem".into(), problem_schema());
    let problem =
        problem_of("What is wrong with the request, or why it cannot be answered (RFC 9457).");
    let parameters = views.iter().flat_map(|view| {
        let described = |parameter: Parameter| parameter_description(parameter, *view, options);
        Parameter::of(*view)
            .map(move |parameter| (parameter.name(*view).to_owned(), described(parameter)))
    });
    let parameters: Map<_, _> = parameters.collect();
    let mut paths = paths(options);
    session::guard_paths(&mut paths);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pulso",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The views of streams: what is trending, where, and all that was counted. \
                            Times are UTC, ISO 8601 with milliseconds.",
            "license": { "name": LICENSE, "identifier": LICENSE },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas, "parameters": parameters,
            "responses": {
                "Problem": problem, "TooMany": session::too_many(), "TooLong": too_long(),
            },
            "securitySchemes": session::schemes(),
        },
    });
    if options.guard.asks() {
        document["security"] = session::needed();
    }
    document
}

fn paths(options: &Options) -> Map<String, Value> {
    let mut paths: Map<_, _> = options
        .views()
        .into_iter()
        .map(|view| (format!("{API}/{view}"), json!({ "get": list_operation(view, options) })))
        .collect();
    paths.insert(format!("{API}/series"), json!({ "get": numbers::series_operation(options) }));
    paths.insert(format!("{API}/top"), json!({ "get": numbers::top_operation(options) }));
    paths.extend(organiser::paths());
    paths.extend(messages::paths(options));
    let path = format!("{API}/streams/{{stream}}/live");
    paths.insert(path, json!({ "get": live::operation(options) }));
    let json = "application/json";
    paths.insert(format!("{API}/session"), session::operations());
    let mut add = |path: &str, id, summary, media_type, schema| {
        paths.insert(path.into(), json!({ "get": operation(id, summary, media_type, schema) }));
    };
    let summary =
        "The streams that are shown, and the words, kinds, scope, facets and views of each";
    add(&format!("{API}/streams"), "listStreams", summary, json, streams_schema());
    add(&format!("{API}/views"), "listViews", "All views with their fields", json, views_schema());
    let summary = "The UTC days that the batch layer has completed, by view; it answers for them";
    add(&format!("{API}/layers"), "listCompletedDays", summary, json, layers_schema(options));
    let summary = "How far each stream is processed, and how it is cut into windows";
    add(&format!("{API}/status"), "showStatus", summary, json, status_schema());
    let any_object = json!({ "type": "object" });
    let summary = "This description";
    add(&format!("{API}/openapi.json"), "describeApi", summary, json, any_object);
    let probe = object(&[("status", json!({ "type": "string" }))]);
    add("/healthz", "checkAlive", "Whether the process is alive", json, probe.clone());
    add("/readyz", "checkReady", "Whether requests can be answered", json, probe);
    let text = json!({ "type": "string" });
    add("/metrics", "showMetrics", "Metrics in the Prometheus text format", "text/plain", text);
    for list in ["streams", "views", "openapi.json"] {
        may_be_kept(&mut paths[&format!("{API}/{list}")]["get"]);
    }
    paths
}

fn operation(id: &str, summary: &str, media_type: &str, schema: Value) -> Value {
    let answer = json!({ "description": "OK", "content": { media_type: { "schema": schema } } });
    json!({
        "operationId": id,
        "summary": summary,
        "responses": {
            "200": answer,
            "414": reference("responses", "TooLong"),
            "default": reference("responses", "Problem"),
        },
    })
}

/// What is said before the API sees a request.
fn too_long() -> Value {
    json!({ "description": "The address is longer than 64 KiB. The answer has no body." })
}

fn problem_of(description: &str) -> Value {
    let content = json!({ PROBLEM_JSON: { "schema": reference("schemas", "Problem") } });
    json!({ "description": description, "content": content })
}

fn may_be_kept(operation: &mut Value) {
    operation["responses"]["304"] =
        json!({ "description": "The client has the same answer already (`If-None-Match`)." });
}

/// An operation whose answer a client may keep.
fn kept_operation(id: &str, summary: &str, schema: Value) -> Value {
    let mut operation = operation(id, summary, "application/json", schema);
    may_be_kept(&mut operation);
    operation
}

fn list_operation(view: View, options: &Options) -> Value {
    let mut page = object(&[
        ("view", json!({ "const": view.name() })),
        ("documents", json!({ "type": "array", "items": reference("schemas", view.name()) })),
        (
            "next_cursor",
            json!({ "type": ["string", "null"], "description": "`null` on the last page." }),
        ),
    ]);
    add_reach(&mut page);
    // Only an empty page has one.
    page["properties"]["notice"] =
        json!({ "type": "string", "description": "Why no layer writes the view, if that is so." });
    let summary = format!("Documents of `{view}`, newest first");
    let mut operation = kept_operation(&format!("list-{view}"), &summary, page);
    let answered = match view.kind() {
        ViewKind::Day => {
            "each UTC day is answered by the batch layer once it has completed it, and \
                       by the speed layer until then"
        }
        ViewKind::BatchDay => "written by the batch layer, a UTC day at a time",
        ViewKind::Now => "written by the batch layer as a whole, as of now",
        ViewKind::Journal => "a journal: documents are added and never replaced",
    };
    let key: Vec<_> = view.key().iter().map(|key| format!("`{}`", key_text(*key))).collect();
    let mut description = format!("One document per {}; {answered}.", key.join(", "));
    if let Some(notice) = options.unwritten(view) {
        description.push_str(&format!(" No layer writes it now: {notice}."));
    }
    operation["description"] = json!(description);
    let own = Parameter::of(view).map(|parameter| reference("parameters", parameter.name(view)));
    let fields = Fields::of(view, options);
    let by_text = parameters::filters(&fields)
        .map(|field| repeatable(field.name, text_schema(), &format!("{FILTERS}.")));
    operation["parameters"] = own.chain(by_text).collect();
    operation
}

/// A parameter that filters, and that a request may give several times.
fn repeatable(name: &str, each: Value, description: &str) -> Value {
    let schema = json!({
        "type": "array", "items": each, "minItems": 1, "maxItems": FILTER_TEXTS_MAX,
    });
    json!({
        "name": name, "in": "query", "style": "form", "explode": true, "schema": schema,
        "description": description,
    })
}

fn text_schema() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS_MAX })
}

/// How far the layers reach, which every answer about a view says.
fn add_reach(answer: &mut Value) {
    let described = |text: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": text });
    let fields = [
        (
            "as_of",
            described(
                "Panes and windows that end at or before this time are in the view. `null` before the \
                 first, and for views that the speed layer does not make from windows.",
            ),
        ),
        (
            "batch_until",
            described(
                "The end of the last day that the batch layer has completed. `null` if there is none, \
                 and for views without days.",
            ),
        ),
    ];
    for (name, schema) in fields {
        answer["properties"][name] = schema;
        require(answer, name, true);
    }
}

fn key_text(key: KeyField) -> String {
    match key {
        KeyField::Value(name) => name.to_owned(),
        KeyField::Second(name) => format!("{name} to the nearest second"),
    }
}

fn parameter_description(parameter: Parameter, view: View, options: &Options) -> Value {
    let Options { page_limit_default, page_limit_max, .. } = options;
    let (schema, description) = match parameter {
        Parameter::From => (
            time_or_day(),
            "Documents with this `@timestamp` or later: an RFC 3339 time or a UTC day.",
        ),
        Parameter::To => (
            time_or_day(),
            "Documents before this `@timestamp`: an RFC 3339 time or a UTC day. There are none \
             unless it is after `from`.",
        ),
        Parameter::Scope => {
            let mut scope = text_schema();
            // More than white space; NEL is such here, but not in the expressions of JavaScript.
            scope["pattern"] = json!(r"[^\s\u0085]");
            let text =
                "Documents of one of these scopes; countries and languages in upper or lower case.";
            return repeatable(parameter.name(view), scope, text);
        }
        Parameter::Layer => (
            json!({ "type": "string", "enum": ["current", "speed", "batch"], "default": "current" }),
            "`current`: of each day the layer that answers for it.",
        ),
        Parameter::Limit => (
            json!({
                "type": "integer", "minimum": 1,
                "maximum": page_limit_max, "default": page_limit_default,
            }),
            "The most documents in the answer; there may be fewer before the last page if they are large.",
        ),
        Parameter::Cursor => (
            json!({ "type": "string", "pattern": Cursor::PATTERN }),
            "The `next_cursor` of an earlier answer to the same request.",
        ),
        Parameter::Window => (
            json!({ "type": "string", "enum": ["latest"] }),
            "`latest`: only the newest window, in rank order. Windows overlap, so their counts \
             must not be added up.",
        ),
    };
    json!({ "name": parameter.name(view), "in": "query", "schema": schema, "description": description })
}

fn time_or_day() -> Value {
    let text = |format: &str, shortest: &str| json!({ "type": "string", "format": format, "minLength": shortest.len() });
    json!({ "anyOf": [text("date-time", "2017-03-19T12:00:00Z"), text("date", "2017-03-19")] })
}

/// The fields of a view, nested at the dots. Those of the key are always present; others are absent
/// if the source did not send them, or if they say who people are and that is not shown.
fn view_schema(view: View, options: &Options) -> Value {
    let hidden = options.hidden(view);
    let mut schema = object(&[
        ("_id", json!({ "type": "string" })),
        ("layer", json!({ "type": "string", "enum": ["speed", "batch"] })),
    ]);
    for field in view.fields() {
        let always =
            field.name == "@timestamp" || view.key().iter().any(|key| key.name() == field.name);
        if let Some(field_type) = hidden.shown_as(field) {
            add_field(&mut schema, Field { field_type, ..*field }, always);
            if hidden.of(field.name).is_some() {
                describe_pseudonym(&mut schema, field.name);
            }
        }
    }
    schema
}

fn describe_pseudonym(schema: &mut Value, name: &str) {
    let at = name.split('.').fold(schema, |at, name| &mut at["properties"][name]);
    at["description"] = json!("A pseudonym, which changes when the server starts.");
}

fn add_field(schema: &mut Value, field: Field, always: bool) {
    let (parents, leaf) = match field.name.rsplit_once('.') {
        Some((parents, leaf)) => (parents.split('.').collect(), leaf),
        None => (Vec::new(), field.name),
    };
    let mut parent = schema;
    for name in parents {
        if parent["properties"][name].is_null() {
            parent["properties"][name] = object(&[]);
        }
        require(parent, name, always);
        parent = &mut parent["properties"][name];
    }
    parent["properties"][leaf] = type_schema(field.field_type);
    require(parent, leaf, always);
}

fn require(schema: &mut Value, name: &str, always: bool) {
    let required = schema["required"].as_array_mut().expect("`object` makes an array");
    if always && !required.iter().any(|other| other == name) {
        required.push(json!(name));
    }
}

fn type_schema(field_type: FieldType) -> Value {
    match field_type {
        FieldType::Time => json!({ "type": "string", "format": "date-time" }),
        FieldType::Day => json!({ "type": "string", "format": "date" }),
        FieldType::Boolean => json!({ "type": "boolean" }),
        FieldType::Integer => json!({ "type": "integer", "format": "int64" }),
        FieldType::Float => json!({ "type": "number", "format": "double" }),
        FieldType::Text => json!({ "type": "string" }),
        FieldType::TextList => json!({ "type": "array", "items": { "type": "string" } }),
        FieldType::Location => reference("schemas", "Location"),
        FieldType::Histogram => reference("schemas", "Histogram"),
    }
}

fn histogram_schema() -> Value {
    let list = |item: Value| json!({ "type": "array", "items": item });
    object(&[
        ("values", list(json!({ "type": "number", "format": "double" }))),
        ("counts", list(json!({ "type": "integer", "format": "int64", "minimum": 1 }))),
    ])
}

fn location_schema() -> Value {
    let degrees = |limit: i32| json!({ "type": "number", "minimum": -limit, "maximum": limit });
    object(&[("lat", degrees(90)), ("lon", degrees(180))])
}

fn problem_schema() -> Value {
    let text = || json!({ "type": "string" });
    let uri = || json!({ "type": "string", "format": "uri-reference" });
    let status = json!({ "type": "integer", "minimum": 400, "maximum": 599 });
    object(&[
        ("type", uri()),
        ("title", text()),
        ("status", status),
        ("detail", text()),
        ("instance", uri()),
    ])
}

fn views_schema() -> Value {
    let text = || json!({ "type": "string" });
    let mut field = object(&[("name", text()), ("type", text())]);
    // What `series` and `top` can make of it.
    field["properties"]["functions"] = list_schema(text());
    for name in ["group", "filter", "pseudonym"] {
        field["properties"][name] = type_schema(FieldType::Boolean);
    }
    let mut view = object(&[
        ("name", text()),
        ("title", text()),
        ("href", text()),
        ("kind", text()),
        ("parameters", list_schema(text())),
        ("fields", list_schema(field)),
    ]);
    // A journal is of no stream, and most views are written.
    view["properties"]["stream"] = text();
    view["properties"]["notice"] = text();
    object(&[("views", list_schema(view))])
}

fn layers_schema(options: &Options) -> Value {
    let days = json!({ "type": "array", "items": type_schema(FieldType::Day) });
    let by_days = views::by_days(options).into_iter();
    let by_view: Vec<_> = by_days.map(|view| (view.name(), days.clone())).collect();
    object(&by_view)
}

fn status_schema() -> Value {
    let seconds = || json!({ "type": "number" });
    let or_null = |schema_type: &str| json!({ "type": [schema_type, "null"] });
    let window = object(&[
        ("size_seconds", seconds()),
        ("slide_seconds", seconds()),
        ("max_out_of_orderness_seconds", seconds()),
        ("count_above", type_schema(FieldType::Integer)),
    ]);
    let stream = object(&[
        ("name", type_schema(FieldType::Text)),
        ("closed_until", json!({ "type": ["string", "null"], "format": "date-time" })),
        ("lag", or_null("integer")),
        ("window", window),
    ]);
    object(&[
        ("not_ready", or_null("string")),
        ("page_limit_max", type_schema(FieldType::Integer)),
        ("streams", list_schema(stream)),
    ])
}

fn streams_schema() -> Value {
    let text = || type_schema(FieldType::Text);
    let one_of = |names: &[&str]| json!({ "type": "string", "enum": names });
    let or_null = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let words = || object(&[("one", text()), ("many", text())]);
    let scope = object(&[("name", text()), ("values", one_of(&["country", "language", "text"]))]);
    let facet = object(&[
        ("term", words()),
        ("counts", one_of(&["facts", "actors"])),
        ("view", text()),
        ("by_scope_view", or_null(text())),
    ]);
    let statistic = object(&[
        ("field", text()),
        ("by", or_null(text())),
        ("view", text()),
        ("days_view", text()),
    ]);
    let of_session = object(&[("term", words()), ("first", text()), ("last", text())]);
    let session = object(&[
        ("view", text()),
        ("by", list_schema(text())),
        ("gap_seconds", type_schema(FieldType::Float)),
        ("facets", list_schema(of_session)),
        ("columns", list_schema(text())),
    ]);
    let boolean = || type_schema(FieldType::Boolean);
    let stream = object(&[
        ("name", text()),
        ("title", text()),
        ("about", text()),
        ("fact", words()),
        ("kind", object(&[("name", text()), ("values", list_schema(text()))])),
        ("scope", or_null(scope)),
        ("sums", list_schema(text())),
        ("place", boolean()),
        ("facets", list_schema(facet)),
        ("statistics", list_schema(statistic)),
        ("sessions", list_schema(session)),
        ("activity_view", text()),
        ("trends_view", or_null(text())),
        ("trends_by_scope_view", or_null(text())),
        ("facts_view", object(&[("name", text()), ("shown", boolean())])),
        ("organiser", boolean()),
    ]);
    object(&[("streams", list_schema(stream))])
}

fn list_schema(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An object with these properties, all of them required.
fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<_> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<_, _> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}
