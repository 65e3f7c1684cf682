//! Appending messages, one transaction per call.

use std::collections::BTreeMap;

use pulso_model::WallTime;
use pulso_pipeline::{Message, SourceCursor, partition_of};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::end;
use crate::database::begin;

pub(super) fn append(
    connection: &mut Connection,
    partitions: u32,
    now: &dyn Fn() -> WallTime,
    messages: &[Message],
) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    let mut next_offsets = Vec::new();
    for number in 0..partitions {
        let end = end(&transaction, number)?;
        next_offsets.push(i64::try_from(end).expect("it came from an i64"));
    }
    // Follows the clock back, too: one that once jumped ahead must not stamp all that comes later.
    let log_time = now();
    let sources = source_ids(&transaction, messages)?;
    insert(&transaction, &mut next_offsets, log_time, &sources, messages)?;
    remember_cursors(&transaction, messages)?;
    transaction.commit()
}

fn insert(
    transaction: &Transaction<'_>,
    next_offsets: &mut [i64],
    log_time: WallTime,
    sources: &BTreeMap<&str, i64>,
    messages: &[Message],
) -> rusqlite::Result<()> {
    let partitions = u32::try_from(next_offsets.len()).expect("the number of partitions is a u32");
    let mut statements = (0..partitions)
        .map(|number| {
            let sql = format!("INSERT INTO partition_{number} VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
            transaction.prepare_cached(&sql)
        })
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for Message { headers, key, payload } in messages {
        let partition = partition_of(key.as_ref(), partitions) as usize;
        let next_offset = &mut next_offsets[partition];
        statements[partition].execute(params![
            *next_offset,
            log_time.0,
            headers.received_time.0,
            sources[&*headers.source],
            headers.cursor.as_deref(),
            &payload[..],
        ])?;
        *next_offset += 1;
    }
    Ok(())
}

/// The ids of these messages' sources. New sources get one.
pub(crate) fn source_ids<'a>(
    transaction: &Transaction<'_>,
    messages: &'a [Message],
) -> rusqlite::Result<BTreeMap<&'a str, i64>> {
    let mut ids = BTreeMap::new();
    for runs in messages.chunk_by(|a, b| a.headers.source == b.headers.source) {
        let name = &*runs[0].headers.source;
        if ids.contains_key(name) {
            continue;
        }
        transaction
            .prepare_cached("INSERT INTO sources (name) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([name])?;
        let id = transaction
            .prepare_cached("SELECT id FROM sources WHERE name = ?1")?
            .query_row([name], |row| row.get(0))?;
        ids.insert(name, id);
    }
    Ok(ids)
}

/// Remembers where each source goes on after these messages.
pub(crate) fn remember_cursors(
    transaction: &Transaction<'_>,
    messages: &[Message],
) -> rusqlite::Result<()> {
    let mut last: BTreeMap<&str, (&str, WallTime)> = BTreeMap::new();
    for Message { headers, .. } in messages {
        if let Some(cursor) = &headers.cursor {
            last.insert(&headers.source, (cursor, headers.received_time));
        }
    }
    let sql = "UPDATE sources SET cursor = ?2, cursor_time = ?3 WHERE name = ?1";
    let mut update = transaction.prepare_cached(sql)?;
    for (source, (cursor, received_time)) in last {
        update.execute(params![source, cursor, received_time.0])?;
    }
    Ok(())
}

pub(crate) fn last_cursor(
    connection: &Connection,
    source: &str,
) -> rusqlite::Result<Option<SourceCursor>> {
    let sql = "SELECT cursor, cursor_time FROM sources WHERE name = ?1 AND cursor IS NOT NULL";
    let found = connection.prepare_cached(sql)?.query_row([source], |row| {
        let cursor = row.get::<_, String>(0)?.into();
        Ok(SourceCursor { received_time: WallTime(row.get(1)?), cursor })
    });
    found.optional()
}
