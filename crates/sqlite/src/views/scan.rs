//! Reads a whole view in key order, as of one moment.
//!
//! The keys are sorted first, each with the position of its row, and the rows are fetched
//! afterwards: sorting whole documents would need as much disk space again as the view.

use std::sync::Arc;

use pulso_model::{EventTime, Layer, View, ViewDocument};
use pulso_pipeline::{Documents, LayerChoice, StoredDocument};
use rusqlite::{CachedStatement, Connection};
use tokio::sync::mpsc;

use super::schema::{current, extract, table, visible};
use crate::Error;
use crate::database::Readers;

/// Documents in one chunk: about a megabyte.
const CHUNK_DOCUMENTS: usize = 1_000;

/// How many chunks wait for the reader.
const CHUNKS_AHEAD: usize = 2;

type Sender = mpsc::Sender<Result<Vec<StoredDocument>, Error>>;

pub(super) async fn start(
    readers: &Arc<Readers>,
    view: View,
    choice: LayerChoice,
) -> Result<Documents<Error>, Error> {
    let failed = |path, source| Error::Scan { path, source };
    let connection = readers.connect_for_long(failed, |connection| {
        // The moment of the answer is that of the first read of the transaction.
        connection.execute_batch("BEGIN; SELECT 1 FROM generations LIMIT 1;")
    });
    let connection = connection.await?;
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let path = readers.path().to_owned();
    let scan = move || {
        if let Err(source) = scan(&connection, view, choice, &sender) {
            // Nobody is left to tell when the receiver is gone.
            drop(sender.blocking_send(Err(failed(path, source))));
        }
    };
    drop(tokio::task::spawn_blocking(scan));
    Ok(receiver)
}

fn scan(
    connection: &Connection,
    view: View,
    choice: LayerChoice,
    sender: &Sender,
) -> rusqlite::Result<()> {
    let mut fetches = Fetches {
        view,
        speed: connection.prepare_cached(&fetch_sql(view, Layer::Speed))?,
        batch: connection.prepare_cached(&fetch_sql(view, Layer::Batch))?,
    };
    let mut statement = connection.prepare(&keys_sql(view, choice))?;
    let mut rows = statement.query([])?;
    let mut chunk = Vec::with_capacity(CHUNK_DOCUMENTS);
    while let Some(row) = rows.next()? {
        let layer = if row.get(0)? { Layer::Batch } else { Layer::Speed };
        chunk.push(fetches.fetch(layer, row.get(1)?)?);
        if chunk.len() == CHUNK_DOCUMENTS {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_DOCUMENTS));
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    // An error means that the reader has left.
    drop(sender.blocking_send(Ok(chunk)));
    Ok(())
}

/// Selects the rows to read, in order: the layer of each and its position.
fn keys_sql(view: View, choice: LayerChoice) -> String {
    let keys: String = view
        .key()
        .iter()
        .enumerate()
        .map(|(index, key)| format!(", {} AS key_{index}", extract(key.name())))
        .collect();
    let selects: Vec<_> = [Layer::Speed, Layer::Batch]
        .into_iter()
        .filter(|layer| choice == LayerChoice::Current || choice == LayerChoice::Only(*layer))
        .map(|layer| {
            let (table, batch) = (table(view, layer), layer == Layer::Batch);
            let rows = match choice {
                LayerChoice::Current => current(view, layer),
                LayerChoice::Only(_) => visible(layer).to_owned(),
            };
            format!("SELECT {batch} AS batch, rowid AS place{keys} FROM {table} AS d WHERE {rows}")
        })
        .collect();
    let order: String = (0..view.key().len()).map(|index| format!("key_{index}, ")).collect();
    format!("{} ORDER BY {order} batch", selects.join(" UNION ALL "))
}

fn fetch_sql(view: View, layer: Layer) -> String {
    let table = table(view, layer);
    format!("SELECT id, time, position, scope, body FROM {table} WHERE rowid = ?1")
}

struct Fetches<'a> {
    view: View,
    speed: CachedStatement<'a>,
    batch: CachedStatement<'a>,
}

impl Fetches<'_> {
    fn fetch(&mut self, layer: Layer, place: i64) -> rusqlite::Result<StoredDocument> {
        let statement = match layer {
            Layer::Speed => &mut self.speed,
            Layer::Batch => &mut self.batch,
        };
        let document = statement.query_row([place], |row| {
            Ok(ViewDocument {
                view: self.view,
                id: row.get(0)?,
                time: EventTime(row.get(1)?),
                position: row.get(2)?,
                scope: row.get(3)?,
                body: row.get(4)?,
            })
        })?;
        Ok(StoredDocument { layer, document })
    }
}
