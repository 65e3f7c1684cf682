//! Reads the log, fairly over its partitions, while it grows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pulso_model::{Offsets, Position, WallTime};
use pulso_pipeline::{Batch, Headers, Record, Source};
use rusqlite::{Connection, Row, params};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{SCHEMA, end, ends, offset, stored_partitions};
use crate::Error;
use crate::database::Database;

/// The longest time that [`Source::next_batch`] waits for something new.
const MAX_WAIT: Duration = Duration::from_millis(200);

/// How often a reader in another process checks for something new.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The largest payload of a batch, unless a single message is larger. Bounds a reader's memory.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// What is known of a source of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    pub name: Arc<str>,
    /// How many of the messages that were looked at are from it.
    pub messages: u32,
    /// When the last of these was received.
    pub last_received: Option<WallTime>,
}

/// Reads a log, on a connection of its own.
#[derive(Debug)]
pub struct LogSource {
    database: Arc<Database>,
    next_offsets: Offsets,
    /// The partition to read first next time, so that each has its turn.
    first: u32,
    batch_records: usize,
    /// Changes when a writer in this process has appended.
    appended: Option<watch::Receiver<()>>,
}

impl LogSource {
    /// Opens a reader of a log that another process writes.
    pub fn open_read_only(path: &Path, batch_records: usize) -> Result<Self, Error> {
        Self::open(path, batch_records, None)
    }

    pub(super) fn open(
        path: &Path,
        batch_records: usize,
        appended: Option<watch::Receiver<()>>,
    ) -> Result<Self, Error> {
        let database = Database::open_read_only(path, &SCHEMA)?;
        let partitions = stored_partitions(&database)?;
        let next_offsets = Offsets::zero(partitions);
        Ok(Self { database, next_offsets, first: 0, batch_records, appended })
    }

    /// The message at a place; `None` where there is none.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn message(&self, position: Position) -> Result<Option<Record>, Error> {
        if position.partition >= self.partitions() {
            return Ok(None);
        }
        let job = move |connection: &mut Connection| {
            let mut reader = Reader::new(connection)?;
            reader.read(position.partition, position.offset, Share { records: 1, bytes: 0 })?;
            let found = reader.records.into_iter().next();
            Ok(found.filter(|record| record.position() == position))
        };
        self.database.run(|path, source| Error::Read { path, source }, job).await
    }

    /// Messages that have a text in them: at most `records_max` of each partition, among its newest
    /// `searched_max`, the newest first.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn messages_with(
        &self,
        text: String,
        records_max: u32,
        searched_max: u32,
    ) -> Result<Vec<Record>, Error> {
        let partitions = self.partitions();
        let job = move |connection: &mut Connection| {
            let mut reader = Reader::new(connection)?;
            for partition in 0..partitions {
                let sql = format!(
                    "{} WHERE \"offset\" >= ?1 AND instr(payload, ?2) > 0
                     ORDER BY \"offset\" DESC LIMIT ?3",
                    select(partition)
                );
                let first = end(connection, partition)?.saturating_sub(searched_max.into());
                let first = i64::try_from(first).unwrap_or(i64::MAX);
                let mut statement = connection.prepare_cached(&sql)?;
                let mut rows = statement.query(params![first, text.as_bytes(), records_max])?;
                while let Some(row) = rows.next()? {
                    let record = reader.record(partition, row)?;
                    reader.records.push(record);
                }
            }
            Ok(reader.records)
        };
        self.database.run(|path, source| Error::Read { path, source }, job).await
    }

    /// The sources that have ever written to the log, by name, with what the newest `searched_max` messages
    /// of each partition tell.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn sources(&self, searched_max: u32) -> Result<Vec<SourceState>, Error> {
        let partitions = self.partitions();
        let job = move |connection: &mut Connection| {
            let names = sources(connection)?;
            let state = |(id, name)| (id, SourceState { name, messages: 0, last_received: None });
            let mut states: BTreeMap<_, _> = names.into_iter().map(state).collect();
            for partition in 0..partitions {
                let sql = format!(
                    "SELECT source, count(*), max(received_time) FROM partition_{partition}
                     WHERE \"offset\" >= ?1 GROUP BY source"
                );
                let first = end(connection, partition)?.saturating_sub(searched_max.into());
                let mut statement = connection.prepare_cached(&sql)?;
                let mut rows = statement.query([i64::try_from(first).unwrap_or(i64::MAX)])?;
                while let Some(row) = rows.next()? {
                    if let Some(state) = states.get_mut(&row.get::<_, i64>(0)?) {
                        state.messages += row.get::<_, u32>(1)?;
                        let last = WallTime(row.get(2)?);
                        state.last_received = state.last_received.max(Some(last));
                    }
                }
            }
            let mut states: Vec<_> = states.into_values().collect();
            states.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(states)
        };
        self.database.run(|path, source| Error::Read { path, source }, job).await
    }

    /// Reads what there is. Only a complete answer moves the offsets, so a dropped future loses
    /// nothing.
    async fn read(&mut self) -> Result<Batch, Error> {
        let (from, first) = (self.next_offsets.clone(), self.first);
        let batch_records = self.batch_records.max(1);
        let job = move |connection: &mut Connection| read(connection, &from, first, batch_records);
        let failed = |path, source| Error::Read { path, source };
        let (batch, next_offsets) = self.database.run(failed, job).await?;
        self.next_offsets = next_offsets;
        if !batch.records.is_empty() {
            self.first = (first + 1) % self.partitions();
        }
        Ok(batch)
    }

    async fn wait(&mut self, deadline: Instant) {
        match &mut self.appended {
            Some(appended) => match timeout_at(deadline, appended.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                // The writer is gone, and would be "changed" without end.
                Ok(Err(_)) => sleep_until(deadline).await,
            },
            None => sleep(POLL_INTERVAL).await,
        }
    }
}

impl Source for LogSource {
    type Error = Error;

    fn partitions(&self) -> u32 {
        self.next_offsets.partitions()
    }

    async fn acquire(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn may_write(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn first_offsets(&mut self) -> Result<Offsets, Error> {
        Ok(Offsets::zero(self.partitions()))
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), Error> {
        let (given, partitions) = (next_offsets.partitions(), self.partitions());
        if given != partitions {
            return Err(Error::Seek { path: self.database.path().to_owned(), given, partitions });
        }
        self.next_offsets.clone_from(next_offsets);
        Ok(())
    }

    async fn next_batch(&mut self) -> Result<Batch, Error> {
        let deadline = Instant::now() + MAX_WAIT;
        loop {
            if let Some(appended) = &mut self.appended {
                // Before reading: what is appended from here on ends the wait below.
                appended.mark_unchanged();
            }
            let batch = self.read().await?;
            if !batch.records.is_empty() || Instant::now() >= deadline {
                return Ok(batch);
            }
            self.wait(deadline).await;
        }
    }
}

/// Reads one batch as of one consistent moment. Also returns the offsets to continue from.
fn read(
    connection: &mut Connection,
    from: &Offsets,
    first: u32,
    batch_records: usize,
) -> rusqlite::Result<(Batch, Offsets)> {
    let transaction = connection.transaction()?;
    let end_offsets = ends(&transaction, from.partitions())?;
    // A reader that was sent past the end of the log reads on from the end.
    let mut next_offsets = from.at_most(&end_offsets);
    let mut unread: Vec<_> =
        next_offsets.zip(&end_offsets).filter(|(_, next, end)| next < end).collect();
    if unread.is_empty() {
        return Ok((Batch { end_offsets, ..Batch::default() }, next_offsets));
    }
    let mut reader = Reader::new(&transaction)?;
    let turn = unread.partition_point(|(partition, ..)| *partition < first);
    unread.rotate_left(turn);
    for ((partition, next_offset, _), waiting) in unread.iter().zip((1..=unread.len()).rev()) {
        // Each partition may use an equal share of the room left, so that none starves another.
        let room = Share {
            records: (batch_records - reader.records.len()).div_ceil(waiting),
            bytes: MAX_BATCH_BYTES.saturating_sub(reader.bytes) / waiting,
        };
        reader.read(*partition, *next_offset, room)?;
    }
    reader.records.iter().for_each(|record| next_offsets.pass(record.position()));
    let batch = Batch { records: reader.records, end_offsets, finished: false };
    Ok((batch, next_offsets))
}

#[derive(Clone, Copy)]
struct Share {
    records: usize,
    bytes: usize,
}

pub(crate) struct Reader<'a> {
    connection: &'a Connection,
    sources: BTreeMap<i64, Arc<str>>,
    records: Vec<Record>,
    bytes: usize,
}

/// The columns that make a record.
pub(crate) fn select(partition: u32) -> String {
    format!(
        "SELECT \"offset\", log_time, received_time, source, cursor, payload FROM partition_{partition}"
    )
}

impl<'a> Reader<'a> {
    pub(crate) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        let sources = sources(connection)?;
        Ok(Self { connection, sources, records: Vec::new(), bytes: 0 })
    }

    /// Reads from one partition.
    fn read(&mut self, partition: u32, from: u64, share: Share) -> rusqlite::Result<()> {
        let sql =
            format!("{} WHERE \"offset\" >= ?1 ORDER BY \"offset\" LIMIT ?2", select(partition));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let limit = i64::try_from(share.records).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![i64::try_from(from).unwrap_or(i64::MAX), limit])?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let size = row.get_ref(5)?.as_blob()?.len();
            // A message larger than the share is read when it is the batch's first.
            if bytes + size > share.bytes && !self.records.is_empty() {
                break;
            }
            let record = self.record(partition, row)?;
            self.records.push(record);
            bytes += size;
        }
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) fn record(&self, partition: u32, row: &Row<'_>) -> rusqlite::Result<Record> {
        let source: i64 = row.get(3)?;
        let unknown = || rusqlite::Error::IntegralValueOutOfRange(3, source);
        let source = Arc::clone(self.sources.get(&source).ok_or_else(unknown)?);
        let cursor = row.get::<_, Option<String>>(4)?.map(Into::into);
        Ok(Record {
            partition,
            offset: offset(row, 0)?,
            log_time: WallTime(row.get(1)?),
            headers: Headers { source, received_time: WallTime(row.get(2)?), cursor },
            payload: row.get::<_, Vec<u8>>(5)?.into(),
        })
    }
}

fn sources(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, Arc<str>>> {
    let mut statement = connection.prepare_cached("SELECT id, name FROM sources")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.into())))?;
    rows.collect()
}
