//! Documents for the suites, and a naive listing to compare answers with.

use std::cmp::Reverse;

use pulso_model::{EventTime, Field, FieldType, KeyPart, View, ViewDocument};
use pulso_pipeline::{Filter, Page, Query, StoredDocument, Views};
use serde_json::{Map, Value, json};

/// A document of any view. Its key is made from `number` (and the time), and its body has all
/// fields of the view.
///
/// Different numbers make different `_id`s. `country` fills the field that a filter compares, if
/// the view has one. `text` fills all other texts, to tell versions of a document apart. Where the
/// key is but a day and the scope, the day has a time of day, by `number`.
pub fn document(
    view: View,
    time: EventTime,
    number: i64,
    country: &str,
    text: &str,
) -> ViewDocument {
    let mut body = Map::new();
    let by_day_and_scope_only = view.key().iter().all(|key| is_day_or_scope(view, key.name()));
    for field in view.fields() {
        let key = view.key().iter().any(|key| key.name() == field.name);
        let value = match field.field_type {
            _ if Some(field.name) == view.scope_field() => json!(country),
            _ if Some(field.name) == view.position_field() => json!(number.rem_euclid(5)),
            FieldType::Time => json!(time.to_string()),
            FieldType::Day if key && by_day_and_scope_only => {
                json!(EventTime(time.day().start().0 + number).to_string())
            }
            FieldType::Day => json!(time.day().to_string()),
            FieldType::Boolean => json!(number % 2 == 0),
            FieldType::Integer => json!(number),
            FieldType::Float => json!(0.5),
            FieldType::Text if key => json!(format!("k{number}")),
            FieldType::Text => json!(text),
            FieldType::TextList => json!([text, "\"quoted\""]),
            FieldType::Location => json!({"lat": 52.5, "lon": -13.25}),
            FieldType::Histogram => json!({"values": [0.5, 2.0], "counts": [3, 1 + number.abs()]}),
        };
        insert(&mut body, field.name, value);
    }
    let value = |name: &str| {
        name.split('.').fold(None, |value: Option<&Value>, name| match value {
            None => body.get(name),
            Some(value) => value.get(name),
        })
    };
    let parts: Vec<_> = view
        .key()
        .iter()
        .map(|key| match value(key.name()).expect("keys are fields") {
            Value::Number(number) => KeyPart::Integer(number.as_i64().unwrap_or_default()),
            _ if key.name() == "@timestamp" => KeyPart::Time(time),
            text => KeyPart::Text(text.as_str().unwrap_or_default()),
        })
        .collect();
    let position =
        view.position_field().map_or(0, |_| u32::try_from(number.rem_euclid(5)).unwrap());
    ViewDocument {
        view,
        id: view.id(&parts),
        time,
        position,
        scope: view.scope_field().map(|_| country.to_owned()),
        body: Value::Object(body).to_string(),
    }
}

fn is_day_or_scope(view: View, name: &str) -> bool {
    let is_day = |field: &Field| field.name == name && field.field_type == FieldType::Day;
    view.scope_field() == Some(name) || view.fields().iter().any(is_day)
}

fn insert(body: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => drop(body.insert(name.to_owned(), value)),
        Some((parent, name)) => {
            let parent = body.entry(parent).or_insert_with(|| json!({}));
            insert(parent.as_object_mut().expect("a parent is an object"), name, value);
        }
    }
}

/// The documents that a query without a limit must return: filtered and sorted naively.
pub fn listing(documents: &[StoredDocument], query: &Query) -> Vec<StoredDocument> {
    let mut listed: Vec<_> = documents
        .iter()
        .filter(|StoredDocument { document, .. }| {
            query.from.is_none_or(|from| document.time >= from)
                && query.to.is_none_or(|to| document.time < to)
                && (query.scope.is_none() || document.scope == query.scope)
                && query.filters.iter().all(|filter| passes(document, filter))
        })
        .cloned()
        .collect();
    listed.sort_by_key(|StoredDocument { document, .. }| {
        (Reverse(document.time), document.position, document.id.clone())
    });
    listed
}

fn passes(document: &ViewDocument, Filter { field, texts }: &Filter) -> bool {
    let body: Value = serde_json::from_str(&document.body).unwrap();
    let own = field.split('.').fold(&body, |value, name| &value[name]);
    texts
        .iter()
        .any(|text| own == text || own.as_array().is_some_and(|items| items.contains(&json!(text))))
}

/// Follows the cursors of a query from page to page to the end, which must come after at most
/// `documents_max` documents.
pub(super) async fn all_pages(
    views: &impl Views,
    query: &Query,
    documents_max: usize,
) -> Vec<StoredDocument> {
    let mut query = query.clone();
    let mut documents = Vec::new();
    loop {
        let Page { documents: page, next } = views.query(query.clone()).await.unwrap();
        assert!(page.len() <= query.limit, "a page has at most `limit` documents");
        assert!(next.is_none() || page.len() == query.limit, "only a full page has a next one");
        documents.extend(page);
        assert!(documents.len() <= documents_max, "{query:?}: the pages do not end");
        let Some(next) = next else { return documents };
        // Through its text, as clients hand it back.
        query.after = Some(next.to_string().parse().unwrap());
    }
}

/// Checks pages of several sizes against the naive listing of `documents`.
pub(super) async fn check_query(views: &impl Views, query: Query, documents: &[StoredDocument]) {
    let expected = listing(documents, &query);
    for limit in [1, 2, 7, expected.len().max(1), 1_000] {
        // Room for wrong ones, so that they are named below.
        let documents_max = documents.len() + 1_000;
        let found = all_pages(views, &Query { limit, ..query.clone() }, documents_max).await;
        assert!(
            found == expected,
            "{query:?} in pages of {limit}: {:?}, expected {:?}",
            names(&found),
            names(&expected)
        );
    }
}

fn names(documents: &[StoredDocument]) -> Vec<String> {
    let name = |stored: &StoredDocument| format!("{} {}", stored.layer, stored.document.id);
    documents.iter().map(name).collect()
}

/// Everything that a scan returns.
pub(super) async fn scan_all(
    views: &impl Views,
    view: View,
    layer: pulso_pipeline::LayerChoice,
) -> Vec<StoredDocument> {
    let mut chunks = views.scan(view, layer).await.unwrap();
    let mut documents = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        documents.extend(chunk.unwrap());
    }
    documents
}
