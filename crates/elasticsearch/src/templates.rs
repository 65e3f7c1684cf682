//! Mappings and index templates, generated from the table of views.
//!
//! Indices are created with their complete mapping, so that no document is ever written without
//! one, even right after somebody has emptied the cluster. The templates contain the same mappings
//! for people, and for indices that people create by hand.

use pulso_model::{Field, FieldType, View, ViewKind};
use serde_json::{Map, Value, json};

use crate::names::Names;

/// Incremented when a mapping changes; indices of an older version are refused. A declared stream may
/// add fields without that: they are added to the indices that there are.
pub const TEMPLATE_VERSION: u32 = 3;

/// Higher than the priority of the server's own templates, which have broad patterns.
const PRIORITY: u32 = 500;

/// The longest text that is indexed, in characters: Lucene takes terms of 32,766 bytes, and a
/// character may have four. Longer texts are kept and shown, but a search does not find them.
const IGNORE_ABOVE: u32 = 8_191;

/// The layout of an index; the same for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shards: u32,
    pub(crate) replicas: u32,
}

impl Layout {
    /// Index settings. Indices are hidden, because a pattern such as `pulso-*` would otherwise
    /// count a day once for each layer and attempt; aliases are found all the same. A refresh
    /// interval keeps a shard from falling asleep, which would delay what it shows after a quiet
    /// time.
    pub(crate) fn settings(self) -> Value {
        json!({
            "index": {
                "number_of_shards": self.shards,
                "number_of_replicas": self.replicas,
                "refresh_interval": "1s",
                "hidden": true
            }
        })
    }
}

/// The templates of some views with their names, for a prefix.
pub fn templates(prefix: &str, shards: u32, replicas: u32, views: &[View]) -> Vec<(String, Value)> {
    let names = Names::new(prefix);
    let layout = Layout { shards, replicas };
    let template = |view: &View| {
        let mappings = mappings(*view, views);
        (names.answers(*view), template(&names, layout, *view, &mappings))
    };
    views.iter().map(template).collect()
}

fn template(names: &Names, layout: Layout, view: View, mappings: &Value) -> Value {
    json!({
        "index_patterns": names.patterns(view),
        "priority": PRIORITY,
        "version": TEMPLATE_VERSION,
        "_meta": meta(),
        "template": { "settings": layout.settings(), "mappings": mappings }
    })
}

fn meta() -> Value {
    json!({ "made_by": "pulso", "version": TEMPLATE_VERSION })
}

/// Exactly the fields of a view, which is one of `views`: the server refuses a field that the mapping does
/// not know.
pub(crate) fn mappings(view: View, views: &[View]) -> Value {
    let mut properties = Map::new();
    if view.kind() != ViewKind::Journal {
        properties.insert("layer".to_owned(), json!({ "type": "keyword" }));
    }
    properties.insert("pulso".to_owned(), own_fields());
    for field in view.fields() {
        insert(&mut properties, field.name, field_mapping(field));
    }
    // The names that other views use for the same fact, so that a filter set on one dashboard also
    // works on the next.
    for (name, path) in view.aliases().iter().copied().chain(scopes(view, views)) {
        let alias = || json!({ "type": "alias", "path": path });
        properties.entry(name).or_insert_with(alias);
    }
    json!({ "dynamic": "strict", "_meta": meta(), "properties": properties })
}

/// What the streams call their scopes, for a journal of all streams that has a scope.
fn scopes(journal: View, views: &[View]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let field = journal.scope_field().filter(|_| journal.kind() == ViewKind::Journal);
    let of_streams = views.iter().filter(|view| view.kind() != ViewKind::Journal);
    field.into_iter().flat_map(move |field| {
        of_streams.clone().filter_map(move |view| Some((view.scope_name()?, field)))
    })
}

/// The fields by which the store sorts and filters. They answer no question that people have.
fn own_fields() -> Value {
    json!({
        "properties": {
            "id": { "type": "keyword", "index": false },
            "position": { "type": "long", "index": false },
            "scope": { "type": "keyword", "doc_values": false, "ignore_above": IGNORE_ABOVE }
        }
    })
}

fn insert(properties: &mut Map<String, Value>, name: &str, mapping: Value) {
    let Some((parent, name)) = name.split_once('.') else {
        properties.insert(name.to_owned(), mapping);
        return;
    };
    let parent = properties.entry(parent).or_insert_with(|| json!({ "properties": {} }));
    if let Some(Value::Object(properties)) = parent.get_mut("properties") {
        insert(properties, name, mapping);
    }
}

fn field_mapping(field: &Field) -> Value {
    match field.field_type {
        // As text it is a value that documents are grouped by, which a date is not in Kibana: so a
        // panel can ask for the newest window alone.
        _ if field.name == "window_start" => {
            json!({ "type": "date", "fields": { "text": { "type": "keyword" } } })
        }
        // A message of up to a megabyte, to be looked at and not to be searched.
        _ if matches!(field.name, "payload" | "payload_hex") => {
            json!({ "type": "keyword", "index": false, "doc_values": false })
        }
        // Numbers of up to 60 digits, for programs that add documents up.
        _ if field.name == "power_sums" => {
            json!({ "type": "keyword", "index": false, "doc_values": false })
        }
        FieldType::Time | FieldType::Day => json!({ "type": "date" }),
        FieldType::Boolean => json!({ "type": "boolean" }),
        FieldType::Integer => json!({ "type": "long" }),
        FieldType::Float => json!({ "type": "double" }),
        FieldType::Text | FieldType::TextList => {
            json!({ "type": "keyword", "ignore_above": IGNORE_ABOVE })
        }
        FieldType::Location => json!({ "type": "geo_point" }),
        FieldType::Histogram => json!({ "type": "histogram" }),
    }
}

/// What a server says of the type when it does not know it.
pub(crate) const HISTOGRAM: &str = "[histogram]";

/// The same mappings for a server that does not know the type.
pub(crate) fn without_histograms(mappings: &Value) -> Value {
    match mappings {
        Value::Object(parts) if parts.get("type") == Some(&json!("histogram")) => {
            json!({ "type": "object", "enabled": false })
        }
        Value::Object(parts) => {
            let parts = parts.iter().map(|(name, part)| (name.clone(), without_histograms(part)));
            Value::Object(parts.collect())
        }
        other => other.clone(),
    }
}

/// The mapping of the index of checkpoints.
pub(crate) fn checkpoint_mappings() -> Value {
    json!({
        "dynamic": "strict",
        "_meta": meta(),
        "properties": {
            "closed_until": { "type": "date" },
            "partitions": {
                "properties": {
                    "first_offset": { "type": "long" },
                    "next_offset": { "type": "long" },
                    "counted": { "type": "long" },
                    "echoes": { "type": "long" },
                    "late": { "type": "long" },
                    "skipped": { "type": "long" },
                    "dead_letters": { "type": "long" }
                }
            },
            "state": { "type": "binary" }
        }
    })
}

#[cfg(test)]
mod tests;
