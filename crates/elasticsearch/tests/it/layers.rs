//! Which layer answers, whatever both do at the same time.

use pulso_model::{Day, EventTime, Layer, View, ViewDocument};
use pulso_pipeline::{BatchViews, LayerChoice, Part, Query, Sink, StoredDocument, Views};
use pulso_testkit::contract::document;
use pulso_testkit::servers;
use pulso_testkit::view;
use serde_json::json;

use crate::host::{Host, Method};

fn the_view() -> View {
    view("country-activity")
}

const DAY: Day = Day(17_000);

async fn publish(store: &impl BatchViews, part: Part, documents: Vec<ViewDocument>) {
    let stage = store.begin(the_view(), part).await.unwrap();
    store.stage(stage, documents).await.unwrap();
    store.publish(stage, true).await.unwrap();
}

fn of_day(day: Day, count: i64, text: &str) -> Vec<ViewDocument> {
    let time = |number| EventTime(day.start().0 + number);
    (0..count).map(|number| document(the_view(), time(number), number, "DE", text)).collect()
}

async fn layers(store: &impl Views, layer: LayerChoice) -> Vec<Layer> {
    let page = store.query(Query { layer, ..Query::newest(the_view(), 100) }).await.unwrap();
    page.documents.iter().map(|stored| stored.layer).collect()
}

#[tokio::test]
async fn a_late_document_of_a_completed_day_stays_aside() {
    let Some(url) = servers::elasticsearch() else { return };
    late_documents(url).await;
}

pub(crate) async fn late_documents(url: &str) {
    let host = Host::new(url);
    let mut store = host.store();
    publish(&store, Part::Day(DAY), of_day(DAY, 1, "batch")).await;
    store.write(of_day(DAY, 2, "late")).await.unwrap();
    assert_eq!(layers(&store, LayerChoice::Current).await, [Layer::Batch]);
    let speed = LayerChoice::Only(Layer::Speed);
    assert_eq!(layers(&store, speed).await, [Layer::Speed; 2], "it is kept for `verify`");
    // An empty day hides what the speed layer has, too.
    store.write(of_day(DAY.next(), 2, "speed")).await.unwrap();
    publish(&store, Part::Day(DAY.next()), Vec::new()).await;
    assert_eq!(layers(&store, LayerChoice::Current).await, [Layer::Batch]);
    assert_eq!(store.completed_days(the_view()).await.unwrap().len(), 2);
}

/// The speed layer creates a day's index at the moment when the batch layer completes the day.
#[tokio::test]
async fn a_day_is_never_answered_by_both_layers() {
    let Some(url) = servers::elasticsearch() else { return };
    both_at_once(url).await;
}

pub(crate) async fn both_at_once(url: &str) {
    let host = Host::new(url);
    let (store, view) = (host.store(), the_view());
    for number in 0..25 {
        let day = Day(DAY.0 + number);
        let stage = store.begin(the_view(), Part::Day(day)).await.unwrap();
        store.stage(stage, of_day(day, 1, "batch")).await.unwrap();
        let mut speed = host.store();
        let (published, written) =
            tokio::join!(store.publish(stage, true), speed.write(of_day(day, 1, "speed")));
        published.unwrap();
        written.unwrap();
        let text = day.to_string().replace('-', ".");
        let alias = format!("{view}-day-{text}");
        assert_eq!(host.indices(&alias).await, [format!("{view}-batch-{text}-1")]);
        let answering = host.indices(the_view().name()).await;
        assert!(!answering.contains(&format!("{view}-speed-{text}")), "{answering:?}");
    }
    assert_eq!(layers(&store, LayerChoice::Current).await, [Layer::Batch; 25]);
    assert_eq!(layers(&store, LayerChoice::Only(Layer::Speed)).await, [Layer::Speed; 25]);
}

/// When attempts run at the same time, each is published whole or not at all, and one remains.
#[tokio::test]
async fn attempts_at_the_same_time_leave_one() {
    let Some(url) = servers::elasticsearch() else { return };
    let (host, view) = (Host::new(url), the_view());
    for round in 0..5 {
        let attempt = async |text: &'static str| {
            let store = host.store();
            let stage = store.begin(the_view(), Part::Day(DAY)).await?;
            store.stage(stage, of_day(DAY, 3, text)).await?;
            store.publish(stage, true).await
        };
        let (a, b, c) = tokio::join!(attempt("a"), attempt("b"), attempt("c"));
        let outcomes = [a, b, c];
        assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
        for error in outcomes.into_iter().filter_map(Result::err) {
            assert!(error.to_string().contains("is not open any more"), "{error:?}");
        }
        let published = host.indices(&format!("{view}-batch")).await;
        assert_eq!(published.len(), 1, "round {round}: {published:?}");
        assert_eq!(host.indices(the_view().name()).await, published);
        let store = host.store();
        assert_eq!(layers(&store, LayerChoice::Current).await, [Layer::Batch; 3]);
    }
}

#[tokio::test]
async fn what_was_replaced_is_deleted_when_nobody_reads_it() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let store = host.store();
    let old = of_day(DAY, 5_500, "old");
    publish(&store, Part::Day(DAY), old.clone()).await;
    let mut chunks = store.scan(the_view(), LayerChoice::Current).await.unwrap();
    for text in ["second", "third", "fourth"] {
        publish(&store, Part::Day(DAY), of_day(DAY, 2, text)).await;
    }
    let view = the_view();
    let index =
        |generation: u32| format!("{}-{view}-batch-2016.07.18-{generation}/_alias", host.prefix);
    let there = async |generation| host.ask(Method::Get, &index(generation), None).await.0 == 200;
    assert!(there(1).await, "somebody reads it");
    let mut scanned = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        scanned.extend(chunk.unwrap().into_iter().map(|stored| stored.document));
    }
    let mut expected = old;
    expected.sort_by_cached_key(ViewDocument::sort_key);
    assert!(scanned == expected, "a reader sees one moment to the end");
    // The task of the scan closes its point in time after the last chunk.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while there(1).await {
        assert!(tokio::time::Instant::now() < deadline, "it is never deleted");
        store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    }
    assert!(!there(2).await && !there(3).await && there(4).await);
}

#[tokio::test]
async fn a_page_may_be_longer_than_the_window_of_the_server() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    let documents = of_day(DAY, 10_500, "text");
    store.write(documents.clone()).await.unwrap();
    let page = store.query(Query::newest(the_view(), 10_400)).await.unwrap();
    let found = page.documents.into_iter().map(|StoredDocument { document, .. }| document);
    assert!(found.eq(documents.iter().rev().take(10_400).cloned()));
    let rest = Query { after: page.next, ..Query::newest(the_view(), 10_400) };
    let rest = store.query(rest).await.unwrap();
    assert_eq!((rest.documents.len(), rest.next), (100, None));
}

/// A person who searches with a pattern finds each day once.
#[tokio::test]
async fn patterns_count_a_day_once() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    store.set_up().await.unwrap();
    store.write(of_day(DAY, 3, "speed")).await.unwrap();
    store.write(of_day(DAY.next(), 3, "speed")).await.unwrap();
    publish(&store, Part::Day(DAY), of_day(DAY, 2, "batch")).await;
    let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    store.stage(stage, of_day(DAY, 7, "staged")).await.unwrap();
    let body = json!({ "size": 0, "aggs": { "layers": { "terms": { "field": "layer" } } } });
    for pattern in [the_view().name().to_owned(), "country-act*".to_owned()] {
        let path = format!("{}-{pattern}/_search", host.prefix);
        let (_, found) = host.ask(Method::Post, &path, Some(body.clone())).await;
        assert_eq!(found["hits"]["total"]["value"], 5, "{pattern}");
        let buckets = &found["aggregations"]["layers"]["buckets"];
        assert_eq!((&buckets[0]["key"], &buckets[0]["doc_count"]), (&json!("speed"), &json!(3)));
    }
}
