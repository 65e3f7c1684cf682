use pulso_model::{EventTime, Layer};
use pulso_pipeline::{AdapterError, Cursor, Retry};
use pulso_testkit::contract::document;
use pulso_testkit::{view, views};
use tempfile::TempDir;

use super::*;

fn open(folder: &TempDir) -> ViewStore {
    ViewStore::open(&folder.path().join("views.db"), &views()).unwrap()
}

fn the_view() -> View {
    view("group-days")
}

const DAY: Day = Day(17_000);

fn documents(count: i64) -> Vec<ViewDocument> {
    (0..count).map(|number| document(the_view(), DAY.start(), number, "DE", "text")).collect()
}

fn rows(store: &ViewStore) -> i64 {
    let sql = format!("SELECT count(*) FROM {}", schema::table(the_view(), Layer::Batch));
    store.writer.idle().unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// A query costs as much as its page: an index returns the rows in the right order.
#[test]
fn every_query_reads_an_index_in_order() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let connection = store.writer.idle().unwrap();
    let cursor = Cursor { time: EventTime(1), position: 0, id: "a".into() };
    for view in views() {
        for layer in [Layer::Speed, Layer::Batch] {
            for (scope, index) in [(None, "time"), (Some("DE".to_owned()), "scope")] {
                let query = Query { scope, ..Query::newest(view, 10) };
                for range in query::sample_ranges(&cursor) {
                    let sql = query::select_sql(&query, layer, &range);
                    let mut plan =
                        connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                    let values = vec![1_i64; plan.parameter_count()];
                    let values = rusqlite::params_from_iter(values);
                    let steps = plan.query_map(values, |row| row.get::<_, String>(3)).unwrap();
                    let steps: Vec<_> = steps.map(Result::unwrap).collect();
                    let index = format!("INDEX {}_{index} ", schema::table(view, layer));
                    assert!(steps[0].contains(&index), "{sql}: {steps:?}");
                    assert!(!steps.iter().any(|step| step.contains("B-TREE")), "{sql}: {steps:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn replaced_and_abandoned_rows_are_deleted() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    for count in [5_000, 4_000, 3] {
        let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
        store.stage(stage, documents(count)).await.unwrap();
        store.publish(stage, true).await.unwrap();
        assert_eq!(rows(&store), count);
    }
    let abandoned = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    store.stage(abandoned, documents(4_500)).await.unwrap();
    assert_eq!(rows(&store), 4_503);
    drop(store);
    let store = open(&folder);
    let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    assert_eq!(rows(&store), 3);
    store.publish(stage, true).await.unwrap();
    assert_eq!(rows(&store), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_was_given_up_takes_nothing_more() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let gone = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    let stage = store.begin(the_view(), Part::Day(DAY)).await.unwrap();
    let refused = |outcome: Result<(), Error>| {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::StageGone { .. }), "{error}");
        assert_eq!(error.retry(), Retry::No);
    };
    refused(store.stage(gone, documents(1)).await);
    refused(store.publish(gone, true).await);
    store.stage(stage, documents(2)).await.unwrap();
    store.publish(stage, true).await.unwrap();
    store.publish(stage, true).await.unwrap();
    assert_eq!(rows(&store), 2, "publishing again changes nothing");
    refused(store.stage(stage, documents(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_whole_writes() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    let pages = |limit: i64| {
        let connection = store.writer.idle().unwrap();
        let pages: i64 = connection.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
        let limit = pages + limit;
        connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(())).unwrap();
    };
    pages(10);
    let view = View::DEAD_LETTERS;
    let documents = |from: i64| -> Vec<_> {
        (from..from + 20).map(|id| document(view, EventTime(id), id, "", "text")).collect()
    };
    let mut stored = 0;
    let mut writer = store.clone();
    let error = loop {
        match writer.write(documents(stored)).await {
            Ok(()) => stored += 20,
            Err(error) => break error,
        }
    };
    assert!(stored > 0 && error.hint().unwrap().contains("free space"));
    assert_eq!(error.retry(), Retry::No);
    let count = async |store: &ViewStore| {
        let page = store.query(Query::newest(view, 10_000)).await.unwrap();
        i64::try_from(page.documents.len()).unwrap()
    };
    assert_eq!(count(&store).await, stored);
    pages(1_000);
    store.write(documents(stored)).await.unwrap();
    assert_eq!(count(&store).await, stored + 20);
}

#[tokio::test(start_paused = true)]
async fn what_is_past_its_age_is_removed_by_layer_and_its_day_stays_the_batch_layers() {
    let folder = TempDir::new().unwrap();
    let mut store = open(&folder);
    let (groups, view) = (view("groups"), view("responses"));
    let later = DAY.next();
    let of = |day: Day, count: i64| -> Vec<_> {
        (0..count).map(|id| document(view, day.start(), i64::from(day.0) + id, "DE", "x")).collect()
    };
    store.write(of(DAY, 4_500)).await.unwrap();
    store.write(of(later, 1)).await.unwrap();
    for day in [DAY, later] {
        let stage = store.begin(view, Part::Day(day)).await.unwrap();
        store.stage(stage, of(day, 2)).await.unwrap();
        store.publish(stage, true).await.unwrap();
    }
    let count = async |layer| {
        let query = Query { layer: LayerChoice::Only(layer), ..Query::newest(view, 10_000) };
        store.query(query).await.unwrap().documents.len()
    };
    assert_eq!(store.remove_before(view, Layer::Speed, later).await.unwrap(), 4_500);
    assert_eq!((count(Layer::Speed).await, count(Layer::Batch).await), (1, 4));
    assert_eq!(store.remove_before(view, Layer::Batch, later).await.unwrap(), 1);
    assert_eq!(count(Layer::Batch).await, 2);
    assert_eq!(store.completed_days(view).await.unwrap(), [DAY, later].into());
    assert_eq!(store.remove_before(groups, Layer::Batch, later).await.unwrap(), 0);
}

/// When a query is broken off, so may be the end of its transaction: then its connection serves nobody else.
#[tokio::test]
async fn a_transaction_that_did_not_end_is_in_nobodys_way() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let failed = |path, source| Error::Query { path, source };
    let readers = &store.reader.readers;
    readers.run(failed, |connection| connection.execute_batch("BEGIN")).await.unwrap();
    store.query(Query::newest(the_view(), 1)).await.unwrap();
}

/// A question that would take for ever does not keep its connection once nobody waits for the answer.
#[tokio::test]
async fn a_query_that_nobody_waits_for_is_broken_off() {
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                           SELECT max(i) FROM n";
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let readers = &store.reader.readers;
    let failed = |path, source| Error::Query { path, source };
    // More than there are connections.
    for _ in 0..10 {
        let (begun, is_begun) = tokio::sync::oneshot::channel();
        let endless = readers.run(failed, move |connection| {
            begun.send(()).unwrap();
            connection.query_row(ENDLESS, [], |row| row.get::<_, i64>(0))
        });
        tokio::select! {
            answer = endless => panic!("{answer:?}"),
            begun = is_begun => begun.unwrap(),
        }
    }
    // All connections are free again, for jobs that wait for each other.
    let all = Arc::new(std::sync::Barrier::new(4));
    let wait = || {
        let all = Arc::clone(&all);
        readers.run(failed, move |_| {
            all.wait();
            Ok(())
        })
    };
    let waited = tokio::join!(wait(), wait(), wait(), wait());
    assert!(matches!(waited, (Ok(()), Ok(()), Ok(()), Ok(()))), "{waited:?}");
}
