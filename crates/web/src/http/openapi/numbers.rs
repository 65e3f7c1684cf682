//! The description of `series` and `top`.

use std::collections::BTreeSet;

use pulso_model::{FieldType, View};
use pulso_pipeline::Function;
use serde_json::{Value, json};

use super::{
    FILTERS, add_reach, kept_operation, list_schema, object, reference, repeatable, text_schema,
    type_schema,
};
use crate::http::Options;
use crate::http::measures::Fields;
use crate::http::numbers::{
    BUCKETS_MAX, GROUPS_MAX, GROUPS_USUAL, Kind, VALUES_MAX, WIDTH_SECONDS_MAX, WITH_MAX, filters,
    names_of,
};

const WHAT_FITS: &str = "`/api/v1/views` lists what each field of each view can be asked for: its \
                         `functions`, the usual first, and whether it is a `group` or a `filter`.";

pub(super) fn series_operation(options: &Options) -> Value {
    let summary = "Numbers of a view over time, by group";
    let mut described = kept_operation("showSeries", summary, series_schema());
    described["description"] = json!(format!(
        "One value per bucket for all documents and for each of the largest groups, added up by the \
         view store. Buckets are aligned to the epoch; there are at most {BUCKETS_MAX}, and at most \
         {VALUES_MAX} values of groups. {WHAT_FITS} \
         Documents that lack the field take no part. Windows of trends overlap, so of their counts the \
         largest is given, never a sum."
    ));
    described["parameters"] = parameters(Kind::Series, options);
    described
}

pub(super) fn top_operation(options: &Options) -> Value {
    let summary = "The largest groups of a view's documents";
    let mut described = kept_operation("showTop", summary, top_schema());
    described["description"] = json!(format!(
        "Added up by the view store; in order of their values, then of their names. {WHAT_FITS}"
    ));
    described["parameters"] = parameters(Kind::Top, options);
    described
}

fn parameters(kind: Kind, options: &Options) -> Value {
    let views: Vec<View> = options.views().into_iter().filter(|view| kind.takes(*view)).collect();
    let fields: Vec<_> = views.iter().map(|view| Fields::of(*view, options)).collect();
    let measured = fields.iter().flat_map(Fields::measured);
    let measured = names(measured.map(|field| field.name));
    let grouped = |fields: &Fields<'_>| {
        let view = fields.view;
        fields.grouping().flat_map(move |field| names_of(view, field)).collect::<Vec<_>>()
    };
    let groups = names(fields.iter().flat_map(grouped));
    let functions = [Function::Sum, Function::Max, Function::Min, Function::Mean];
    let one_of = |names: &[&str]| json!({ "type": "string", "enum": names });
    let described = |name: &str, schema: Value, text: &str| json!({ "name": name, "in": "query", "schema": schema, "description": text });
    let mut list = Vec::new();
    for name in kind.parameters() {
        list.push(match *name {
            "view" => {
                let names: Vec<_> = views.iter().map(|view| view.name()).collect();
                described(name, one_of(&names), "The view whose documents are added up.")
            }
            "field" => described(name, one_of(&measured), "The number of documents if left out."),
            "function" => described(
                name,
                one_of(&functions.map(Function::name)),
                "What to make of the field; the first of its `functions` if left out.",
            ),
            "by" => described(name, one_of(&groups), "The text field that makes groups."),
            "with" => {
                let fields = fields.iter().flat_map(Fields::extremes);
                let fields = names(fields.map(|extreme| extreme.field.name));
                json!({
                    "name": name, "in": "query", "style": "form", "explode": true,
                    "schema": {
                        "type": "array", "items": one_of(&fields), "uniqueItems": true,
                        "minItems": 1, "maxItems": WITH_MAX,
                    },
                    "description": "Fields that each group has beside its value: the largest of its texts \
                                    or numbers, of ranks the smallest. Only with `by`.",
                })
            }
            "interval" => described(
                name,
                json!({ "type": "string", "pattern": "^[1-9][0-9]{0,3}[smhd]?$" }),
                &format!(
                    "The width of buckets, such as `10s`, `5m`, `1h`, `1d`, or whole seconds; at most \
                     {} days. It fits the range if left out.",
                    WIDTH_SECONDS_MAX / 86_400
                ),
            ),
            "limit" => described(
                name,
                json!({
                    "type": "integer", "minimum": 1,
                    "maximum": GROUPS_MAX, "default": GROUPS_USUAL,
                }),
                "The most groups in the answer. Only with `by`.",
            ),
            shared => reference("parameters", shared),
        });
        let required = *name == "view" || *name == "by" && kind == Kind::Top;
        if required && let Some(last) = list.last_mut() {
            last["required"] = json!(true);
        }
    }
    let filters = fields.iter().flat_map(|fields| filters(kind, fields).map(|(name, _)| name));
    let text = format!(
        "{FILTERS}, in views that have the field. Where people have pseudonyms: with one of these pseudonyms."
    );
    list.extend(names(filters).into_iter().map(|name| repeatable(name, text_schema(), &text)));
    Value::Array(list)
}

fn names(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

fn about() -> Vec<(&'static str, Value)> {
    let text_or_null = || json!({ "type": ["string", "null"] });
    let time_or_null = || json!({ "type": ["string", "null"], "format": "date-time" });
    let functions = ["count", "sum", "max", "min", "mean"];
    vec![
        ("view", type_schema(FieldType::Text)),
        ("field", text_or_null()),
        ("function", json!({ "type": "string", "enum": functions })),
        ("by", text_or_null()),
        ("from", time_or_null()),
        ("to", time_or_null()),
        (
            "more",
            json!({ "type": "boolean", "description": "Whether there are more groups than listed." }),
        ),
        (
            "exact",
            json!({
                "type": "boolean",
                "description": "`false` if the store had too many groups to compare all of them.",
            }),
        ),
    ]
}

/// `null` where no document tells.
fn number() -> Value {
    json!({ "type": ["number", "null"] })
}

fn add_with(group: &mut Value) {
    group["properties"]["with"] = json!({
        "type": "object", "additionalProperties": { "type": ["string", "number", "null"] },
        "description": "By field, what `with` asked for.",
    });
}

fn series_schema() -> Value {
    let values = || {
        let each = list_schema(number());
        vec![("value", number()), ("values", each)]
    };
    let mut group = values();
    group.push(("name", type_schema(FieldType::Text)));
    let mut group = object(&group);
    add_with(&mut group);
    let mut properties = about();
    properties.extend([
        ("start", json!({ "type": ["string", "null"], "format": "date-time" })),
        ("interval_seconds", json!({ "type": "number", "exclusiveMinimum": 0 })),
        ("buckets", json!({ "type": "integer", "minimum": 0, "maximum": BUCKETS_MAX })),
        ("total", object(&values())),
        ("groups", list_schema(group)),
    ]);
    let mut schema = object(&properties);
    add_reach(&mut schema);
    schema
}

fn top_schema() -> Value {
    let mut group = object(&[("name", type_schema(FieldType::Text)), ("value", number())]);
    add_with(&mut group);
    let mut properties = about();
    properties.extend([("total", number()), ("groups", list_schema(group))]);
    let mut schema = object(&properties);
    add_reach(&mut schema);
    schema
}
