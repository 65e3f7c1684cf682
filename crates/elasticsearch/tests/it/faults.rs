//! Faults of the server, or on the way to it: nothing is lost, nothing is there twice.

use std::time::Duration;

use pulso_elasticsearch::{Connection, Error, Options, ViewStore};
use pulso_model::{Day, EventTime, View, ViewDocument};
use pulso_pipeline::{AdapterError, LayerChoice, Query, Retry, Sink, Views};
use pulso_testkit::contract::document;
use pulso_testkit::proxy::{Fault, Proxy};
use pulso_testkit::servers::{self, Generation};
use pulso_testkit::view;
use serde_json::json;

use crate::host::{Host, Method, connection};

fn the_view() -> View {
    view("responses")
}

const DAY: Day = Day(17_000);

fn documents(count: i64) -> Vec<ViewDocument> {
    let noon = EventTime(DAY.start().0 + 43_200_000);
    (0..count).map(|number| document(the_view(), noon, number, "DE", "text")).collect()
}

fn behind(proxy: &Proxy, host: &Host, patience: Duration) -> ViewStore {
    let request_timeout = Duration::from_secs(2);
    let connection = Connection { request_timeout, ..connection(&proxy.url()) };
    let options = Options { write_patience: patience, ..host.options() };
    ViewStore::new(&connection, options).unwrap()
}

/// Writes through a proxy that injects these faults into the next requests, and reads around it.
async fn check(faults: Vec<Fault>) {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let proxy = Proxy::http(url);
    let mut store = behind(&proxy, &host, Duration::from_secs(60));
    // Of a second and third of the requests that follow only.
    store.write(documents(1)).await.unwrap();
    proxy.next(faults.clone());
    let written = documents(2_000);
    store.write(written.clone()).await.unwrap();
    let mut chunks = host.store().scan(the_view(), LayerChoice::Current).await.unwrap();
    let mut found = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        found.extend(chunk.unwrap().into_iter().map(|stored| stored.document));
    }
    assert!(found == written, "{faults:?}: {} documents", found.len());
}

#[tokio::test]
async fn busy_servers_are_asked_again() {
    check(vec![Fault::status(429), Fault::status(503), Fault::status(429)]).await;
    check(vec![Fault::status(502), Fault::None, Fault::status(504), Fault::status(500)]).await;
}

#[tokio::test]
async fn connections_that_break_are_made_again() {
    check(vec![Fault::Refuse, Fault::CutRequest(10_000), Fault::CutRequest(100)]).await;
    // The server has done all of it, and nobody has heard.
    check(vec![Fault::CutResponse(0), Fault::CutResponse(200), Fault::CutResponse(20)]).await;
}

#[tokio::test]
async fn requests_that_are_too_large_are_cut() {
    check(vec![Fault::status(413), Fault::status(413), Fault::None, Fault::status(413)]).await;
}

#[tokio::test]
async fn patience_ends_with_an_error_that_says_to_try_later() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let proxy = Proxy::http(url);
    let mut store = behind(&proxy, &host, Duration::from_secs(3));
    // So little patience may be too little for the index, on a busy machine.
    while let Err(error) = store.write(documents(1)).await {
        assert_eq!(error.retry(), Retry::Backoff, "{error}");
    }
    for (fault, text) in [
        (Fault::status(503), "failed to write documents at"),
        (Fault::Refuse, "no answer from"),
        (Fault::Stall, "within 2s"),
    ] {
        proxy.set(fault);
        let error = store.write(documents(500)).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Backoff, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    proxy.set(Fault::None);
    host.store().write(documents(500)).await.unwrap();
    let found = host.store().query(Query::newest(the_view(), 1_000)).await.unwrap().documents;
    assert_eq!(found.len(), 500);
}

/// Sends exactly the refused documents again; the other index takes its documents at once.
#[tokio::test]
async fn items_that_are_refused_for_now_are_sent_again() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    let other = |number| document(view("events"), DAY.start(), number, "DE", "text");
    store.write(vec![documents(1).remove(0), other(1)]).await.unwrap();
    let settings = format!("{}-{}-speed-2016.07.18/_settings", host.prefix, the_view());
    let block = |on| Some(json!({ "index.blocks.read_only_allow_delete": on }));
    host.ask(Method::Put, &settings, block(Some(true))).await;
    let mixed: Vec<_> = documents(300).into_iter().chain((0..300).map(other)).collect();
    let reader = host.store();
    let seen = async {
        loop {
            let events = reader.query(Query::newest(view("events"), 1_000)).await.unwrap();
            if events.documents.len() == 300 {
                break;
            }
            tokio::task::yield_now().await;
        }
        let responses = reader.query(Query::newest(the_view(), 1_000)).await.unwrap();
        assert_eq!(responses.documents.len(), 1, "its index takes nothing");
        host.ask(Method::Put, &settings, block(None)).await;
    };
    let (written, ()) = tokio::join!(store.write(mixed), seen);
    written.unwrap();
    let responses = reader.query(Query::newest(the_view(), 1_000)).await.unwrap();
    assert_eq!(responses.documents.len(), 300);
}

/// Writing waits for room, says what is wrong, and goes on when there is room.
#[tokio::test]
async fn a_lack_of_shards_is_reported_as_that_and_lasts_no_longer_than_it_does() {
    let Some(server) = servers::Elasticsearch::start(Generation::newest()) else { return };
    let host = Host::new(&server.url());
    let mut store = host.store();
    store.write(documents(1)).await.unwrap();
    let limit = async |shards: Option<u32>| {
        let settings = json!({ "persistent": { "cluster.max_shards_per_node": shards } });
        let (status, answer) = host.ask(Method::Put, "_cluster/settings", Some(settings)).await;
        assert_eq!(status, 200, "{answer}");
    };
    limit(Some(1)).await;
    store.write(documents(2)).await.unwrap();
    let next = || document(the_view(), DAY.next().start(), 9, "DE", "text");
    let error = store.write(vec![next()]).await.unwrap_err();
    assert!(matches!(error, Error::ShardLimit { .. }), "{error:?}");
    assert!(error.to_string().contains("has no room for more shards"), "{error}");
    assert_eq!(error.retry(), Retry::Backoff, "the log keeps what waits");
    let hint = error.hint().unwrap();
    for remedy in ["`cluster.max_shards_per_node`", "`[retention]`", "`time.behind_max`"] {
        assert!(hint.contains(remedy), "{hint}");
    }
    limit(None).await;
    store.write(vec![next()]).await.unwrap();
    let found = store.query(Query::newest(the_view(), 10)).await.unwrap().documents;
    assert_eq!(found.len(), 3);
}

#[tokio::test]
async fn readers_outlast_a_short_absence() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let proxy = Proxy::http(url);
    let mut store = behind(&proxy, &host, Duration::from_secs(60));
    store.write(documents(3)).await.unwrap();
    proxy.next([Fault::status(503), Fault::Refuse, Fault::CutResponse(50)]);
    let page = store.query(Query::newest(the_view(), 10)).await.unwrap();
    assert_eq!(page.documents.len(), 3);
    proxy.set(Fault::Answer { status: 200, headers: "", body: "<html>".into() });
    let error = store.query(Query::newest(the_view(), 10)).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    assert!(error.hint().unwrap().contains("another service"), "{error}");
}
