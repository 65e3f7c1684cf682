//! What the description allows is answered: values at the edges of each parameter's schema, made from
//! the document alone, are asked of the router.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use proptest::strategy::{Strategy, ValueTree};
use proptest::string::string_regex;
use proptest::test_runner::TestRunner;
use pulso_pipeline::memory::MemoryViews;
use tokio_util::sync::CancellationToken;

use super::tests::options;
use super::*;
use crate::{Facts, http};

/// Times by RFC 3339, section 5.6, that a lenient or a strict reader may not take.
const TIMES: [&str; 9] = [
    "2017-03-19T12:00:00Z",
    "2017-03-19t12:00:00z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999999Z",
    "9999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00+23:59",
    "2016-12-31T23:59:60Z",
    "1990-12-31T15:59:60.5-08:00",
    "2000-02-29T00:00:00.0-00:00",
];

const DAYS: [&str; 4] = ["0000-01-01", "2000-02-29", "2017-03-19", "9999-12-31"];

/// How many texts are made for a pattern.
const TEXTS: usize = 20;

/// The values of parameters at the edges of what a schema allows.
fn given(schema: &Value) -> Vec<Vec<String>> {
    let one = |value| vec![value];
    if schema["type"] != "array" {
        return values(schema).into_iter().map(one).collect();
    }
    let mut items = values(&schema["items"]).into_iter();
    let (first, most) = (items.next().unwrap(), schema["maxItems"].as_u64().unwrap());
    assert_eq!(schema["minItems"], 1);
    items.map(one).chain([vec![first; usize::try_from(most).unwrap()]]).collect()
}

/// Values at the edges of what a schema allows.
fn values(schema: &Value) -> Vec<String> {
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().flat_map(values).collect();
    }
    if let Some(choices) = schema["enum"].as_array() {
        return choices.iter().map(|choice| choice.as_str().unwrap().to_owned()).collect();
    }
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("integer"), None) => {
            ["minimum", "default", "maximum"].map(|key| schema[key].to_string()).into()
        }
        (Some("string"), Some("date-time")) => owned(&TIMES),
        (Some("string"), Some("date")) => owned(&DAYS),
        (Some("string"), None) => texts(schema),
        _ => panic!("a schema of which no values are known: {schema}"),
    }
}

/// Texts that match the schema's pattern, short ones and the longest.
fn texts(schema: &Value) -> Vec<String> {
    let Some(pattern) = schema["pattern"].as_str() else {
        let lengths = [&schema["minLength"], &schema["maxLength"]];
        let length = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        return lengths.map(|value| "ü".repeat(length(value))).into();
    };
    let whole = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    let strategy = string_regex(whole.unwrap_or(pattern)).unwrap();
    let mut runner = TestRunner::deterministic();
    let mut texts: Vec<_> =
        (0..TEXTS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    if let Some(longest) = schema["maxLength"].as_u64() {
        let longest = usize::try_from(longest).unwrap();
        let padding = |text: &String| " ".repeat(longest - text.chars().count());
        let padded: Vec<_> = texts.iter().map(|text| padding(text) + text).collect();
        texts.extend(padded);
    }
    texts
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The `name=value` pairs that the document allows for a view, by parameter.
fn pairs(document: &Value, view: View) -> Vec<Vec<String>> {
    let operation = &document["paths"][format!("{API}/{view}")]["get"];
    let parameters = operation["parameters"].as_array().unwrap().iter();
    parameters
        .map(|parameter| {
            let pointer = parameter["$ref"].as_str().map(|text| text.strip_prefix('#').unwrap());
            let parameter = pointer.map_or(parameter, |at| document.pointer(at).unwrap());
            let name = parameter["name"].as_str().unwrap();
            let pair = |value: &String| format!("{name}={}", encoded(value));
            let pairs =
                |values: &Vec<String>| values.iter().map(pair).collect::<Vec<_>>().join("&");
            given(&parameter["schema"]).iter().map(pairs).collect()
        })
        .collect()
}

async fn check(service: &TowerToHyperService<Router>, view: View, query: &str) {
    let uri = format!("{API}/{view}?{query}");
    let request = Request::get(&uri).body(Body::empty()).unwrap();
    let answer = service.call(request).await.unwrap();
    assert_eq!(answer.status(), 200, "{uri}");
}

#[tokio::test]
async fn what_the_description_allows_is_answered() {
    let document = document(&options());
    let router = http::router(
        MemoryViews::default(),
        Facts::default,
        String::new,
        options(),
        CancellationToken::new(),
    );
    let service = TowerToHyperService::new(router);
    for view in options().views() {
        let parameters = pairs(&document, view);
        for (index, pairs) in parameters.iter().enumerate() {
            for pair in pairs {
                check(&service, view, pair).await;
                for other in parameters[..index].iter().flatten() {
                    check(&service, view, &format!("{pair}&{other}")).await;
                }
            }
        }
    }
}
