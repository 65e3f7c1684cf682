//! Answers are as the description says: each is checked against the schema of its operation.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use pulso_model::{EventTime, ViewKind};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{BatchViews, Part, Sink};
use pulso_runtime::Config;
use pulso_runtime::config::Layers;
use pulso_testkit::contract::document as sample;
use tokio_util::sync::CancellationToken;

use super::tests::options;
use super::*;
use crate::{Facts, http};

/// 2017-03-19, noon.
const NOON: EventTime = EventTime(1_489_924_800_000);

/// A few documents of each view.
async fn filled() -> MemoryViews {
    let mut store = MemoryViews::default();
    for view in options().views() {
        let at = |number| EventTime(NOON.0 + number * 10_000);
        // As the stream of the view spells it.
        let scope = if view.scope_name() == Some("language") { "us" } else { "US" };
        let documents: Vec<_> =
            (0..5).map(|number| sample(view, at(number), number, scope, "text")).collect();
        if matches!(view.kind(), ViewKind::Day | ViewKind::Journal) {
            store.write(documents).await.unwrap();
            continue;
        }
        let part = if view.kind() == ViewKind::Now { Part::Now } else { Part::Day(NOON.day()) };
        let stage = store.begin(view, part).await.unwrap();
        store.stage(stage, documents).await.unwrap();
        store.publish(stage, true).await.unwrap();
    }
    store
}

/// A client that knows the description only.
struct Client {
    document: Value,
    service: TowerToHyperService<Router>,
}

impl Client {
    fn new(store: MemoryViews, options: Options) -> Self {
        let document = document(&options);
        let router =
            http::router(store, Facts::default, String::new, options, CancellationToken::new());
        Self { document, service: TowerToHyperService::new(router) }
    }

    /// The answer to a request, which must be as described.
    async fn get(&self, path: &str, query: &str) -> Value {
        let uri = format!("{path}?{query}");
        let request = Request::get(uri.trim_end_matches('?')).body(Body::empty()).unwrap();
        let answer = self.service.call(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status, 200, "{uri}: {body}");
        let answers = &self.document["paths"][path]["get"]["responses"];
        let schema = &answers["200"]["content"]["application/json"]["schema"];
        let mut schema = schema.clone();
        // References are resolved within the schema.
        schema["components"] = self.document["components"].clone();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let problems: Vec<_> = validator.iter_errors(&body).map(|one| one.to_string()).collect();
        assert_eq!(problems, [""; 0], "{uri}: {body}");
        body
    }
}

#[tokio::test]
async fn every_answer_is_as_described() {
    for options in [options(), hiding()] {
        check_answers(Client::new(filled().await, options)).await;
    }
}

/// The options of a server that does not say who people are.
fn hiding() -> Options {
    let overrides = vec![("privacy.show_members".to_owned(), "never".to_owned())];
    let config = Config::load(&Layers { overrides, ..Default::default() }).unwrap();
    Options { organiser: crate::Organiser::from(&config), ..options() }
}

async fn check_answers(client: Client) {
    let paths: Vec<_> = client.document["paths"].as_object().unwrap().keys().cloned().collect();
    for path in paths {
        let operation = &client.document["paths"][&path]["get"];
        let is_json = operation["responses"]["200"]["content"]["application/json"].is_object();
        let parameters = operation["parameters"].as_array();
        let required = parameters.is_some_and(|all| all.iter().any(|one| one["required"] == true));
        if is_json && !required && !path.contains('{') {
            client.get(&path, "").await;
        }
    }
}

#[tokio::test]
async fn every_function_and_group_that_is_listed_is_answered() {
    for options in [options(), hiding()] {
        let empty = Client::new(MemoryViews::default(), options.clone());
        check_numbers(&empty, &Client::new(filled().await, options)).await;
    }
}

async fn check_numbers(empty: &Client, client: &Client) {
    let listed = client.get(&format!("{API}/views"), "").await;
    let mut asked = 0;
    for view in listed["views"].as_array().unwrap() {
        let name = view["name"].as_str().unwrap();
        let fields = view["fields"].as_array().unwrap();
        let mut measures = vec![String::new()];
        for field in fields {
            let functions = field["functions"].as_array().into_iter().flatten();
            measures.extend(functions.map(|function| {
                format!("&field={}&function={}", text(&field["name"]), text(function))
            }));
        }
        let groups: Vec<_> = fields.iter().filter(|field| field["group"] == true).collect();
        for measure in &measures {
            let series = format!("view={name}{measure}");
            if view["kind"] != "now" {
                let all = client.get(&format!("{API}/series"), &series).await;
                assert!(all["buckets"].as_i64().unwrap() > 0, "{all}");
                assert!(!all["total"]["value"].is_null(), "{all}");
                empty.get(&format!("{API}/series"), &series).await;
            }
            for group in &groups {
                let by = format!("{series}&by={}&limit=1", text(&group["name"]));
                let top = client.get(&format!("{API}/top"), &by).await;
                assert_eq!(top["groups"].as_array().unwrap().len(), 1, "{top}");
                let name = text(&top["groups"][0]["name"]);
                let filter = format!("{by}&{}={name}", text(&group["name"]));
                let filtered = client.get(&format!("{API}/top"), &filter).await;
                assert_eq!(filtered["groups"], top["groups"], "{filter}");
                empty.get(&format!("{API}/top"), &by).await;
                if view["kind"] != "now" {
                    client.get(&format!("{API}/series"), &format!("{by}&interval=12h")).await;
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "{asked}");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
