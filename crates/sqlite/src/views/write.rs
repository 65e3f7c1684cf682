//! Writes the speed layer's documents, one transaction per call.

use pulso_model::{Layer, View, ViewDocument};
use rusqlite::{Connection, Transaction, params};

use super::schema::table;
use crate::database::begin;

pub(super) fn write(
    connection: &mut Connection,
    documents: &[ViewDocument],
) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    let alike = |a: &ViewDocument, b: &ViewDocument| (a.view, a.removes()) == (b.view, b.removes());
    for run in documents.chunk_by(alike) {
        if run[0].removes() {
            remove(&transaction, run)?;
        } else {
            insert(&transaction, run)?;
        }
    }
    transaction.commit()
}

fn remove(transaction: &Transaction<'_>, run: &[ViewDocument]) -> rusqlite::Result<()> {
    let table = table(run[0].view, Layer::Speed);
    let sql = format!("DELETE FROM {table} WHERE id = ?1");
    let mut delete = transaction.prepare_cached(&sql)?;
    for document in run {
        delete.execute([&document.id])?;
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, run: &[ViewDocument]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(&insert_sql(run[0].view))?;
    for ViewDocument { id, time, position, scope, body, .. } in run {
        insert.execute(params![time.0, position, scope, id, body])?;
    }
    Ok(())
}

fn insert_sql(view: View) -> String {
    let table = table(view, Layer::Speed);
    let insert = format!(
        "INSERT INTO {table} (time, position, scope, id, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO"
    );
    if view.first_write_wins() {
        return insert + " NOTHING";
    }
    // A replayed log writes the same documents again; they are not worth a write.
    insert
        + " UPDATE SET time = excluded.time, position = excluded.position,
                scope = excluded.scope, body = excluded.body
            WHERE (time, position, scope, body)
                IS NOT (excluded.time, excluded.position, excluded.scope, excluded.body)"
}
