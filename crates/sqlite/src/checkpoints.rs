//! The checkpoint of one reader of the log.

use std::path::Path;
use std::sync::Arc;

use pulso_model::EventTime;
use pulso_pipeline::{Checkpoint, Checkpoints, Progress};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::database::{Database, begin};
use crate::views::SCHEMA;
use crate::{Error, ViewStore};

/// Keeps the checkpoint of one reader, by name, in the file of the views that it writes.
#[derive(Debug)]
pub struct CheckpointStore {
    database: Arc<Database>,
    name: Arc<str>,
}

impl CheckpointStore {
    /// Opens the file on a connection of its own. If the same process has a [`ViewStore`] open, use
    /// [`ViewStore::checkpoints`] instead.
    pub fn open(path: &Path, name: &str) -> Result<Self, Error> {
        Ok(ViewStore::open(path, &[])?.checkpoints(name))
    }

    /// Opens the file only to read what was saved last.
    pub fn open_read_only(path: &Path, name: &str) -> Result<Self, Error> {
        Ok(Self::new(Database::open_read_only(path, &SCHEMA)?, name))
    }

    pub(crate) fn new(database: Arc<Database>, name: &str) -> Self {
        Self { database, name: name.into() }
    }
}

impl Checkpoints for CheckpointStore {
    type Error = Error;

    async fn load(&mut self) -> Result<Option<Checkpoint>, Error> {
        let name = Arc::clone(&self.name);
        let failed = |path, source| Error::LoadCheckpoint { path, source };
        self.database.run(failed, move |connection| load(connection, &name)).await
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), Error> {
        let name = Arc::clone(&self.name);
        let failed = |path, source| Error::SaveCheckpoint { path, source };
        self.database.run(failed, move |connection| save(connection, &name, &checkpoint)).await
    }
}

pub(crate) fn load(
    connection: &mut Connection,
    name: &str,
) -> rusqlite::Result<Option<Checkpoint>> {
    let transaction = connection.transaction()?;
    let sql = "SELECT closed_until, state FROM checkpoints WHERE name = ?1";
    let found = transaction
        .prepare_cached(sql)?
        .query_row([name], |row| Ok((row.get::<_, Option<i64>>(0)?.map(EventTime), row.get(1)?)));
    let Some((closed_until, state)) = found.optional()? else { return Ok(None) };
    let mut statement = transaction.prepare_cached(
        "SELECT next_offset, counted, echoes, late, skipped, dead_letters, first_offset
         FROM checkpoint_progress WHERE name = ?1 ORDER BY partition",
    )?;
    let progress = statement.query_map([name], progress)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some(Checkpoint { progress, closed_until, state }))
}

pub(crate) fn save(
    connection: &mut Connection,
    name: &str,
    checkpoint: &Checkpoint,
) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    transaction.execute("DELETE FROM checkpoint_progress WHERE name = ?1", [name])?;
    transaction
        .prepare_cached(
            "INSERT INTO checkpoints (name, closed_until, state) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET closed_until = excluded.closed_until,
                 state = excluded.state",
        )?
        .execute(params![name, checkpoint.closed_until.map(|time| time.0), checkpoint.state])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO checkpoint_progress VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (partition, progress) in checkpoint.progress.iter().enumerate() {
        insert.execute(params![
            name,
            signed(partition as u64),
            signed(progress.next_offset),
            signed(progress.counted),
            signed(progress.echoes),
            signed(progress.late),
            signed(progress.skipped),
            signed(progress.dead_letters),
            signed(progress.first_offset),
        ])?;
    }
    drop(insert);
    transaction.commit()
}

fn progress(row: &Row<'_>) -> rusqlite::Result<Progress> {
    let count = |column| {
        let value: i64 = row.get(column)?;
        u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
    };
    Ok(Progress {
        next_offset: count(0)?,
        counted: count(1)?,
        echoes: count(2)?,
        late: count(3)?,
        skipped: count(4)?,
        dead_letters: count(5)?,
        first_offset: count(6)?,
    })
}

/// Converts counts of messages; no log is longer than 2^63.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
