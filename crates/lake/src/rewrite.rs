//! Replacing the payloads of some messages: what must not be kept goes, what was counted stays.
//!
//! Everything happens in one commit, so that a crash leaves the table as it was, or as it shall be; files
//! without a commit are removed by the next [`vacuum`](Lake::vacuum). Readers of an older version keep its
//! files until a vacuum, or until [`purge`](Lake::purge) removes them at once.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use deltalake::kernel::{Action, Add, LogicalFileView, Version};
use deltalake::protocol::DeltaOperation;
use pulso_model::{Day, Decoder, Position, WallTime};
use pulso_pipeline::Record;

use crate::columns::Columns;
use crate::commit::{ATTEMPTS_MAX, Attempt, commit_next};
use crate::compaction::read_file;
use crate::file::{remove_unused, sync, write_file};
use crate::path::TableFolder;
use crate::stats::Positions;
use crate::table::{day_of, read_log};
use crate::{Error, Lake};
use rows::{Rewriter, each_record, holds_any, new_payloads};

/// How commits of a rewrite are called in the log of the table.
pub(crate) const OPERATION: DeltaOperation = DeltaOperation::Update { predicate: None };

/// How often everything is written again because somebody has put files together meanwhile.
const RUNS_MAX: u32 = 3;

/// What a message becomes; `None` when there is nothing that it could be.
type NewPayload = dyn Fn(&Record) -> Option<Vec<u8>> + Send + Sync;

/// Other payloads for some messages.
#[derive(Clone)]
pub struct Rewrite {
    rows: Arc<BTreeSet<Position>>,
    payload: Arc<NewPayload>,
}

/// What a rewrite changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub rows: u64,
    pub files: u64,
}

impl Rewrite {
    /// A message that was a fact must be one afterwards, of the same day.
    pub fn new(
        rows: BTreeSet<Position>,
        payload: impl Fn(&Record) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self { rows: Arc::new(rows), payload: Arc::new(payload) }
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rewrite").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

/// New payloads of one file.
type Payloads = BTreeMap<Position, Vec<u8>>;

/// Files with other payloads that are written, and not part of the table yet.
#[derive(Debug)]
#[must_use = "only a commit makes the files part of the table"]
pub struct Prepared(Vec<Exchange>);

/// A file of the table, and what stands in its place.
#[derive(Debug)]
struct Exchange {
    old: String,
    new: Add,
    rows: u64,
}

impl Lake {
    /// Gives messages other payloads, and decodes them again. What was no fact stays none, for the same
    /// reason. Files without such messages are left alone, and so are those in which nothing changes.
    ///
    /// # Errors
    /// [`Error::Rewrite`] when a message has no other payload, or one that decodes to something else;
    /// [`Error::Contended`] when others keep changing the same files; the errors of reading and writing
    /// them. Nothing has changed then.
    pub async fn rewrite(&mut self, rewrite: &Rewrite, now: WallTime) -> Result<Rewritten, Error> {
        for _ in 0..RUNS_MAX {
            let prepared = self.prepare(rewrite).await?;
            if let Some(rewritten) = self.exchange(prepared, now).await? {
                return Ok(rewritten);
            }
        }
        Err(Error::Contended { attempts: RUNS_MAX })
    }

    /// The first part of a [`rewrite`](Self::rewrite), which writes files and changes nothing. What is not
    /// [exchanged](Self::exchange) afterwards is removed by the next [`vacuum`](Self::vacuum).
    ///
    /// # Errors
    /// As `rewrite`, but never [`Error::Contended`].
    pub async fn prepare(&mut self, rewrite: &Rewrite) -> Result<Prepared, Error> {
        self.refresh().await?;
        let files = self.files_that_may_hold(&rewrite.rows)?;
        let (folder, columns) = (self.folder.clone(), self.columns.clone());
        let (decoder, rewrite) = (self.decoder.clone(), rewrite.clone());
        let write = move || exchanges(&folder, &columns, &decoder, &rewrite, files);
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(|source| Error::Task { source })?.map(Prepared)
    }

    /// Shows every message of the table, file by file. Blocks.
    ///
    /// # Errors
    /// [`Error::ReadLog`]; [`Error::Damaged`], [`Error::DecodeFile`] when a file cannot be read.
    pub fn each_message(&self, mut see: impl FnMut(Record)) -> Result<(), Error> {
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        for file in state.log_data() {
            for batch in read_file(&self.folder, &self.columns, &file.path()) {
                each_record(&batch?, &mut see);
            }
        }
        Ok(())
    }

    /// Removes all that is left of older versions of the table: files that were replaced, and the log of what
    /// was in them. For when no query runs and nobody writes: both would miss their files.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the table cannot be summed up; [`Error::RemoveFile`], after which some of it
    /// may be left.
    pub async fn purge(&mut self) -> Result<(), Error> {
        self.refresh().await?;
        let path = || self.folder.log();
        let summed_up = self.checkpoint().await;
        summed_up.map_err(|source| Error::Checkpoint { path: path(), source: Box::new(source) })?;
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        let kept: BTreeSet<PathBuf> =
            state.log_data().iter().map(|file| self.folder.file(&file.path())).collect();
        let (folder, version) = (self.folder.clone(), self.version());
        let purged = tokio::task::spawn_blocking(move || purge(&folder, &kept, version)).await;
        purged.map_err(|source| Error::Task { source })?
    }

    /// By the statistics of the files.
    fn files_that_may_hold(
        &self,
        rows: &BTreeSet<Position>,
    ) -> Result<Vec<(String, Option<Day>)>, Error> {
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        let may_hold = |stats: &str| match Positions::of(stats) {
            Some(Positions { partitions, offsets }) => partitions.into_iter().any(|partition| {
                let at = |offset| Position { partition, offset };
                rows.range(at(*offsets.start())..=at(*offsets.end())).next().is_some()
            }),
            None => true,
        };
        let files = state.log_data().into_iter();
        let files = files.filter(|file| file.stats().is_none_or(|stats| may_hold(&stats)));
        let place = |file: LogicalFileView| {
            (file.path().into_owned(), day_of(&file.partition_values_map()))
        };
        Ok(files.map(place).collect())
    }

    /// Commits what was prepared; `None` when one of the files has gone meanwhile.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::ReadLog`], the errors of a commit.
    pub async fn exchange(
        &mut self,
        Prepared(exchanges): Prepared,
        now: WallTime,
    ) -> Result<Option<Rewritten>, Error> {
        if exchanges.is_empty() {
            return Ok(Some(Rewritten::default()));
        }
        let rewritten = Rewritten {
            rows: exchanges.iter().map(|exchange| exchange.rows).sum(),
            files: exchanges.len() as u64,
        };
        self.allow_removal().await?;
        let old: BTreeSet<String> = exchanges.iter().map(|file| file.old.clone()).collect();
        for _ in 0..ATTEMPTS_MAX {
            self.refresh().await?;
            let removes = self.removes(&old, now, true)?;
            if removes.len() < old.len() {
                break;
            }
            let adds = exchanges.iter().map(|exchange| Action::Add(exchange.new.clone()));
            let actions = removes.into_iter().map(Action::Remove).chain(adds).collect();
            let attempt = commit_next(&self.folder, &self.table, actions, OPERATION, Vec::new());
            if attempt.await? == Attempt::Committed {
                self.refresh().await?;
                self.checkpoint_when_due().await;
                return Ok(Some(rewritten));
            }
        }
        remove_unused(&self.folder, exchanges.iter().map(|exchange| &exchange.new.path));
        Ok(None)
    }
}

/// Writes a new file for each in which a row changes.
fn exchanges(
    folder: &TableFolder,
    columns: &Columns,
    decoder: &Decoder,
    rewrite: &Rewrite,
    files: Vec<(String, Option<Day>)>,
) -> Result<Vec<Exchange>, Error> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for (path, day) in files {
        match exchange_of(folder, columns, decoder, rewrite, path, day) {
            Ok(exchange) => exchanges.extend(exchange),
            Err(error) => {
                remove_unused(folder, exchanges.iter().map(|exchange| &exchange.new.path));
                return Err(error);
            }
        }
    }
    Ok(exchanges)
}

fn exchange_of(
    folder: &TableFolder,
    columns: &Columns,
    decoder: &Decoder,
    rewrite: &Rewrite,
    path: String,
    day: Option<Day>,
) -> Result<Option<Exchange>, Error> {
    if !holds_any(folder, &path, &rewrite.rows)? {
        return Ok(None);
    }
    let mut payloads = Payloads::new();
    for batch in read_file(folder, columns, &path) {
        new_payloads(&batch?, rewrite, &mut payloads)?;
    }
    if payloads.is_empty() {
        return Ok(None);
    }
    let Some(day) = day else {
        let path = folder.file(&path);
        return Err(Error::Damaged { path, problem: "has no day".into() });
    };
    let rows = payloads.len() as u64;
    let rewriter = Rewriter::new(columns, decoder, payloads, day);
    let batches = read_file(folder, columns, &path);
    let batches = batches.map(|batch| rewriter.rewrite(batch?));
    let new = write_file(folder, columns, day, batches)?;
    Ok(Some(Exchange { old: path, new, rows }))
}

/// Removes all Parquet files but the kept ones, and the log before its checkpoint of a version.
fn purge(folder: &TableFolder, kept: &BTreeSet<PathBuf>, version: Version) -> Result<(), Error> {
    let failed = |path: PathBuf| move |source: io::Error| Error::RemoveFile { path, source };
    let entries = |path: PathBuf| -> Result<Vec<PathBuf>, Error> {
        let read = fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        Ok(read.map_err(failed(path))?.into_iter().map(|entry| entry.path()).collect())
    };
    let remove = |path: PathBuf| fs::remove_file(&path).map_err(failed(path));
    for day in entries(folder.path().to_owned())? {
        if day == folder.log() || !day.is_dir() {
            continue;
        }
        for file in entries(day.clone())?.into_iter().filter(|file| !kept.contains(file)) {
            remove(file)?;
        }
        sync(&day).map_err(failed(day))?;
    }
    let (log, checkpoint) = (folder.log(), folder.checkpoint(version));
    let current = [folder.commit(version), checkpoint, log.join("_last_checkpoint")];
    for file in entries(log.clone())?.into_iter().filter(|file| !current.contains(file)) {
        remove(file)?;
    }
    sync(&log).map_err(failed(log))
}
