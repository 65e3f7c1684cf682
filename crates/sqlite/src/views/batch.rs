//! The batch layer's write side: generations of rows are staged, published and replaced.

use pulso_model::{Day, Layer, View, ViewDocument};
use pulso_pipeline::{Part, Stage};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::schema::table;
use crate::database::begin as begin_transaction;

/// The most rows that one transaction adds or deletes, so that another writer waits only for
/// milliseconds.
pub(super) const ROWS_PER_TRANSACTION: usize = 2_000;

/// Opens a generation, and gives up that of an earlier attempt at the same part.
pub(super) fn begin(connection: &mut Connection, view: View, part: Part) -> rusqlite::Result<i64> {
    let transaction = begin_transaction(connection)?;
    transaction.execute(
        "UPDATE generations SET state = 'obsolete'
         WHERE view = ?1 AND day IS ?2 AND state = 'staged'",
        params![view.name(), day(part)],
    )?;
    transaction.execute(
        "INSERT INTO generations (view, day, state) VALUES (?1, ?2, 'staged')",
        params![view.name(), day(part)],
    )?;
    let generation = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok(generation)
}

/// Adds rows to a generation. `false` means that it is not open.
pub(super) fn stage(
    connection: &mut Connection,
    stage: Stage,
    documents: &[ViewDocument],
) -> rusqlite::Result<bool> {
    let transaction = begin_transaction(connection)?;
    if state(&transaction, stage)?.as_deref() != Some("staged") {
        return Ok(false);
    }
    let table = table(stage.view, Layer::Batch);
    let mut insert = transaction.prepare_cached(&format!(
        "INSERT INTO {table} (generation, time, position, scope, id, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (generation, id) DO UPDATE SET time = excluded.time,
             position = excluded.position, scope = excluded.scope, body = excluded.body"
    ))?;
    for ViewDocument { id, time, position, scope, body, .. } in documents {
        insert.execute(params![stage.generation, time.0, position, scope, id, body])?;
    }
    drop(insert);
    transaction.commit()?;
    Ok(true)
}

/// Makes a generation visible to readers. `false` means that it is not open. Repeating it changes
/// nothing, because a caller may not have learned that it succeeded.
pub(super) fn publish(
    connection: &mut Connection,
    stage: Stage,
    completes: bool,
) -> rusqlite::Result<bool> {
    let transaction = begin_transaction(connection)?;
    match state(&transaction, stage)?.as_deref() {
        Some("staged") => {}
        Some("published") => return Ok(true),
        _ => return Ok(false),
    }
    let (view, day) = (stage.view.name(), day(stage.part));
    transaction.execute(
        "UPDATE generations SET state = 'obsolete'
         WHERE view = ?1 AND day IS ?2 AND state = 'published'",
        params![view, day],
    )?;
    transaction.execute(
        "UPDATE generations SET state = 'published' WHERE generation = ?1",
        [stage.generation],
    )?;
    if let (Some(day), true) = (day, completes) {
        let sql = "INSERT INTO completed_days VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        transaction.execute(sql, params![view, day])?;
    }
    transaction.commit()?;
    Ok(true)
}

/// Deletes some rows of an obsolete generation. `false` means that none are left.
pub(super) fn sweep(connection: &mut Connection, view: View) -> rusqlite::Result<bool> {
    let transaction = begin_transaction(connection)?;
    let sql = "SELECT generation FROM generations WHERE view = ?1 AND state = 'obsolete' LIMIT 1";
    let found = transaction.query_row(sql, [view.name()], |row| row.get(0)).optional()?;
    let Some(generation): Option<i64> = found else { return Ok(false) };
    let table = table(view, Layer::Batch);
    let delete = format!(
        "DELETE FROM {table} WHERE rowid IN
             (SELECT rowid FROM {table} WHERE generation = ?1 LIMIT {ROWS_PER_TRANSACTION})"
    );
    if transaction.prepare_cached(&delete)?.execute([generation])? < ROWS_PER_TRANSACTION {
        transaction.execute("DELETE FROM generations WHERE generation = ?1", [generation])?;
    }
    transaction.commit()?;
    Ok(true)
}

fn state(transaction: &Transaction<'_>, stage: Stage) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT state FROM generations WHERE generation = ?1 AND view = ?2 AND day IS ?3";
    let key = params![stage.generation, stage.view.name(), day(stage.part)];
    transaction.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()
}

fn day(part: Part) -> Option<i32> {
    match part {
        Part::Day(Day(day)) => Some(day),
        Part::Now => None,
    }
}
