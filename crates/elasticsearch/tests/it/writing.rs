//! The fate of documents that the server accepts, refuses, or has no index for.

use pulso_model::{Day, EventTime, View, ViewDocument};
use pulso_pipeline::{Query, Sink, Views};
use pulso_testkit::contract::document;
use pulso_testkit::servers;
use pulso_testkit::{view, views};
use serde_json::{Value, json};

use crate::host::{Host, Method};

fn the_view() -> View {
    view("responses")
}

const DAY: Day = Day(17_000);

async fn bodies(store: &impl Views, view: View) -> Vec<String> {
    let page = store.query(Query::newest(view, 1_000)).await.unwrap();
    page.documents.into_iter().map(|stored| stored.document.body).collect()
}

#[tokio::test]
async fn a_document_that_is_never_taken_becomes_a_dead_letter() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    let good = |number| document(the_view(), DAY.start(), number, "DE", "text");
    let with = |number, name: &str, value: Value| {
        let mut body: Value = serde_json::from_str(&good(number).body).unwrap();
        body[name] = value;
        ViewDocument { body: body.to_string(), ..good(number) }
    };
    let unknown = with(2, "unknown", json!(1));
    let nowhere = with(3, "venue", json!({ "location": { "lat": 91.0, "lon": 0.0 } }));
    let documents = vec![good(1), unknown.clone(), nowhere.clone(), good(4)];
    for _ in 0..2 {
        store.write(documents.clone()).await.unwrap();
    }
    assert_eq!(bodies(&store, the_view()).await, [good(1).body, good(4).body]);
    let dead = bodies(&store, View::DEAD_LETTERS).await;
    let dead: Vec<Value> = dead.iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(dead.len(), 2, "one each, however often it is tried");
    for rejected in [unknown, nowhere] {
        let found = dead.iter().find(|dead| dead["payload"] == rejected.body).unwrap();
        assert_eq!(found["reason"], "rejected_document");
        assert_eq!(found["source"], "responses");
        let detail = found["detail"].as_str().unwrap();
        assert!(detail.contains(&rejected.id), "{detail}");
        assert!(detail.contains("unknown") || detail.contains("latitude"), "{detail}");
    }
}

/// Texts as long as messages may be, although the server's index takes at most 32 kB.
#[tokio::test]
async fn long_texts_are_kept() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    let mut written = Vec::new();
    for view in views() {
        let text = "é\u{1f600} ".repeat(30_000);
        written.push(document(view, DAY.start(), 1, &text, &text));
    }
    store.write(written.clone()).await.unwrap();
    for (view, written) in views().into_iter().zip(written) {
        assert!(bodies(&store, view).await == [written.body], "{view}");
    }
}

/// The key of a response is its time rounded to the nearest second, which may be that of midnight.
#[tokio::test]
async fn the_first_response_stays_also_across_midnight() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    let at =
        |ms: i64, text: &str| document(the_view(), EventTime(DAY.start().0 + ms), 1, "DE", text);
    let (before, after) = (at(-500, "before"), at(499, "after"));
    assert_eq!(before.id, after.id, "they are one response");
    store.write(vec![after.clone()]).await.unwrap();
    store.write(vec![before.clone()]).await.unwrap();
    store.write(vec![after.clone(), before]).await.unwrap();
    assert_eq!(bodies(&store, the_view()).await, [after.body]);
    // Neighbouring seconds are responses of their own.
    let others = vec![at(-501, "earlier"), at(500, "later")];
    store.write(others).await.unwrap();
    assert_eq!(bodies(&store, the_view()).await.len(), 3);
}

/// Somebody empties the cluster while a program runs. The program must not continue in indices that
/// the server creates by itself, with a guessed mapping and no alias.
#[tokio::test]
async fn an_index_that_was_deleted_is_made_again_as_it_was() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    let view = the_view();
    let name = format!("{}-{view}-speed-2016.07.18", host.prefix);
    let mapping = async || {
        let (_, found) = host.ask(Method::Get, &format!("{name}/_mapping"), None).await;
        found[&name]["mappings"].clone()
    };
    store.write(vec![document(the_view(), DAY.start(), 1, "DE", "first")]).await.unwrap();
    let before = mapping().await;
    assert_eq!(before["dynamic"], "strict");
    let (status, _) = host.ask(Method::Delete, &name, None).await;
    assert_eq!(status, 200);
    let second = document(the_view(), DAY.start(), 2, "DE", "second");
    store.write(vec![second.clone()]).await.unwrap();
    assert_eq!(mapping().await, before);
    assert_eq!(bodies(&store, the_view()).await, [second.body]);
}
