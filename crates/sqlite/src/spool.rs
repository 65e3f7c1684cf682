//! The spool: messages that wait, in order, while a log is unavailable.
//!
//! It is a queue on disk. Messages are appended at one end, and read and removed at the other, in
//! transactions that are durable when they return. The file grows to a limit, reuses its pages, and
//! returns them when it is empty. Like the log, it remembers how far each source has been stored.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use pulso_model::{Key, WallTime};
use pulso_pipeline::{Headers, Message, SourceCursor};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, Transaction, params};

use crate::Error;
use crate::database::{Contents, Database, Schema, begin};
use crate::log::append::{last_cursor, remember_cursors, source_ids};

pub(crate) static SCHEMA: Schema = Schema {
    contents: Contents::Spool,
    application_id: i32::from_be_bytes(*b"PulS"),
    version: 2,
    page_bytes: 16 * 1024,
    shrinks: true,
};

/// The space that a message takes besides its payload, generously: its row and its share of inner
/// pages.
const ROW_BYTES: u64 = 64;

/// Keeps messages until they are removed. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Spool {
    database: Arc<Database>,
    bytes_max: u64,
}

/// The outcome of appending messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// All messages are durable.
    Stored,
    /// There is no space; none was stored.
    Full,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolLevel {
    pub messages: u64,
    /// On disk, in whole pages.
    pub bytes: u64,
}

/// The oldest messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spooled {
    pub messages: Vec<Message>,
    /// The position to pass to [`Spool::remove`].
    pub last: i64,
}

impl Spool {
    /// Opens the spool at `path`, or creates it. Beside the file there is a write-ahead log, which
    /// takes up to 64 MiB more.
    pub fn open(path: &Path, bytes_max: u64) -> Result<Self, Error> {
        Ok(Self { database: Database::open(path, &SCHEMA, &create, &|_| Ok(()))?, bytes_max })
    }

    /// Appends all messages or none. An empty spool accepts any one call, so that no call is too
    /// large for ever. A full disk is a limit as well.
    pub async fn append(&self, messages: Vec<Message>) -> Result<Appended, Error> {
        let bytes_max = self.bytes_max;
        let job = move |connection: &mut Connection| match append(connection, bytes_max, &messages)
        {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Ok(Appended::Full)
            }
            outcome => outcome,
        };
        self.run(job).await
    }

    /// Returns the oldest messages, within both limits, but at least one.
    pub async fn first(&self, messages_max: usize, bytes_max: usize) -> Result<Spooled, Error> {
        self.run(move |connection| first(connection, messages_max, bytes_max)).await
    }

    /// Removes all messages up to the last one of [`first`](Self::first).
    pub async fn remove(&self, last: i64) -> Result<(), Error> {
        self.run(move |connection| remove(connection, last)).await
    }

    pub async fn level(&self) -> Result<SpoolLevel, Error> {
        self.run(|connection| level(connection)).await
    }

    /// Remembers how far sources have been stored elsewhere.
    pub async fn remember(&self, messages: Vec<Message>) -> Result<(), Error> {
        self.run(move |connection| {
            let transaction = begin(connection)?;
            source_ids(&transaction, &messages)?;
            remember_cursors(&transaction, &messages)?;
            transaction.commit()
        })
        .await
    }

    /// The cursor of the last message of a source that is known to be stored: here or, according to
    /// [`remember`](Self::remember), elsewhere.
    pub async fn last_cursor(&self, source: &str) -> Result<Option<SourceCursor>, Error> {
        let source = source.to_owned();
        self.run(move |connection| last_cursor(connection, &source)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.database.run(|path, source| Error::Spool { path, source }, job).await
    }
}

fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor TEXT,
             cursor_time INTEGER)
             STRICT;
         CREATE TABLE messages (
             position INTEGER PRIMARY KEY,
             received_time INTEGER NOT NULL,
             source INTEGER NOT NULL REFERENCES sources,
             cursor TEXT,
             key ANY,
             payload BLOB NOT NULL
         ) STRICT;",
    )
}

fn append(
    connection: &mut Connection,
    bytes_max: u64,
    messages: &[Message],
) -> rusqlite::Result<Appended> {
    let transaction = begin(connection)?;
    let SpoolLevel { messages: waiting, bytes } = level(&transaction)?;
    let added: u64 = messages.iter().map(|m| m.payload.len() as u64 + ROW_BYTES).sum();
    if waiting > 0 && bytes + added > bytes_max {
        return Ok(Appended::Full);
    }
    let sources = source_ids(&transaction, messages)?;
    {
        let sql = "INSERT INTO messages (received_time, source, cursor, key, payload)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut insert = transaction.prepare_cached(sql)?;
        for Message { headers, key, payload } in messages {
            let Headers { source, received_time, cursor } = headers;
            let source = sources[&**source];
            let key = key.as_ref().map(sql_key);
            insert.execute(params![
                received_time.0,
                source,
                cursor.as_deref(),
                key,
                &payload[..]
            ])?;
        }
    }
    remember_cursors(&transaction, messages)?;
    transaction.commit()?;
    Ok(Appended::Stored)
}

fn sql_key<'a>(key: &'a Key<'_>) -> ToSqlOutput<'a> {
    match key {
        Key::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
        Key::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
    }
}

fn level(connection: &Connection) -> rusqlite::Result<SpoolLevel> {
    let number = |sql: &str| -> rusqlite::Result<u64> {
        let value: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(u64::try_from(value).unwrap_or(0))
    };
    // Messages leave in the order in which they came, so their positions have no gaps.
    let messages = number("SELECT ifnull(max(position) - min(position) + 1, 0) FROM messages")?;
    let pages = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
    Ok(SpoolLevel { messages, bytes: pages * u64::from(SCHEMA.page_bytes) })
}

fn first(
    connection: &mut Connection,
    messages_max: usize,
    bytes_max: usize,
) -> rusqlite::Result<Spooled> {
    let names = names(connection)?;
    let sql = "SELECT position, received_time, source, cursor, key, payload FROM messages ORDER BY position";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let (mut spooled, mut bytes) = (Spooled::default(), 0);
    while spooled.messages.len() < messages_max.max(1)
        && let Some(row) = rows.next()?
    {
        bytes += row.get_ref(5)?.as_blob()?.len();
        if bytes > bytes_max && !spooled.messages.is_empty() {
            break;
        }
        spooled.messages.push(message(row, &names)?);
        spooled.last = row.get(0)?;
    }
    Ok(spooled)
}

fn message(row: &Row<'_>, names: &BTreeMap<i64, Arc<str>>) -> rusqlite::Result<Message> {
    let source: i64 = row.get(2)?;
    let unknown = || rusqlite::Error::IntegralValueOutOfRange(2, source);
    let source = Arc::clone(names.get(&source).ok_or_else(unknown)?);
    let cursor: Option<String> = row.get(3)?;
    let received_time = WallTime(row.get(1)?);
    let headers = Headers { source, received_time, cursor: cursor.map(Into::into) };
    let key = match row.get_ref(4)? {
        ValueRef::Integer(number) => Some(Key::Integer(number)),
        ValueRef::Text(_) => Some(Key::Text(row.get::<_, String>(4)?.into())),
        _ => None,
    };
    Ok(Message { headers, key, payload: row.get::<_, Vec<u8>>(5)?.into() })
}

fn names(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, Arc<str>>> {
    let mut statement = connection.prepare_cached("SELECT id, name FROM sources")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.into())))?;
    rows.collect()
}

fn remove(connection: &mut Connection, last: i64) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    transaction.prepare_cached("DELETE FROM messages WHERE position <= ?1")?.execute([last])?;
    let empty = level(&transaction)?.messages == 0;
    transaction.commit()?;
    if empty {
        // One row for each page that is given back.
        let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}
