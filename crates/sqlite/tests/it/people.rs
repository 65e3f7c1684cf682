//! The views file as a person sees it in `sqlite3`.

use pulso_model::{Day, EventTime, View, ViewDocument};
use pulso_pipeline::{BatchViews, Part, Sink};
use pulso_sqlite::ViewStore;
use pulso_testkit::contract::document;
use pulso_testkit::{view, views};
use rusqlite::Connection;
use tempfile::TempDir;

const DAY: Day = Day(17_000);

fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

async fn publish(store: &ViewStore, part: Part, documents: Vec<ViewDocument>, completes: bool) {
    let stage = store.begin(documents[0].view, part).await.unwrap();
    store.stage(stage, documents).await.unwrap();
    store.publish(stage, completes).await.unwrap();
}

/// One document in the last and the first millisecond of neighbouring days.
fn around(view: View, day: Day, text: &str) -> Vec<ViewDocument> {
    [(day.start().0 - 1, 0), (day.start().0, 1), (day.end().0 - 1, 2), (day.end().0, 3)]
        .map(|(time, number)| document(view, EventTime(time), number, "DE", text))
        .to_vec()
}

#[tokio::test(start_paused = true)]
async fn every_view_has_a_table_of_its_fields() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("views.db");
    let mut store = ViewStore::open(&path).unwrap();
    for view in views() {
        store.write(vec![document(view, EventTime(-5), 42, "DE", "some \"text\"")]).await.unwrap();
    }
    let connection = Connection::open(&path).unwrap();
    for view in views() {
        let statement = connection.prepare(&format!("SELECT * FROM \"{view}\"")).unwrap();
        let columns: Vec<_> = statement.column_names().collect();
        let fields = view.fields().iter().map(|field| field.name);
        let expected: Vec<_> = ["layer", "_id"].into_iter().chain(fields).collect();
        assert_eq!(columns, expected);
        let sql = format!("SELECT layer || ' ' || _id || ' ' || \"@timestamp\" FROM \"{view}\"");
        let id = document(view, EventTime(-5), 42, "DE", "").id;
        let expected = format!("speed {id} 1969-12-31T23:59:59.995Z");
        assert_eq!(rows(&connection, &sql), [expected]);
    }
    let sql = "SELECT rsvp_id || \"group.name\" || \"group.location\" || topics FROM responses";
    let expected = r#"42some "text"{"lat":52.5,"lon":-13.25}["some \"text\"","\"quoted\""]"#;
    assert_eq!(rows(&connection, sql), [expected]);
}

#[tokio::test(start_paused = true)]
async fn the_tables_show_the_layer_that_answers() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("views.db");
    let mut store = ViewStore::open(&path).unwrap();
    let view = view("trending-topics");
    for day in [DAY, Day(-3)] {
        store.write(around(view, day, "speed")).await.unwrap();
        let batch = around(view, day, "batch")[1..3].to_vec();
        publish(&store, Part::Day(day), batch, true).await;
    }
    let open = document(view, DAY.end(), 4, "", "batch");
    publish(&store, Part::Day(DAY.next()), vec![open], false).await;
    let stage = store.begin(view, Part::Day(DAY)).await.unwrap();
    store.stage(stage, around(view, DAY, "staged")).await.unwrap();

    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT layer || ' ' || name FROM \"trending-topics\" ORDER BY \"@timestamp\"";
    let of_day = ["speed speed", "batch batch", "batch batch", "speed speed"];
    assert_eq!(rows(&connection, sql), [of_day, of_day].concat());
    let sql = "SELECT view || ' ' || day || ' ' || layer FROM days";
    let expected = [
        "trending-topics 1969-12-29 batch",
        "trending-topics 2016-07-18 batch",
        "trending-topics 2016-07-19 speed",
    ];
    assert_eq!(rows(&connection, sql), expected);

    for text in ["one", "two"] {
        let groups = vec![document(view("groups"), DAY.start(), 1, "DE", text)];
        publish(&store, Part::Now, groups, true).await;
        let sql = "SELECT layer || ' ' || \"group.name\" FROM groups";
        assert_eq!(rows(&connection, sql), [format!("batch {text}")]);
    }
}

/// A file as version 1 created it: without the view of health, and without where the log began.
#[tokio::test(start_paused = true)]
async fn an_older_file_is_brought_along() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("views.db");
    let mut store = ViewStore::open(&path).unwrap();
    let run = document(View::BATCH_RUNS, EventTime(5), 1, "", "archive");
    store.write(vec![run.clone()]).await.unwrap();
    drop(store);
    let connection = Connection::open(&path).unwrap();
    let before = "DROP VIEW health; DROP TABLE speed_health; DROP TABLE batch_health;
         DROP VIEW \"batch-runs\"; CREATE VIEW \"batch-runs\" AS SELECT id FROM speed_batch_runs;
         ALTER TABLE checkpoint_progress DROP COLUMN first_offset;
         PRAGMA user_version = 1;";
    connection.execute_batch(before).unwrap();

    let mut store = ViewStore::open(&path).unwrap();
    store.write(vec![document(View::HEALTH, EventTime(5), 7, "", "")]).await.unwrap();
    let sql = "SELECT messages || ' ' || lag || ' ' || \"@timestamp\" FROM health";
    assert_eq!(rows(&connection, sql), ["7 7 1970-01-01T00:00:00.005Z"]);
    let sql = "SELECT _id || ' ' || completed_day FROM \"batch-runs\"";
    assert_eq!(rows(&connection, sql), [format!("{} 1970-01-01", run.id)]);
}
