//! Removes data older than its age limit.

use pulso_model::{Day, Layer, View, ViewKind};
use rusqlite::{Connection, params};

use super::batch::ROWS_PER_TRANSACTION;
use super::schema::table;
use crate::database::begin;

/// Deletes some of the speed layer's rows for days before `before`. Returns how many.
pub(super) fn remove_speed(
    connection: &mut Connection,
    view: View,
    before: Day,
) -> rusqlite::Result<usize> {
    let transaction = begin(connection)?;
    let table = table(view, Layer::Speed);
    let delete = format!(
        "DELETE FROM {table} WHERE rowid IN
             (SELECT rowid FROM {table} WHERE time < ?1 LIMIT {ROWS_PER_TRANSACTION})"
    );
    let count = transaction.prepare_cached(&delete)?.execute([before.start().0])?;
    transaction.commit()?;
    Ok(count)
}

/// Hides the batch layer's documents of days before `before`, which the next sweep then deletes.
/// Returns the number of days. The batch layer still answers for these days, with nothing.
pub(super) fn hide_batch(
    connection: &mut Connection,
    view: View,
    before: Day,
) -> rusqlite::Result<usize> {
    let transaction = begin(connection)?;
    let count = transaction.execute(
        "UPDATE generations SET state = 'obsolete'
         WHERE view = ?1 AND day < ?2 AND state = 'published'",
        params![view.name(), before.0],
    )?;
    transaction.commit()?;
    Ok(count)
}

/// Whether the documents of a view have an age limit.
pub(super) fn has_age(view: View) -> bool {
    view.kind() != ViewKind::Now
}
