//! The views file as a person sees it in `sqlite3`.

use pulso_model::{
    Day, EventTime, Field, FieldType, KeyField, View, ViewDescriptor, ViewDocument, ViewKind,
};
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
    let mut store = ViewStore::open(&path, &views()).unwrap();
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
    let mut store = ViewStore::open(&path, &views()).unwrap();
    let (groups, view) = (view("groups"), view("trending-topics"));
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
        let documents = vec![document(groups, DAY.start(), 1, "DE", text)];
        publish(&store, Part::Now, documents, true).await;
        let sql = "SELECT layer || ' ' || \"group.name\" FROM groups";
        assert_eq!(rows(&connection, sql), [format!("batch {text}")]);
    }
}

/// A view of a stream that a user declares, with these fields beside the time and the key.
fn declared(name: &'static str, fields: &[&'static str]) -> View {
    let field = |name, field_type| Field { name, field_type };
    let mut all = vec![field("@timestamp", FieldType::Time), field("link", FieldType::Text)];
    all.extend(fields.iter().map(|name| field(name, FieldType::Integer)));
    View::new(ViewDescriptor {
        name,
        title: "Links by day",
        stream: Some("clicks"),
        kind: ViewKind::BatchDay,
        fields: all.leak(),
        key: &[KeyField::Value("link")],
        scope_field: None,
        aliases: &[],
        position_field: None,
        first_write_wins: false,
        edges: None,
    })
}

/// Streams come and go, and a declared one may change its fields; what is stored stays.
#[tokio::test(start_paused = true)]
async fn views_follow_the_streams_that_are_declared() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("views.db");
    let mut store = ViewStore::open(&path, &[View::HEALTH]).unwrap();
    store.write(vec![document(View::HEALTH, EventTime(5), 7, "", "")]).await.unwrap();
    drop(store);

    let first = declared("link-days", &["clicks"]);
    let store = ViewStore::open(&path, &[View::HEALTH, first]).unwrap();
    publish(&store, Part::Day(DAY), vec![document(first, DAY.start(), 3, "", "")], true).await;
    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT link || ' ' || clicks FROM \"link-days\"";
    assert_eq!(rows(&connection, sql), ["k3 3"]);
    drop(store);

    let second = declared("link-days", &["visitors", "clicks"]);
    let store = ViewStore::open(&path, &[second]).unwrap();
    let later = document(second, DAY.next().start(), 4, "", "");
    publish(&store, Part::Day(DAY.next()), vec![later], true).await;
    let sql = "SELECT link || ' ' || ifnull(visitors, 'none') || ' ' || clicks
        FROM \"link-days\" ORDER BY link";
    assert_eq!(rows(&connection, sql), ["k3 none 3", "k4 4 4"]);
    let sql = "SELECT messages || ' ' || lag || ' ' || \"@timestamp\" FROM health";
    assert_eq!(rows(&connection, sql), ["7 7 1970-01-01T00:00:00.005Z"], "others stay");
}
