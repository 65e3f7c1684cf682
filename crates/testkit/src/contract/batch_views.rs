//! The contract of a view store as the batch layer uses it: [`BatchViews`], seen through [`Views`].

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use pulso_model::{Day, EventTime, Layer, View, ViewDocument};
use pulso_pipeline::{BatchViews, LayerChoice, Part, Query, Sink, StoredDocument, Views};

use super::ViewsHost;
use super::documents::{check_query, document, scan_all};

/// Checks that a store keeps the contract.
///
/// # Panics
/// At the first difference from what the ports promise.
pub async fn batch_views<H: ViewsHost>(new_host: impl Fn() -> H) {
    staged_documents_are_not_seen(&mut new_host()).await;
    a_completed_day_changes_its_layer(&mut new_host()).await;
    an_incomplete_publish_does_not_switch(&mut new_host()).await;
    publishing_again_replaces_everything(&mut new_host()).await;
    an_attempt_that_stopped_is_forgotten(&mut new_host()).await;
    the_switch_is_atomic_for_readers(&mut new_host()).await;
    pages_cross_days_of_different_layers(&mut new_host()).await;
    views_of_the_batch_layer_alone_need_no_completion(&mut new_host()).await;
    what_was_published_survives_a_restart(&mut new_host()).await;
}

const BATCH: LayerChoice = LayerChoice::Only(Layer::Batch);
const SPEED: LayerChoice = LayerChoice::Only(Layer::Speed);
fn the_view() -> View {
    crate::view("country-activity")
}
const DAY: Day = Day(17_000);

fn stored(layer: Layer, documents: &[ViewDocument]) -> Vec<StoredDocument> {
    let stored = |document: &ViewDocument| StoredDocument { layer, document: document.clone() };
    documents.iter().map(stored).collect()
}

/// A day's documents: in its first and last millisecond, and some in between.
fn of_day(view: View, day: Day, text: &str) -> Vec<ViewDocument> {
    let (start, end) = (day.start().0, day.end().0);
    [start, start + 1, start + 5_000, start + 5_000, end - 1]
        .into_iter()
        .zip(0..)
        .map(|(time, number)| document(view, EventTime(time), number, "DE", text))
        .collect()
}

async fn publish<S: BatchViews>(
    store: &S,
    view: View,
    part: Part,
    documents: Vec<ViewDocument>,
    completes: bool,
) {
    let stage = store.begin(view, part).await.unwrap();
    store.stage(stage, documents).await.unwrap();
    store.publish(stage, completes).await.unwrap();
}

/// Compares what readers see of a view, by query and by scan.
async fn check<S: Views>(store: &S, view: View, layer: LayerChoice, expected: &[StoredDocument]) {
    check_query(store, Query { layer, ..Query::newest(view, 0) }, expected).await;
    let mut expected = expected.to_vec();
    expected.sort_by_cached_key(|stored| stored.document.sort_key());
    let scanned = scan_all(store, view, layer).await;
    assert!(scanned == expected, "a scan gives what queries give");
}

async fn staged_documents_are_not_seen(host: &mut impl ViewsHost) {
    let store = host.open();
    let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    assert_eq!((stage.view, stage.part), (the_view(), Part::Day(DAY)));
    let documents = of_day(the_view(), DAY, "batch");
    let (some, more) = documents.split_at(2);
    store.stage(stage, some.to_vec()).await.unwrap();
    store.stage(stage, Vec::new()).await.unwrap();
    store.stage(stage, more.to_vec()).await.unwrap();
    check(&store, the_view(), LayerChoice::Current, &[]).await;
    check(&store, the_view(), BATCH, &[]).await;
    store.publish(stage, true).await.unwrap();
    check(&store, the_view(), LayerChoice::Current, &stored(Layer::Batch, &documents)).await;
    check(&store, the_view(), BATCH, &stored(Layer::Batch, &documents)).await;
    check(&store, the_view(), SPEED, &[]).await;
}

async fn a_completed_day_changes_its_layer(host: &mut impl ViewsHost) {
    for view in [
        crate::view("responses"),
        the_view(),
        crate::view("trending-topics"),
        crate::view("trending-topics-by-country"),
    ] {
        for day in [DAY, Day(-1), Day(3)] {
            let mut store = host.open();
            let days = [day.previous(), day, day.next()];
            let speed = days.map(|day| of_day(view, day, "speed"));
            store.write(speed.concat()).await.unwrap();
            let batch = of_day(view, day, "batch");
            publish(&store, view, Part::Day(day), batch.clone(), true).await;
            let expected = [
                stored(Layer::Speed, &speed[0]),
                stored(Layer::Batch, &batch),
                stored(Layer::Speed, &speed[2]),
            ];
            let query = Query {
                from: Some(days[0].start()),
                to: Some(days[2].end()),
                ..Query::newest(view, 0)
            };
            check_query(&store, query.clone(), &expected.concat()).await;
            let only_speed = Query { layer: SPEED, ..query };
            check_query(&store, only_speed, &stored(Layer::Speed, &speed.concat())).await;
            assert!(store.completed_days(view).await.unwrap().contains(&day));
        }
        let store = host.open();
        let completed = store.completed_days(view).await.unwrap();
        assert_eq!(completed, BTreeSet::from([Day(-1), Day(3), DAY]));
    }
}

async fn an_incomplete_publish_does_not_switch(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let speed = of_day(the_view(), DAY, "speed");
    store.write(speed.clone()).await.unwrap();
    let batch = of_day(the_view(), DAY, "batch");
    publish(&store, the_view(), Part::Day(DAY), batch.clone(), false).await;
    check(&store, the_view(), LayerChoice::Current, &stored(Layer::Speed, &speed)).await;
    check(&store, the_view(), BATCH, &stored(Layer::Batch, &batch)).await;
    assert!(store.completed_days(the_view()).await.unwrap().is_empty());

    let complete = of_day(the_view(), DAY, "complete");
    publish(&store, the_view(), Part::Day(DAY), complete.clone(), true).await;
    check(&store, the_view(), LayerChoice::Current, &stored(Layer::Batch, &complete)).await;

    publish(&store, the_view(), Part::Day(DAY), batch.clone(), false).await;
    check(&store, the_view(), LayerChoice::Current, &stored(Layer::Batch, &batch)).await;
    let completed = store.completed_days(the_view()).await.unwrap();
    assert_eq!(completed, BTreeSet::from([DAY]), "a part once completed stays so");
    assert!(store.completed_days(crate::view("responses")).await.unwrap().is_empty());
}

async fn publishing_again_replaces_everything(host: &mut impl ViewsHost) {
    let store = host.open();
    // More than any adapter would write or delete in one transaction.
    let many = |count: i64, text| -> Vec<_> {
        let time = |number| EventTime(DAY.start().0 + number * 1_000);
        (0..count).map(|number| document(the_view(), time(number), number, "DE", text)).collect()
    };
    for (count, text) in [(5_000, "a"), (10, "b"), (0, "c"), (4_321, "d"), (4_000, "e")] {
        publish(&store, the_view(), Part::Day(DAY), many(count, text), true).await;
        let query = Query::newest(the_view(), 10_000);
        let found = store.query(query.clone()).await.unwrap().documents;
        let expected = super::listing(&stored(Layer::Batch, &many(count, text)), &query);
        assert!(found == expected, "{} documents, expected {count}", found.len());
    }
    let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    store.stage(stage, of_day(the_view(), DAY, "first")).await.unwrap();
    let last = of_day(the_view(), DAY, "last");
    store.stage(stage, last.clone()).await.unwrap();
    store.publish(stage, true).await.unwrap();
    // Of one `_id` staged twice the last stays, also in a view where the first would.
    check(&store, the_view(), LayerChoice::Current, &stored(Layer::Batch, &last)).await;
}

async fn an_attempt_that_stopped_is_forgotten(host: &mut impl ViewsHost) {
    let store = host.open();
    let abandoned = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    store.stage(abandoned, of_day(the_view(), DAY, "abandoned")).await.unwrap();
    let beside = store.begin(the_view(), Part::Day(DAY.next())).await.unwrap();
    store.stage(beside, of_day(the_view(), DAY.next(), "beside")).await.unwrap();
    drop(store);

    let store = host.open();
    let batch = vec![document(the_view(), DAY.start(), 77, "DE", "batch")];
    let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    assert_ne!(stage.generation, abandoned.generation);
    store.stage(stage, batch.clone()).await.unwrap();
    store.publish(stage, true).await.unwrap();
    check(&store, the_view(), LayerChoice::Current, &stored(Layer::Batch, &batch)).await;
}

async fn the_switch_is_atomic_for_readers(host: &mut impl ViewsHost) {
    const SWITCHES: usize = 30;
    let mut store = host.open();
    let versions: Vec<_> = (0..SWITCHES).map(|number| format!("v{number}")).collect();
    store.write(of_day(the_view(), DAY, &versions[0])).await.unwrap();
    let over = AtomicBool::new(false);
    let writer = store.clone();
    let write = async {
        for version in &versions[1..] {
            publish(&writer, the_view(), Part::Day(DAY), of_day(the_view(), DAY, version), true)
                .await;
            tokio::task::yield_now().await;
        }
        over.store(true, Ordering::SeqCst);
    };
    let read = async {
        let (mut newest, mut reads) = (0, 0);
        while !over.load(Ordering::SeqCst) {
            let page = store.query(Query::newest(the_view(), 10)).await.unwrap();
            let scanned = scan_all(&store, the_view(), LayerChoice::Current).await;
            for documents in [page.documents, scanned] {
                let seen = version_of(&documents, &versions);
                assert!(seen >= newest, "a reader never goes back to what was replaced");
                newest = seen;
            }
            reads += 1;
            tokio::task::yield_now().await;
        }
        reads
    };
    let ((), reads) = tokio::join!(write, read);
    assert!(reads > 0);
}

/// The one version that all these documents have.
fn version_of(documents: &[StoredDocument], versions: &[String]) -> usize {
    let layer = documents.first().expect("a day is never empty while it is switched").layer;
    let of = |version: &String| {
        let mut expected = stored(layer, &of_day(the_view(), DAY, version));
        let mut found = documents.to_vec();
        expected.sort_by_cached_key(|stored| stored.document.id.clone());
        found.sort_by_cached_key(|stored| stored.document.id.clone());
        expected == found
    };
    versions.iter().position(of).expect("all documents are of one version")
}

async fn pages_cross_days_of_different_layers(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let mut expected = Vec::new();
    for (number, completed) in (0..).zip([false, true, true, false, true, false, false]) {
        let day = Day(DAY.0 + number);
        let speed = of_day(the_view(), day, "speed");
        let batch: Vec<_> = of_day(the_view(), day, "batch").into_iter().skip(1).collect();
        store.write(speed.clone()).await.unwrap();
        publish(&store, the_view(), Part::Day(day), batch.clone(), completed).await;
        expected.extend(match completed {
            true => stored(Layer::Batch, &batch),
            false => stored(Layer::Speed, &speed),
        });
    }
    check(&store, the_view(), LayerChoice::Current, &expected).await;
    let at = |day: i32, ms: i64| Some(EventTime(Day(DAY.0 + day).start().0 + ms));
    let ranges =
        [(at(1, 0), at(4, 0)), (at(1, 1), at(2, 5_001)), (at(-9, 0), at(0, 1)), (at(6, 1), None)];
    for (from, to) in ranges {
        for scope in [None, Some("DE".to_owned()), Some("FR".to_owned())] {
            let query = Query { from, to, scope, ..Query::newest(the_view(), 0) };
            check_query(&store, query, &expected).await;
        }
    }
}

async fn views_of_the_batch_layer_alone_need_no_completion(host: &mut impl ViewsHost) {
    let store = host.open();
    for view in [crate::view("groups"), crate::view("events")] {
        for text in ["one", "two"] {
            let documents = of_day(view, DAY, text);
            publish(&store, view, Part::Now, documents.clone(), true).await;
            check(&store, view, LayerChoice::Current, &stored(Layer::Batch, &documents)).await;
        }
        assert!(store.completed_days(view).await.unwrap().is_empty(), "it has no days");
    }
    for view in [crate::view("group-days"), crate::view("event-days")] {
        let mut expected = Vec::new();
        for (day, completes) in [(DAY, false), (DAY.next(), true)] {
            let documents = of_day(view, day, "batch");
            publish(&store, view, Part::Day(day), documents.clone(), completes).await;
            expected.extend(stored(Layer::Batch, &documents));
        }
        check(&store, view, LayerChoice::Current, &expected).await;
        let completed = store.completed_days(view).await.unwrap();
        assert_eq!(completed, BTreeSet::from([DAY.next()]));
    }
}

async fn what_was_published_survives_a_restart(host: &mut impl ViewsHost) {
    let mut store = host.open();
    store.write(of_day(the_view(), DAY, "speed")).await.unwrap();
    let batch = of_day(the_view(), DAY, "batch");
    publish(&store, the_view(), Part::Day(DAY), batch.clone(), true).await;
    let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    store.stage(stage, of_day(the_view(), DAY, "unpublished")).await.unwrap();
    drop(store);
    let store = host.open();
    check(&store, the_view(), LayerChoice::Current, &stored(Layer::Batch, &batch)).await;
    assert_eq!(store.completed_days(the_view()).await.unwrap(), BTreeSet::from([DAY]));
}
