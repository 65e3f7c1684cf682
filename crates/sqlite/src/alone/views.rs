//! Views and checkpoints: other documents in the place of some, and another state.

use pulso_model::{EventTime, Layer, View, ViewDocument};
use pulso_pipeline::{Amend, Change, Checkpoint, Row};
use rusqlite::params;

use super::Alone;
use crate::views::schema::table;
use crate::{Error, checkpoints};

impl Amend for Alone {
    type Error = Error;

    async fn rows_with(&mut self, view: View, text: &str) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        let mut read = |layer| -> rusqlite::Result<()> {
            let table = table(view, layer);
            if !self.connection.table_exists(None, &*table)? {
                return Ok(());
            }
            let mut statement = self.connection.prepare(&format!(
                "SELECT rowid, id, time, position, scope, body FROM {table}
                 WHERE instr(body, ?1) > 0 OR instr(id, ?1) > 0"
            ))?;
            let mut rows = statement.query([text])?;
            while let Some(row) = rows.next()? {
                let document = ViewDocument {
                    view,
                    id: row.get(1)?,
                    time: EventTime(row.get(2)?),
                    position: row.get(3)?,
                    scope: row.get(4)?,
                    body: row.get(5)?,
                };
                let place = row.get::<_, i64>(0)?.to_string();
                found.push(Row { layer, place, document });
            }
            Ok(())
        };
        let read = [Layer::Speed, Layer::Batch].into_iter().try_for_each(&mut read);
        read.map_err(|source| self.failed(source))?;
        Ok(found)
    }

    /// All or none.
    async fn amend(&mut self, changes: &[Change]) -> Result<(), Error> {
        self.change(|transaction| {
            // A number given as text equals the `rowid` that it says.
            for (Row { layer, place, document }, new) in changes {
                let table = table(document.view, *layer);
                match new {
                    Some(ViewDocument { id, body, .. }) => {
                        let sql = format!("UPDATE {table} SET id = ?2, body = ?3 WHERE rowid = ?1");
                        transaction.prepare_cached(&sql)?.execute(params![place, id, body])?;
                    }
                    None => {
                        let sql = format!("DELETE FROM {table} WHERE rowid = ?1");
                        transaction.prepare_cached(&sql)?.execute([place])?;
                    }
                }
            }
            Ok(())
        })
    }

    async fn finish(self, _: &[View]) -> Result<(), Error> {
        self.write_anew()
    }
}

impl Alone {
    /// The checkpoint of the reader `name`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn checkpoint(&mut self, name: &str) -> Result<Option<Checkpoint>, Error> {
        checkpoints::load(&mut self.connection, name).map_err(|source| self.failed(source))
    }

    /// Puts a checkpoint in the place of the one of the reader `name`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_checkpoint(&mut self, name: &str, checkpoint: &Checkpoint) -> Result<(), Error> {
        let saved = checkpoints::save(&mut self.connection, name, checkpoint);
        saved.map_err(|source| self.failed(source))
    }
}
