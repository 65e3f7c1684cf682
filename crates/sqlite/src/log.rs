//! The log: one append-only table per partition, with the offset as its key.
//!
//! A table keyed by an ascending integer grows only at its right edge, so each page is written once
//! and full. Offsets have no gaps: a transaction that fails uses none up.

pub(crate) mod append;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use pulso_model::{Offsets, WallTime};
use pulso_pipeline::{Clock, Message, Sink, SourceCursor};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use tokio::sync::watch;

use crate::Error;
use crate::database::{Contents, Database, Schema};

pub use source::{LogSource, SourceState};
pub(crate) use source::{Reader, select};

/// More partitions than any machine can use; each has a table and a prepared statement.
pub(crate) const MAX_PARTITIONS: u32 = 64;

pub(crate) static SCHEMA: Schema = Schema {
    contents: Contents::Log,
    application_id: i32::from_be_bytes(*b"PulL"),
    version: 2,
    // Messages have about 1.4 kB; a small page would leave a third of itself empty.
    page_bytes: 16 * 1024,
    shrinks: false,
};

/// The write side of the log. Clones share one connection.
#[derive(Clone)]
pub struct Log {
    database: Arc<Database>,
    partitions: u32,
    now: Arc<dyn Fn() -> WallTime + Send + Sync>,
    /// Tells the readers in this process that there is more.
    appended: watch::Sender<()>,
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Log").field("database", &self.database).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log at `path`, or creates it with this number of partitions.
    ///
    /// # Errors
    /// Among others, when the log has another number of partitions.
    pub fn open(path: &Path, partitions: u32, clock: impl Clock) -> Result<Self, Error> {
        if !(1..=MAX_PARTITIONS).contains(&partitions) {
            return Err(Error::PartitionCount { requested: partitions });
        }
        let database =
            Database::open(path, &SCHEMA, &|transaction| create(transaction, partitions), &|_| {
                Ok(())
            })?;
        let stored = stored_partitions(&database)?;
        if stored != partitions {
            let path = path.to_owned();
            return Err(Error::Partitions { path, stored, requested: partitions });
        }
        let now = Arc::new(move || clock.now());
        Ok(Self { database, partitions, now, appended: watch::Sender::default() })
    }

    /// Opens a reader at the first offsets, which returns at most `batch_records` at once.
    pub fn source(&self, batch_records: usize) -> Result<LogSource, Error> {
        LogSource::open(self.database.path(), batch_records, Some(self.appended.subscribe()))
    }

    /// The cursor of the last stored message of a source: where it goes on.
    pub async fn last_cursor(&self, source: &str) -> Result<Option<SourceCursor>, Error> {
        let source = source.to_owned();
        let job = move |connection: &mut Connection| append::last_cursor(connection, &source);
        self.database.run(|path, source| Error::Read { path, source }, job).await
    }

    /// One past the last offset of each partition.
    pub async fn end_offsets(&self) -> Result<Offsets, Error> {
        let partitions = self.partitions;
        let job = move |connection: &mut Connection| ends(&connection.transaction()?, partitions);
        self.database.run(|path, source| Error::Read { path, source }, job).await
    }
}

impl Sink<Message> for Log {
    type Error = Error;

    async fn write(&mut self, messages: Vec<Message>) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        let (partitions, now) = (self.partitions, Arc::clone(&self.now));
        let appended = self.appended.clone();
        let job = move |connection: &mut Connection| {
            append::append(connection, partitions, &*now, &messages)?;
            appended.send_replace(());
            Ok(())
        };
        self.database.run(|path, source| Error::Append { path, source }, job).await
    }
}

fn create(transaction: &Transaction<'_>, partitions: u32) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE log (partitions INTEGER NOT NULL) STRICT;
         CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor TEXT,
             cursor_time INTEGER)
             STRICT;",
    )?;
    transaction.execute("INSERT INTO log VALUES (?1)", [partitions])?;
    for number in 0..partitions {
        transaction.execute_batch(&format!(
            "CREATE TABLE partition_{number} (
                 \"offset\" INTEGER PRIMARY KEY,
                 log_time INTEGER NOT NULL,
                 received_time INTEGER NOT NULL,
                 source INTEGER NOT NULL REFERENCES sources,
                 cursor TEXT,
                 payload BLOB NOT NULL
             ) STRICT;"
        ))?;
    }
    Ok(())
}

/// The number of partitions of a log that has just been opened.
fn stored_partitions(database: &Database) -> Result<u32, Error> {
    let connection = database.idle().expect("nobody else has the database yet");
    let path = || database.path().to_owned();
    partitions(&connection).map_err(|source| Error::Open {
        contents: Contents::Log,
        path: path(),
        source,
    })
}

pub(crate) fn partitions(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("SELECT partitions FROM log", [], |row| row.get(0))
}

/// One past the last offset of each partition, as of one consistent moment.
fn ends(transaction: &Transaction<'_>, partitions: u32) -> rusqlite::Result<Offsets> {
    (0..partitions).map(|number| end(transaction, number)).collect()
}

/// One past the last offset of a partition.
fn end(connection: &Connection, number: u32) -> rusqlite::Result<u64> {
    let sql = format!("SELECT \"offset\" FROM partition_{number} ORDER BY \"offset\" DESC LIMIT 1");
    let last = connection.prepare_cached(&sql)?.query_row([], |row| offset(row, 0));
    Ok(last.optional()?.map_or(0, |last| last + 1))
}

fn offset(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}
