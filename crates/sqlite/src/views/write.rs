//! Writing the speed layer's documents, one transaction per call.

use pulso_model::{Layer, View, ViewDocument};
use rusqlite::{Connection, params};

use super::schema::table;
use crate::database::begin;

pub(super) fn write(
    connection: &mut Connection,
    documents: &[ViewDocument],
) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    for run in documents.chunk_by(|a, b| a.view == b.view) {
        let mut insert = transaction.prepare_cached(&insert_sql(run[0].view))?;
        for ViewDocument { id, time, position, country, body, .. } in run {
            insert.execute(params![time.0, position, country, id, body])?;
        }
    }
    transaction.commit()
}

fn insert_sql(view: View) -> String {
    let table = table(view, Layer::Speed);
    let insert = format!(
        "INSERT INTO {table} (time, position, country, id, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO"
    );
    if view.first_write_wins() {
        return insert + " NOTHING";
    }
    // A replayed log writes the same documents again; they are not worth a write.
    insert
        + " UPDATE SET time = excluded.time, position = excluded.position,
                country = excluded.country, body = excluded.body
            WHERE (time, position, country, body)
                IS NOT (excluded.time, excluded.position, excluded.country, excluded.body)"
}
