//! Opens database files and runs jobs on their connections.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, TryLockError};

use crate::Error;

/// How long SQLite waits for another process's lock before it reports that the file is busy.
/// Transactions here take milliseconds; whoever holds a lock longer is stuck, or is a person at a
/// prompt.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Prepared statements that a connection keeps: more than the views and partitions in use.
const CACHED_STATEMENTS: usize = 128;

/// When the WAL has grown to about this many bytes, SQLite copies it into the database...
const CHECKPOINT_BYTES: u32 = 32 * 1024 * 1024;

/// ...and truncates it to this size if a slow reader had let it grow.
const WAL_BYTES_KEPT: u32 = 2 * CHECKPOINT_BYTES;

/// Page cache of a connection that writes, in KiB: the upper levels of all indexes.
const WRITER_CACHE_KIB: i32 = 16 * 1024;

/// Page cache of a connection that reads, in KiB; the operating system caches the rest.
const READER_CACHE_KIB: i32 = 4 * 1024;

/// Connections for queries. More would only wait for the same disk and cores.
const QUERY_CONNECTIONS: usize = 4;

/// The pause before a job that nobody waits for is broken off again, between two of its statements.
const BREAK_OFF_AGAIN: Duration = Duration::from_millis(10);

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    Log,
    /// View documents and checkpoints.
    Views,
    /// Messages on their way into another log.
    Spool,
}

impl fmt::Display for Contents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Log => "log",
            Self::Views => "views",
            Self::Spool => "spool",
        })
    }
}

/// The layout of a file.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) contents: Contents,
    /// Marks the file (`PRAGMA application_id`), so that one kind is never taken for the other.
    pub(crate) application_id: i32,
    /// `PRAGMA user_version`. Every change of the layout increments it; older files are refused.
    pub(crate) version: i32,
    /// Fixed when the file is created.
    pub(crate) page_bytes: u32,
    /// Whether the file can return space that it no longer needs. Also fixed when it is created.
    pub(crate) shrinks: bool,
}

/// Changes the tables of a file.
pub(crate) type Change<'a> = &'a dyn Fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// One connection and the path of its file.
///
/// Jobs run in the order in which they were requested. An abandoned job that has begun ends before
/// the next one begins, so nothing old overwrites anything newer.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    connection: Arc<tokio::sync::Mutex<Connection>>,
}

impl Database {
    /// Opens a file for writing, and creates it if there is none; `add` then adds what it lacks.
    ///
    /// Uses `synchronous=FULL`, because a commit is acknowledged as durable: in WAL mode SQLite
    /// then syncs the WAL at every commit, while `NORMAL` would lose the last commits in a power
    /// failure.
    pub(crate) fn open(
        path: &Path,
        schema: &Schema,
        create: Change<'_>,
        add: Change<'_>,
    ) -> Result<Arc<Self>, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let (mut connection, _) = connect(path, schema, flags)?;
        prepare(&mut connection, schema, create, add)
            .map_err(|source| open_error(path, schema, source))?;
        Ok(Self::new(path, connection))
    }

    /// Opens a file that a writer has created.
    pub(crate) fn open_read_only(path: &Path, schema: &Schema) -> Result<Arc<Self>, Error> {
        let connection = connect_read_only(path, schema)?;
        Ok(Self::new(path, connection))
    }

    fn new(path: &Path, connection: Connection) -> Arc<Self> {
        let connection = Arc::new(tokio::sync::Mutex::new(connection));
        Arc::new(Self { path: path.to_owned(), connection })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Locks the connection while no job uses it, such as right after opening.
    pub(crate) fn idle(&self) -> Result<tokio::sync::MutexGuard<'_, Connection>, TryLockError> {
        self.connection.try_lock()
    }

    /// Runs one job on the connection; `failed` names the operation.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        failed: fn(PathBuf, rusqlite::Error) -> Error,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        let path = self.path.clone();
        blocking(move || job(&mut connection).map_err(|source| failed(path, source))).await
    }
}

/// A few read-only connections, opened when they are first needed.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    schema: &'static Schema,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Opens one connection at once, to find out whether the file can be read.
    pub(crate) fn open(path: &Path, schema: &'static Schema) -> Result<Arc<Self>, Error> {
        let idle = Mutex::new(vec![connect_read_only(path, schema)?]);
        let permits = Arc::new(Semaphore::new(QUERY_CONNECTIONS));
        Ok(Arc::new(Self { path: path.to_owned(), schema, permits, idle }))
    }

    /// Opens a separate connection for a long-running reader; `begin` sets it up.
    pub(crate) async fn connect_for_long(
        self: &Arc<Self>,
        failed: fn(PathBuf, rusqlite::Error) -> Error,
        begin: fn(&Connection) -> rusqlite::Result<()>,
    ) -> Result<Connection, Error> {
        let readers = Arc::clone(self);
        blocking(move || {
            let connection = readers.connect()?;
            begin(&connection).map_err(|source| failed(readers.path.clone(), source))?;
            Ok(connection)
        })
        .await
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs one job on a free connection, or waits for one. A job that nobody waits for any more is
    /// broken off: it would only keep the connection from others.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        failed: fn(PathBuf, rusqlite::Error) -> Error,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let readers = Arc::clone(self);
        let asker = Asker::default();
        let running = Arc::clone(&asker.running);
        let outcome = blocking(move || {
            let _permit = permit;
            let idle = readers.idle().pop();
            let mut connection = idle.map_or_else(|| readers.connect(), Ok)?;
            let begun = running.begin(&connection);
            let outcome = if begun { Some(job(&mut connection)) } else { None };
            running.end();
            // Breaking off a job may have broken off the end of its transaction, too. Then closing the
            // connection ends it; another job could begin none, and would read what was there long ago.
            if connection.is_autocommit() {
                readers.idle().push(connection);
            }
            let failed = |source| failed(readers.path.clone(), source);
            outcome.map_or(Err(Error::Stopping), |outcome| outcome.map_err(failed))
        });
        let outcome = outcome.await;
        drop(asker);
        outcome
    }

    fn connect(&self) -> Result<Connection, Error> {
        connect_read_only(&self.path, self.schema)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a job; when it goes, the job is broken off.
#[derive(Debug, Default)]
struct Asker {
    running: Arc<Running>,
}

impl Drop for Asker {
    fn drop(&mut self) {
        let running = Arc::clone(&self.running);
        if !running.break_off() {
            return;
        }
        // A statement that begins only now has not noticed.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move {
                while running.break_off() {
                    tokio::time::sleep(BREAK_OFF_AGAIN).await;
                }
            }));
        }
    }
}

/// A job of a reader, as seen by the one who waits for it.
#[derive(Debug, Default)]
struct Running {
    state: Mutex<RunningState>,
}

#[derive(Default)]
enum RunningState {
    #[default]
    Waiting,
    Begun(InterruptHandle),
    Over,
}

impl fmt::Debug for RunningState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Waiting => "Waiting",
            Self::Begun(_) => "Begun",
            Self::Over => "Over",
        })
    }
}

impl Running {
    /// `false` if nobody waits any more.
    fn begin(&self, connection: &Connection) -> bool {
        let mut state = self.state();
        let waiting = matches!(*state, RunningState::Waiting);
        if waiting {
            *state = RunningState::Begun(connection.get_interrupt_handle());
        }
        waiting
    }

    /// From here on the connection is for other jobs.
    fn end(&self) {
        *self.state() = RunningState::Over;
    }

    /// Breaks off the statement that runs; `false` if the job is over, or will not begin.
    fn break_off(&self) -> bool {
        let mut state = self.state();
        match &*state {
            RunningState::Begun(handle) => {
                handle.interrupt();
                true
            }
            RunningState::Waiting | RunningState::Over => {
                *state = RunningState::Over;
                false
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, RunningState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a transaction that will write. It takes the lock now, so that it does not fail halfway.
pub(crate) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(job).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Stopping),
        },
    }
}

fn connect_read_only(path: &Path, schema: &Schema) -> Result<Connection, Error> {
    let missing = || Error::Missing { contents: schema.contents, path: path.to_owned() };
    if !path.exists() {
        return Err(missing());
    }
    let (connection, state) = connect(path, schema, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if state != State::Ready {
        return Err(missing());
    }
    let set = connection.pragma_update(None, "cache_size", -READER_CACHE_KIB);
    set.map_err(|source| open_error(path, schema, source))?;
    Ok(connection)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A new file.
    Empty,
    Ready,
}

fn connect(path: &Path, schema: &Schema, flags: OpenFlags) -> Result<(Connection, State), Error> {
    let failed = |source| open_error(path, schema, source);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    let state = check(&connection, path, schema)?;
    Ok((connection, state))
}

/// Determines whether the file is new, ours, or somebody else's.
pub(crate) fn check(connection: &Connection, path: &Path, schema: &Schema) -> Result<State, Error> {
    let read = || -> rusqlite::Result<(i32, i32, bool)> {
        let application_id = connection.pragma_query_value(None, "application_id", |r| r.get(0))?;
        let version = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
        let tables = "SELECT EXISTS (SELECT 1 FROM sqlite_schema)";
        Ok((application_id, version, connection.query_row(tables, [], |r| r.get(0))?))
    };
    let (application_id, found, tables) =
        read().map_err(|source| open_error(path, schema, source))?;
    let (path, known) = (path.to_owned(), schema.version);
    match (application_id, found, tables) {
        (0, 0, false) => Ok(State::Empty),
        (id, ..) if id != schema.application_id => {
            Err(Error::OtherContents { contents: schema.contents, path })
        }
        (_, found, _) if found > known => Err(Error::NewerSchema { path, found, known }),
        (_, found, _) if found < known => Err(Error::OlderSchema { path, found, known }),
        _ => Ok(State::Ready),
    }
}

/// Sets up a writing connection and creates the tables that are missing.
fn prepare(
    connection: &mut Connection,
    schema: &Schema,
    create: Change<'_>,
    add: Change<'_>,
) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", schema.page_bytes)?;
    if schema.shrinks {
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    // Answers with the mode; a file system without shared memory keeps another one, which is slower
    // but no less safe.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    let pages = CHECKPOINT_BYTES / schema.page_bytes;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(()))?;
    let transaction = begin(connection)?;
    // Asked again under the lock: two programs may start at once.
    let version: i32 = transaction.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if version == 0 {
        create(&transaction)?;
        transaction.pragma_update(None, "application_id", schema.application_id)?;
        transaction.pragma_update(None, "user_version", schema.version)?;
    }
    add(&transaction)?;
    transaction.commit()
}

fn open_error(path: &Path, schema: &Schema, source: rusqlite::Error) -> Error {
    Error::Open { contents: schema.contents, path: path.to_owned(), source }
}
