//! Appending messages, one transaction per call.

use std::collections::BTreeMap;

use pulso_model::{EventTime, WallTime, decode, rsvp_id};
use pulso_pipeline::{Message, partition_of};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::end;
use crate::database::begin;

/// How many of a call's last messages are decoded to learn the latest stored event time. Sources
/// are nearly ordered, so the largest time is nearly always among them; decoding all messages would
/// cost more than storing them.
const DECODED_FOR_MTIME: usize = 16;

pub(super) fn append(
    connection: &mut Connection,
    partitions: u32,
    now: &dyn Fn() -> WallTime,
    messages: &[Message],
) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    let mut next_offsets = Vec::new();
    let mut log_time = now();
    for number in 0..partitions {
        let end = end(&transaction, number)?;
        next_offsets.push(i64::try_from(end.next_offset).expect("it came from an i64"));
        // The log's time never runs backwards, whatever the clock does.
        log_time = log_time.max(end.log_time.unwrap_or(log_time));
    }
    let sources = source_ids(&transaction, messages)?;
    insert(&transaction, &mut next_offsets, log_time, &sources, messages)?;
    remember_mtimes(&transaction, log_time, messages)?;
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
            let sql = format!("INSERT INTO partition_{number} VALUES (?1, ?2, ?3, ?4, ?5)");
            transaction.prepare_cached(&sql)
        })
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for Message { headers, payload } in messages {
        let partition = partition_of(rsvp_id(payload), partitions) as usize;
        let next_offset = &mut next_offsets[partition];
        statements[partition].execute(params![
            *next_offset,
            log_time.0,
            headers.received_time.0,
            sources[&*headers.source],
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

pub(crate) fn remember_mtimes(
    transaction: &Transaction<'_>,
    log_time: WallTime,
    messages: &[Message],
) -> rusqlite::Result<()> {
    let mut decoded: BTreeMap<&str, (usize, Option<EventTime>)> = BTreeMap::new();
    for Message { headers, payload } in messages.iter().rev() {
        let (count, latest) = decoded.entry(&headers.source).or_default();
        if *count < DECODED_FOR_MTIME {
            *count += 1;
            let response = decode(payload, log_time).ok();
            *latest = (*latest).max(response.map(|response| response.event_time));
        }
    }
    let mut update = transaction
        .prepare_cached("UPDATE sources SET mtime = max(ifnull(mtime, ?2), ?2) WHERE name = ?1")?;
    for (name, (_, latest)) in decoded {
        if let Some(latest) = latest {
            update.execute(params![name, latest.0])?;
        }
    }
    Ok(())
}

pub(crate) fn last_mtime(
    connection: &Connection,
    source: &str,
) -> rusqlite::Result<Option<EventTime>> {
    let mut statement = connection.prepare_cached("SELECT mtime FROM sources WHERE name = ?1")?;
    let found = statement.query_row([source], |row| row.get::<_, Option<i64>>(0)).optional()?;
    Ok(found.flatten().map(EventTime))
}
