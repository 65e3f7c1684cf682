//! The view store: documents by layer, and which layer answers for which day.
//!
//! Every view has two tables of the same shape, `speed_<view>` and `batch_<view>`, and an SQL view
//! with its own name for people. A batch row belongs to a generation, which is one attempt of the
//! batch layer at one part. Readers see only rows of published generations, so publishing changes
//! one small table. The rows of replaced generations are deleted afterwards, a few at a time.

mod age;
mod aggregate;
mod batch;
mod query;
mod scan;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use pulso_model::{Day, Layer, View, ViewDocument};
use pulso_pipeline::{
    Aggregate, Aggregation, BatchViews, Documents, LayerChoice, Page, Part, Query, Sink, Stage,
    Views,
};
use rusqlite::{Connection, Transaction};

use crate::Error;
use crate::checkpoints::CheckpointStore;
use crate::database::{Database, Readers};
pub(crate) use schema::SCHEMA;

/// Reads and writes views. Clones share one writing connection and a few reading ones.
#[derive(Clone, Debug)]
pub struct ViewStore {
    reader: ViewReader,
    writer: Arc<Database>,
}

/// Reads views that this or another process writes.
#[derive(Clone, Debug)]
pub struct ViewReader {
    readers: Arc<Readers>,
}

impl ViewStore {
    /// Opens the file at `path`, or creates it, with these views.
    pub fn open(path: &Path, views: &[View]) -> Result<Self, Error> {
        let add = |transaction: &Transaction<'_>| schema::add(transaction, views);
        let writer = Database::open(path, &SCHEMA, &schema::create, &add)?;
        Ok(Self { reader: Self::open_read_only(path)?, writer })
    }

    /// Opens views that another process has created.
    pub fn open_read_only(path: &Path) -> Result<ViewReader, Error> {
        Ok(ViewReader { readers: Readers::open(path, &SCHEMA)? })
    }

    /// The checkpoint of the reader `name`, kept in this file.
    pub fn checkpoints(&self, name: &str) -> CheckpointStore {
        CheckpointStore::new(Arc::clone(&self.writer), name)
    }

    /// Returns the read-only side.
    pub fn reader(&self) -> ViewReader {
        self.reader.clone()
    }
}

impl Sink<ViewDocument> for ViewStore {
    type Error = Error;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Error> {
        if documents.is_empty() {
            return Ok(());
        }
        let failed = |path, source| Error::WriteDocuments { path, source };
        self.writer.run(failed, move |connection| write::write(connection, &documents)).await
    }
}

impl Views for ViewReader {
    type Error = Error;

    async fn query(&self, query: Query) -> Result<Page, Error> {
        let failed = |path, source| Error::Query { path, source };
        self.readers.run(failed, move |connection| query::page(connection, &query)).await
    }

    async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, Error> {
        let failed = |path, source| Error::Query { path, source };
        let job = move |connection: &mut Connection| aggregate::aggregate(connection, &question);
        self.readers.run(failed, job).await
    }

    /// Reads the view as of the moment of the call. Until its last chunk has been taken, SQLite
    /// keeps the pages of that moment, and if the store is written in the meantime its WAL grows.
    async fn scan(&self, view: View, layer: LayerChoice) -> Result<Documents<Error>, Error> {
        scan::start(&self.readers, view, layer).await
    }

    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, Error> {
        let failed = |path, source| Error::Query { path, source };
        self.readers.run(failed, move |connection| completed_days(connection, view)).await
    }
}

impl Views for ViewStore {
    type Error = Error;

    async fn query(&self, query: Query) -> Result<Page, Error> {
        self.reader.query(query).await
    }

    async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, Error> {
        self.reader.aggregate(question).await
    }

    async fn scan(&self, view: View, layer: LayerChoice) -> Result<Documents<Error>, Error> {
        self.reader.scan(view, layer).await
    }

    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, Error> {
        self.reader.completed_days(view).await
    }
}

impl BatchViews for ViewStore {
    type Error = Error;

    async fn begin(&self, view: View, part: Part) -> Result<Stage, Error> {
        let failed = |path, source| Error::Stage { path, source };
        let begin = move |connection: &mut Connection| batch::begin(connection, view, part);
        let generation = self.writer.run(failed, begin).await?;
        self.sweep(view).await;
        Ok(Stage { view, part, generation })
    }

    async fn stage(&self, stage: Stage, documents: Vec<ViewDocument>) -> Result<(), Error> {
        let mut documents = documents;
        while !documents.is_empty() {
            let rest = documents.split_off(documents.len().min(batch::ROWS_PER_TRANSACTION));
            let chunk = std::mem::replace(&mut documents, rest);
            let failed = |path, source| Error::Stage { path, source };
            let job = move |connection: &mut Connection| batch::stage(connection, stage, &chunk);
            let open = self.writer.run(failed, job).await?;
            self.check_open(stage, open)?;
        }
        Ok(())
    }

    async fn publish(&self, stage: Stage, completes: bool) -> Result<(), Error> {
        let failed = |path, source| Error::Publish { path, source };
        let job = move |connection: &mut Connection| batch::publish(connection, stage, completes);
        let open = self.writer.run(failed, job).await?;
        self.check_open(stage, open)?;
        self.sweep(stage.view).await;
        Ok(())
    }

    async fn remove_before(&self, view: View, layer: Layer, before: Day) -> Result<u64, Error> {
        if !age::has_age(view) {
            return Ok(0);
        }
        let failed = |path, source| Error::Sweep { path, source };
        if layer == Layer::Batch {
            let hide = move |connection: &mut Connection| age::hide_batch(connection, view, before);
            let days = self.writer.run(failed, hide).await?;
            self.sweep(view).await;
            return Ok(days as u64);
        }
        let mut removed = 0;
        loop {
            let job =
                move |connection: &mut Connection| age::remove_speed(connection, view, before);
            let count = self.writer.run(failed, job).await?;
            removed += count as u64;
            if count < batch::ROWS_PER_TRANSACTION {
                return Ok(removed);
            }
        }
    }
}

impl ViewStore {
    fn check_open(&self, stage: Stage, open: bool) -> Result<(), Error> {
        let Stage { view, generation, .. } = stage;
        let path = || self.writer.path().to_owned();
        if open { Ok(()) } else { Err(Error::StageGone { path: path(), view, generation }) }
    }

    /// Deletes what no reader sees any more, in small transactions so that other writers get their
    /// turn. If that fails, what came before has still succeeded: the next call tries again.
    async fn sweep(&self, view: View) {
        loop {
            let failed = |path, source| Error::Sweep { path, source };
            let sweep = move |connection: &mut Connection| batch::sweep(connection, view);
            match self.writer.run(failed, sweep).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(view = view.name(), error, "left replaced rows for later");
                    return;
                }
            }
        }
    }
}

fn completed_days(connection: &Connection, view: View) -> rusqlite::Result<BTreeSet<Day>> {
    let sql = "SELECT day FROM completed_days WHERE view = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let days = statement.query_map([view.name()], |row| row.get(0).map(Day))?;
    days.collect()
}
