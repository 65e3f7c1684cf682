//! Setting up, checking that it is done, and what older installs left behind.

use pulso_elasticsearch::{Error, Options, TEMPLATE_VERSION, ViewStore};
use pulso_model::{Day, View};
use pulso_pipeline::{AdapterError, Query, Retry, Sink, Views};
use pulso_testkit::contract::document;
use pulso_testkit::proxy::{Fault, Proxy};
use pulso_testkit::servers;
use pulso_testkit::{view, views};
use serde_json::{Value, json};

use crate::host::{Host, Method, connection};

const DAY: Day = Day(17_000);

#[tokio::test]
async fn set_up_makes_templates_and_aliases() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let store = host.store();
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, Error::NotSetUp { .. }), "{error}");
    assert!(error.hint().unwrap().contains("set-up"), "{error}");
    for _ in 0..2 {
        store.set_up().await.unwrap();
        store.check().await.unwrap();
    }
    for view in views() {
        assert_eq!(host.indices(view.name()).await, [format!("{view}-empty")]);
    }
    // What somebody makes by hand has the mapping of its view, and no other one.
    let name = format!("{}-trending-topics-by-country-speed-2016.07.18", host.prefix);
    host.ask(Method::Put, &name, Some(json!({}))).await;
    let (_, found) = host.ask(Method::Get, &format!("{name}/_mapping"), None).await;
    let mapping = &found[&name]["mappings"];
    assert_eq!(mapping["properties"]["country"]["type"], "keyword");
    assert_eq!(mapping["_meta"]["version"], TEMPLATE_VERSION);
}

/// A stream is added to an install, and taken away again.
#[tokio::test]
async fn set_up_follows_the_streams() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let with = |views: Vec<View>| {
        ViewStore::new(&connection(url), Options { views, ..host.options() }).unwrap()
    };
    let of = |stream: &'static str| {
        views().into_iter().filter(move |view| view.stream() == Some(stream))
    };
    let journals = View::JOURNALS.into_iter();
    let before = with(journals.clone().chain(of("rsvps")).collect());
    before.set_up().await.unwrap();
    before.check().await.unwrap();
    assert_eq!(host.indices("language-days").await, [""; 0]);

    let mut both = with(views());
    let error = both.check().await.unwrap_err();
    assert!(matches!(&error, Error::NotSetUp { found, .. } if found == "missing"), "{error}");
    both.set_up().await.unwrap();
    both.check().await.unwrap();
    before.check().await.unwrap();
    let posts = view("language-activity");
    both.write(vec![document(posts, DAY.start(), 1, "de", "text")]).await.unwrap();
    let query = Query { scope: Some("de".into()), ..Query::newest(posts, 10) };
    assert_eq!(both.query(query.clone()).await.unwrap().documents.len(), 1);

    let after = with(journals.chain(of("rsvps")).collect());
    after.set_up().await.unwrap();
    let found = both.query(query).await.unwrap().documents;
    assert_eq!(found.len(), 1, "what another stream has stored stays");
}

#[tokio::test]
async fn templates_of_another_version_are_found_and_replaced() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let store = host.store();
    store.set_up().await.unwrap();
    let name = format!("_index_template/{}-responses", host.prefix);
    let older = json!({ "index_patterns": [format!("{}-older-*", host.prefix)], "version": 0 });
    host.ask(Method::Put, &name, Some(older)).await;
    let error = store.check().await.unwrap_err();
    assert!(error.to_string().contains("version 0, not"), "{error}");
    store.set_up().await.unwrap();
    store.check().await.unwrap();
}

async fn check_conflict(host: &Host, index: &str, error: Error) {
    let index = format!("{}-{index}", host.prefix);
    assert!(matches!(&error, Error::Conflict { index: found, .. } if *found == index), "{error:?}");
    assert_eq!(error.retry(), Retry::No);
    let hint = error.hint().unwrap();
    assert!(hint.contains(&index) && hint.contains("elasticsearch.index_prefix"), "{hint}");
}

#[tokio::test]
async fn an_index_with_other_types_is_named() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let index = "responses-speed-2016.07.18";
    let name = format!("{}-{index}", host.prefix);
    let mappings = json!({
        "_meta": { "version": TEMPLATE_VERSION },
        "properties": { "guests": { "type": "keyword" } }
    });
    host.ask(Method::Put, &name, Some(json!({ "mappings": mappings }))).await;
    let mut store = host.store();
    check_conflict(&host, index, store.set_up().await.unwrap_err()).await;
    let document = document(view("responses"), DAY.start(), 1, "DE", "text");
    check_conflict(&host, index, store.write(vec![document]).await.unwrap_err()).await;
}

/// Nothing is migrated: fields may mean something else in an older version.
#[tokio::test]
async fn an_index_of_an_older_version_is_refused_and_left_alone() {
    let Some(url) = servers::elasticsearch() else { return };
    for meta in [json!({}), json!({ "version": TEMPLATE_VERSION - 1 })] {
        let host = Host::new(url);
        let name = format!("{}-responses-speed-2016.07.18", host.prefix);
        let guests = json!({ "guests": { "type": "long" } });
        let mappings = json!({ "_meta": meta, "properties": guests });
        host.ask(Method::Put, &name, Some(json!({ "mappings": mappings }))).await;
        let error = host.store().set_up().await.unwrap_err();
        let expected = |index: &String| *index == name;
        assert!(matches!(&error, Error::OlderIndex { index, .. } if expected(index)), "{error:?}");
        assert_eq!(error.retry(), Retry::No);
        let hint = error.hint().unwrap();
        assert!(hint.contains(&name) && hint.contains("elasticsearch.index_prefix"), "{hint}");
        let (_, found) = host.ask(Method::Get, &format!("{name}/_mapping"), None).await;
        assert_eq!(found[&name]["mappings"]["properties"], guests);
    }
}

#[tokio::test]
async fn an_index_that_lacks_fields_gets_them() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let name = format!("{}-responses-speed-2016.07.18", host.prefix);
    let mappings = json!({
        "_meta": { "version": TEMPLATE_VERSION },
        "dynamic": "strict",
        "properties": { "guests": { "type": "long" } }
    });
    host.ask(Method::Put, &name, Some(json!({ "mappings": mappings }))).await;
    let mut store = host.store();
    store.set_up().await.unwrap();
    let written = document(view("responses"), DAY.start(), 1, "DE", "text");
    store.write(vec![written]).await.unwrap();
    let (_, found) = host.ask(Method::Get, &format!("{name}/_count"), None).await;
    assert_eq!(found["count"], 1, "it takes documents");
}

#[tokio::test]
async fn an_index_with_the_name_of_a_view_is_named() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    host.ask(Method::Put, &format!("{}-responses", host.prefix), Some(json!({}))).await;
    let error = host.store().set_up().await.unwrap_err();
    assert_eq!(error.retry(), Retry::No);
    assert!(error.hint().unwrap().contains("elasticsearch.index_prefix"), "{error:?}");
    host.ask(Method::Delete, &format!("{}-responses", host.prefix), None).await;
}

async fn answer(url: &str, status: u16, body: &Value) -> Error {
    let proxy = Proxy::http(url);
    proxy.set(Fault::Answer { status, headers: "", body: body.to_string() });
    let options = Host::new(url).options();
    ViewStore::new(&connection(&proxy.url()), options).unwrap().check().await.unwrap_err()
}

#[tokio::test]
async fn other_servers_are_told_apart() {
    let Some(url) = servers::elasticsearch() else { return };
    let old = json!({ "version": { "number": "7.17.0" } });
    let error = answer(url, 200, &old).await;
    assert!(matches!(error, Error::Version { .. }), "{error}");
    assert!(error.to_string().contains("7.17.0"), "{error}");
    let error = answer(url, 200, &json!({ "hello": "world" })).await;
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    let error = answer(url, 403, &json!({ "error": { "type": "security_exception" } })).await;
    assert!(error.hint().unwrap().contains("privileges"), "{error}");
    let nobody = ViewStore::new(&connection("http://127.0.0.1:1"), Host::new(url).options());
    let error = nobody.unwrap().check().await.unwrap_err();
    assert_eq!(error.retry(), Retry::Backoff);
    assert!(error.hint().unwrap().contains("elasticsearch.urls"), "{error}");
}
