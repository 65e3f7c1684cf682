//! The tables of the views file, and its SQL views for people.

use pulso_model::{FieldType, Layer, View, ViewKind};
use pulso_pipeline::Filter;
use rusqlite::{OptionalExtension, Transaction};

use crate::database::{Contents, Schema};

pub(crate) static SCHEMA: Schema = Schema {
    contents: Contents::Views,
    application_id: i32::from_be_bytes(*b"PulV"),
    version: 3,
    // Documents have about 0.9 kB: eight to a page.
    page_bytes: 8 * 1024,
    shrinks: false,
};

/// The UTC day of `time`, in days since 1970. Works before 1970 too, where SQLite's `/` truncates.
const DAY_OF_TIME: &str = "(time - (time % 86400000 + 86400000) % 86400000) / 86400000";

/// Whether a row of a batch table belongs to a published generation.
const PUBLISHED: &str = "EXISTS (SELECT 1 FROM generations AS g
     WHERE g.generation = d.generation AND g.state = 'published')";

/// The table of a view's documents of one layer.
pub(crate) fn table(view: View, layer: Layer) -> String {
    format!("{}_{}", layer.name(), view.name().replace('-', "_"))
}

/// The condition that every reader puts on a row `d` of a layer's table, besides the day.
pub(super) fn visible(layer: Layer) -> &'static str {
    match layer {
        Layer::Speed => "true",
        Layer::Batch => PUBLISHED,
    }
}

/// The condition for a row `d` of a layer's table to be current: the layer answers for its day.
pub(super) fn current(view: View, layer: Layer) -> String {
    let completed = format!("(SELECT day FROM completed_days WHERE view = '{view}')");
    match (view.kind(), layer) {
        (ViewKind::Day, Layer::Speed) => format!("{DAY_OF_TIME} NOT IN {completed}"),
        (ViewKind::Day, Layer::Batch) => format!("{PUBLISHED} AND {DAY_OF_TIME} IN {completed}"),
        _ => visible(layer).to_owned(),
    }
}

/// A (dotted) field of the body. It is not written `->>`, because tools older than SQLite 3.38
/// could then not read the schema at all.
pub(super) fn extract(field: &str) -> String {
    format!("json_extract(body, '{}')", path(field))
}

fn path(field: &str) -> String {
    field.split('.').fold("$".to_owned(), |path, name| format!("{path}.\"{name}\""))
}

/// What filters add to the conditions on a row of a layer's table. `parameter` gives the parameters for
/// their texts, in order.
pub(super) fn filtered(
    view: View,
    filters: &[Filter],
    mut parameter: impl FnMut() -> String,
) -> String {
    let is_list = |name: &str| {
        let mut fields = view.fields().iter();
        fields.any(|field| field.name == name && field.field_type == FieldType::TextList)
    };
    let condition = |&Filter { field, ref texts }: &Filter| {
        let texts: Vec<_> = texts.iter().map(|_| parameter()).collect();
        let texts = texts.join(", ");
        if view.scope_field() == Some(field) {
            // The column has an index.
            return format!(" AND scope IN ({texts})");
        }
        if is_list(field) {
            let items = format!("json_each(body, '{}')", path(field));
            return format!(" AND EXISTS (SELECT 1 FROM {items} WHERE value IN ({texts}))");
        }
        format!(" AND {} IN ({texts})", extract(field))
    };
    filters.iter().map(condition).collect()
}

/// Creates what all files of views have.
pub(super) fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "-- The attempts of the batch layer at a part: a day (since 1970), or NULL for a whole view.
         CREATE TABLE generations (
             generation INTEGER PRIMARY KEY AUTOINCREMENT,
             view TEXT NOT NULL,
             day INTEGER,
             state TEXT NOT NULL CHECK (state IN ('staged', 'published', 'obsolete'))
         ) STRICT;
         CREATE UNIQUE INDEX generations_published ON generations (view, ifnull(day, 'now'))
             WHERE state = 'published';
         -- The days for which the batch layer answers.
         CREATE TABLE completed_days (
             view TEXT NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (view, day)
         ) STRICT, WITHOUT ROWID;
         CREATE VIEW days AS
             SELECT g.view, date(g.day * 86400, 'unixepoch') AS day,
                 iif(c.day IS NULL, 'speed', 'batch') AS layer
             FROM generations AS g LEFT JOIN completed_days AS c USING (view, day)
             WHERE g.state = 'published' AND g.day IS NOT NULL
             ORDER BY g.view, g.day;
         CREATE TABLE checkpoints (
             name TEXT PRIMARY KEY, closed_until INTEGER, state BLOB NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE TABLE checkpoint_progress (
             name TEXT NOT NULL REFERENCES checkpoints,
             partition INTEGER NOT NULL,
             next_offset INTEGER NOT NULL,
             counted INTEGER NOT NULL,
             echoes INTEGER NOT NULL,
             late INTEGER NOT NULL,
             skipped INTEGER NOT NULL,
             dead_letters INTEGER NOT NULL,
             first_offset INTEGER NOT NULL,
             PRIMARY KEY (name, partition)
         ) STRICT, WITHOUT ROWID;",
    )
}

/// Creates what the views still lack. Streams come and go, and a declared one may change its fields.
pub(super) fn add(transaction: &Transaction<'_>, views: &[View]) -> rusqlite::Result<()> {
    let mut known = transaction.prepare("SELECT sql FROM sqlite_schema WHERE name = ?1")?;
    let mut sql = |name: &str| -> rusqlite::Result<Option<String>> {
        known.query_row([name], |row| row.get(0)).optional()
    };
    for &view in views {
        if sql(&table(view, Layer::Speed))?.is_none() {
            transaction.execute_batch(&documents(view))?;
        }
        let friendly = friendly(view);
        if sql(view.name())?.is_none_or(|known| known != friendly) {
            transaction.execute_batch(&format!("DROP VIEW IF EXISTS \"{view}\"; {friendly};"))?;
        }
    }
    Ok(())
}

/// The tables and indexes of one view.
///
/// Rows are stored in the order of writing, so a document costs no page split. The index `_id`
/// finds the row of an `_id`. `_time` and `_scope` answer queries and contain everything that
/// orders, bounds and hides rows, so that only rows of the answer are fetched. Both are read
/// backwards: newest first, then by position, then by id, while new rows still go to their right
/// edge.
fn documents(view: View) -> String {
    let create = |layer, generation: &str, key: &str, hidden: &str| {
        let table = table(view, layer);
        format!(
            "CREATE TABLE {table} (
                 {generation}
                 time INTEGER NOT NULL,
                 position INTEGER NOT NULL,
                 scope TEXT,
                 id TEXT NOT NULL,
                 body TEXT NOT NULL
             ) STRICT;
             CREATE UNIQUE INDEX {table}_id ON {table} ({key});
             CREATE INDEX {table}_time ON {table} (time, position DESC, id DESC{hidden});
             CREATE INDEX {table}_scope
                 ON {table} (scope, time, position DESC, id DESC{hidden})
                 WHERE scope IS NOT NULL;"
        )
    };
    let speed = create(Layer::Speed, "", "id", "");
    let batch =
        create(Layer::Batch, "generation INTEGER NOT NULL,", "generation, id", ", generation");
    speed + &batch
}

/// The SQL of a view's current documents, with a column for each field.
fn friendly(view: View) -> String {
    let fields: String = view
        .fields()
        .iter()
        .map(|field| format!(", {} AS \"{}\"", extract(field.name), field.name))
        .collect();
    let select = |layer: Layer| {
        let (table, current) = (table(view, layer), current(view, layer));
        format!("SELECT '{layer}' AS layer, id AS _id{fields} FROM {table} AS d WHERE {current}")
    };
    let (speed, batch) = (select(Layer::Speed), select(Layer::Batch));
    format!("CREATE VIEW \"{view}\" AS {speed} UNION ALL {batch}")
}
