//! The log: other payloads in the place of messages.

use std::collections::BTreeMap;

use pulso_model::Position;
use pulso_pipeline::Record;
use rusqlite::params;

use super::Alone;
use crate::Error;
use crate::log::{Reader, partitions, select};

impl Alone {
    /// Every message of the log, partition by partition.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn each_message(&self, mut see: impl FnMut(Record)) -> Result<(), Error> {
        let mut read = || -> rusqlite::Result<()> {
            let reader = Reader::new(&self.connection)?;
            for partition in 0..partitions(&self.connection)? {
                let sql = format!("{} ORDER BY \"offset\"", select(partition));
                let mut statement = self.connection.prepare(&sql)?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    see(reader.record(partition, row)?);
                }
            }
            Ok(())
        };
        read().map_err(|source| self.failed(source))
    }

    /// Puts other payloads in the place of those at these positions, all or none.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub fn replace_payloads(
        &mut self,
        payloads: &BTreeMap<Position, Vec<u8>>,
    ) -> Result<(), Error> {
        self.change(|transaction| {
            for (Position { partition, offset }, payload) in payloads {
                let sql =
                    format!("UPDATE partition_{partition} SET payload = ?2 WHERE \"offset\" = ?1");
                let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
                transaction.prepare_cached(&sql)?.execute(params![offset, payload])?;
            }
            Ok(())
        })
    }
}
