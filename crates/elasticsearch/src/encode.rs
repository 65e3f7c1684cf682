//! Documents as the server stores them.
//!
//! The stored text is the document's own, with two fields put before its first: `layer`, for
//! people, and `pulso`, which the store needs to sort and filter (the server does not sort by
//! `_id`). Reading cuts them off again, so the rest is exactly the text that was written.

use std::collections::HashMap;

use pulso_model::{EventTime, Layer, View, ViewDocument, ViewKind, push_json_text};
use serde::Deserialize;

use crate::names::Slot;

/// What one item of a bulk request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Creates the document unless one with this id exists.
    Create,
    /// Creates the document, or replaces the one with this id.
    Index,
    Delete,
}

/// Reduces a list of documents to at most one item per id and index.
///
/// Where the first write wins an id is one document, whatever its time. Elsewhere a document may move on to
/// another day, and is then removed from that before.
///
/// So no two items of a call concern the same document, and requests may be in flight at the same
/// time and in any order.
pub(crate) fn net(documents: Vec<ViewDocument>) -> Vec<(Action, ViewDocument)> {
    let mut actions: Vec<Option<Action>> = vec![None; documents.len()];
    let mut places: HashMap<(View, Option<Slot>, &str), usize> =
        HashMap::with_capacity(documents.len());
    for (index, document) in documents.iter().enumerate() {
        let view = document.view;
        let slot = (!view.first_write_wins()).then(|| Slot::of(view, document.time));
        let key = (view, slot, &*document.id);
        let before = places.get(&key).copied();
        let action = match before.and_then(|before| actions[before]) {
            _ if document.removes() => Action::Delete,
            _ if !document.view.first_write_wins() => Action::Index,
            None => Action::Create,
            Some(Action::Delete) => Action::Index,
            Some(Action::Create | Action::Index) => continue,
        };
        if let Some(before) = before {
            actions[before] = None;
        }
        actions[index] = Some(action);
        places.insert(key, index);
    }
    drop(places);
    let both = actions.into_iter().zip(documents);
    both.filter_map(|(action, document)| Some((action?, document))).collect()
}

/// Appends the lines of one item, which is written through an alias.
pub(crate) fn push_item(
    lines: &mut String,
    action: Action,
    alias: &str,
    layer: Layer,
    document: &ViewDocument,
) {
    let name = match action {
        Action::Create => "create",
        Action::Index => "index",
        Action::Delete => "delete",
    };
    lines.push_str("{\"");
    lines.push_str(name);
    lines.push_str("\":{\"_index\":\"");
    lines.push_str(alias);
    lines.push_str("\",\"_id\":");
    push_json_text(lines, &document.id);
    lines.push_str("}}\n");
    if action != Action::Delete {
        push_source(lines, layer, document);
        lines.push('\n');
    }
}

/// The approximate size of an item in bytes: its texts, and what surrounds them.
pub(crate) fn item_bytes(document: &ViewDocument) -> usize {
    const AROUND: usize = 180;
    document.body.len() + 2 * document.id.len() + AROUND
}

fn push_source(lines: &mut String, layer: Layer, document: &ViewDocument) {
    let ViewDocument { view, id, position, scope, body, .. } = document;
    lines.push_str(start(*view, layer));
    push_json_text(lines, id);
    lines.push_str(",\"position\":");
    lines.push_str(&position.to_string());
    if let Some(scope) = scope {
        lines.push_str(",\"scope\":");
        push_json_text(lines, scope);
    }
    lines.push('}');
    match body.strip_prefix('{') {
        Some("}") => lines.push('}'),
        Some(fields) => {
            lines.push(',');
            lines.push_str(fields);
        }
        // Not an object: the server will say so.
        None => lines.push_str(body),
    }
}

/// The beginning of every document's text, up to its id. Journals belong to no layer.
fn start(view: View, layer: Layer) -> &'static str {
    match (view.kind(), layer) {
        (ViewKind::Journal, _) => r#"{"pulso":{"id":"#,
        (_, Layer::Speed) => r#"{"layer":"speed","pulso":{"id":"#,
        (_, Layer::Batch) => r#"{"layer":"batch","pulso":{"id":"#,
    }
}

/// Reads a document back. `None` if [`push_item`] did not produce the text.
pub(crate) fn decode(view: View, layer: Layer, source: &str) -> Option<ViewDocument> {
    #[derive(Deserialize)]
    struct Own {
        id: String,
        position: u32,
        #[serde(default)]
        scope: Option<String>,
    }
    #[derive(Deserialize)]
    struct Time<'a> {
        #[serde(rename = "@timestamp")]
        time: &'a str,
    }
    let before = start(view, layer).strip_suffix(r#"{"id":"#)?;
    let rest = source.strip_prefix(before)?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Own>();
    let Own { id, position, scope } = values.next()?.ok()?;
    let (_, fields) = rest.split_at_checked(values.byte_offset())?;
    let body = match fields {
        "}" => "{}".to_owned(),
        _ => format!("{{{}", fields.strip_prefix(',')?),
    };
    let time: Time<'_> = serde_json::from_str(&body).ok()?;
    let time: EventTime = time.time.parse().ok()?;
    Some(ViewDocument { view, id, time, position, scope, body })
}

#[cfg(test)]
mod tests;
