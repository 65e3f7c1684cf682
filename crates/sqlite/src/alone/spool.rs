//! The spool: messages that are never brought to the log.

use pulso_model::WallTime;

use super::Alone;
use crate::Error;

/// A message in the spool.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// For [`Alone::forget`].
    pub position: i64,
    pub received_time: WallTime,
    pub payload: Vec<u8>,
}

impl Alone {
    /// Every message of the spool.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn each_waiting(&self, mut see: impl FnMut(Waiting)) -> Result<(), Error> {
        let mut read = || -> rusqlite::Result<()> {
            let sql = "SELECT position, received_time, payload FROM messages ORDER BY position";
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (position, received_time) = (row.get(0)?, WallTime(row.get(1)?));
                see(Waiting { position, received_time, payload: row.get(2)? });
            }
            Ok(())
        };
        read().map_err(|source| self.failed(source))
    }

    /// Removes these messages.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn forget(&mut self, positions: &[i64]) -> Result<(), Error> {
        self.change(|transaction| {
            let mut delete = transaction.prepare("DELETE FROM messages WHERE position = ?1")?;
            positions.iter().try_for_each(|position| delete.execute([position]).map(drop))
        })
    }
}
