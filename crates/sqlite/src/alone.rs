//! Changing for good what a file holds: nothing of what was there before stays in it.
//!
//! Everywhere else the log is append-only, and replaced rows linger in free pages until these are used
//! again. Here the one who changes a file has it alone, so that what is put aside for readers can go, too.

mod log;
mod spool;
#[cfg(test)]
mod tests;
mod views;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::Error;
use crate::database::{Contents, Schema, check};

pub use spool::Waiting;

/// A file that nobody else can open until this is dropped. Its methods block.
#[derive(Debug)]
pub struct Alone {
    path: PathBuf,
    connection: Connection,
    contents: Contents,
}

impl Alone {
    /// Takes the file of this kind for itself.
    ///
    /// # Errors
    /// [`Error::InUse`] while any other program, or part of this one, has it open.
    pub fn open(path: &Path, contents: Contents) -> Result<Self, Error> {
        let schema = match contents {
            Contents::Log => &crate::log::SCHEMA,
            Contents::Views => &crate::views::SCHEMA,
            Contents::Spool => &crate::spool::SCHEMA,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .and_then(|connection| take(&connection).map(|()| connection))
            .map_err(|source| match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                    Error::InUse { contents, path: path.to_owned() }
                }
                _ => open_error(path, schema, source),
            })?;
        check(&connection, path, schema)?;
        Ok(Self { path: path.to_owned(), connection, contents })
    }

    /// Writes the file anew, without what was deleted or replaced at any time, and lets others have it.
    ///
    /// # Errors
    /// When there is no room for a second copy of it, or the disk fails.
    pub fn write_anew(self) -> Result<(), Error> {
        let written = self.connection.execute_batch("VACUUM; PRAGMA journal_mode = wal");
        written.map_err(|source| self.failed(source))
    }

    fn change(
        &mut self,
        job: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), Error> {
        let changed = crate::database::begin(&mut self.connection).and_then(|transaction| {
            job(&transaction)?;
            transaction.commit()
        });
        changed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Change { contents: self.contents, path: self.path.clone(), source }
    }
}

/// Without a write-ahead log there is nothing beside the file, and leaving it needs to be alone. The lock
/// is then kept. Deleted bytes are overwritten.
fn take(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    connection.pragma_update_and_check(None, "journal_mode", "delete", mode)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")
}

fn open_error(path: &Path, schema: &Schema, source: rusqlite::Error) -> Error {
    Error::Open { contents: schema.contents, path: path.to_owned(), source }
}
