use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pulso_pipeline::memory::MemoryViews;
use pulso_streams::Streams;
use pulso_testkit::view;

use super::*;
use crate::http;
use crate::{Guard, Served, Windows};

pub(super) fn options() -> Options {
    let windows = Windows {
        size: Duration::from_secs(300),
        slide: Duration::from_secs(10),
        max_out_of_orderness: Duration::from_secs(2),
        count_above: 5,
    };
    let brought = Streams::brought();
    let streams = brought.iter().map(|definition| Served { stream: definition.stream, windows });
    let streams = streams.collect();
    Options {
        page_limit_default: 100,
        page_limit_max: 1000,
        streams,
        guard: Arc::new(Guard::without_login()),
        organiser: crate::Organiser::from(&pulso_runtime::Config::default()),
        messages: crate::Messages::from(&pulso_runtime::Config::default()),
    }
}

fn described() -> Value {
    document(&options())
}

/// Every value under `key` in the document.
fn find<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|field| find(field, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| find(item, key, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves() {
    let document = described();
    let mut references = Vec::new();
    find(&document, "$ref", &mut references);
    assert!(references.len() > options().views().len());
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let document = described();
    let described: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let routes = http::routes::<MemoryViews>(&options().views());
    let routes = routes.into_iter().map(|route| route.path).collect();
    assert_eq!(described, routes);
    let mut ids = Vec::new();
    find(&document["paths"], "operationId", &mut ids);
    let distinct: BTreeSet<_> = ids.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn every_field_of_every_view_is_described() {
    let document = described();
    for view in options().views() {
        let schema = &document["components"]["schemas"][view.name()];
        for field in view.fields() {
            let at = field.name.split('.').fold(schema, |at, name| &at["properties"][name]);
            assert!(at["type"].is_string() || at["$ref"].is_string(), "{view} {}", field.name);
        }
    }
    let group = &document["components"]["schemas"]["group-days"];
    assert_eq!(group["required"], json!(["_id", "layer", "@timestamp", "day", "group"]));
    assert_eq!(group["properties"]["group"]["required"], json!(["id"]));
}

#[test]
fn parameters_are_those_that_the_view_takes() {
    let document = described();
    let names = |view: View| -> Vec<_> {
        let list = &document["paths"][format!("{API}/{view}")]["get"]["parameters"];
        let list = list.as_array().unwrap().iter();
        list.filter_map(|one| match one["$ref"].as_str() {
            Some(pointer) => pointer.rsplit('/').next(),
            None => one["name"].as_str(),
        })
        .collect()
    };
    let expected = ["from", "to", "layer", "limit", "cursor", "stream", "run", "job"];
    let expected = expected.into_iter().chain(["outcome", "error"]);
    assert_eq!(names(View::BATCH_RUNS), expected.collect::<Vec<_>>());
    assert!(names(view("groups")).contains(&"country"));
    assert!(names(view("trending-topics")).contains(&"window"));
    let list = &document["paths"][format!("{API}/series")]["get"]["parameters"];
    let country = list.as_array().unwrap().iter().find(|one| one["name"] == "country").unwrap();
    assert_eq!((&country["style"], &country["explode"]), (&json!("form"), &json!(true)));
    assert_eq!(
        (&country["schema"]["type"], &country["schema"]["maxItems"]),
        (&json!("array"), &json!(50))
    );
    let limit = &document["components"]["parameters"]["limit"]["schema"];
    assert_eq!((&limit["maximum"], &limit["default"]), (&json!(1000), &json!(100)));
}
