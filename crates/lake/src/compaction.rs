//! Compaction: many small files of a day become few large ones with the same rows.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use deltalake::kernel::{Action, Add, LogicalFileView, Remove};
use deltalake::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use deltalake::parquet::errors::ParquetError;
use deltalake::protocol::DeltaOperation;
use pulso_model::{Day, WallTime};

use crate::columns::Columns;
use crate::commit::{ATTEMPTS_MAX, Attempt, commit_next};
use crate::file::{remove_unused, write_file};
use crate::path::TableFolder;
use crate::table::{day_of, read_log};
use crate::{Error, Lake};

/// Rows read at once.
const READ_ROWS: usize = 4096;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    pub days: u64,
    pub files_removed: u64,
    pub files_added: u64,
}

/// A file that may be put together with others of its day.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Small {
    path: String,
    bytes: u64,
    /// Milliseconds since the epoch; files of a day are put together in this order.
    added: i64,
}

impl Lake {
    /// Puts small files together, day by day, wherever a day has at least `files_min` of them, into
    /// files of up to `target_file_bytes`. Readers of older versions are not disturbed: the
    /// replaced files stay until a [`vacuum`](Self::vacuum), which counts from `now`. Appends may go on
    /// meanwhile; a day that somebody else compacts at the same time is left to them.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a file is missing, the errors of writing a file, and of the commit.
    pub async fn compact(
        &mut self,
        target_file_bytes: u64,
        files_min: usize,
        now: WallTime,
    ) -> Result<Compaction, Error> {
        self.refresh().await?;
        let mut done = Compaction::default();
        for (day, files) in self.small_files(target_file_bytes)? {
            let bins = plan(files, target_file_bytes, files_min);
            if bins.is_empty() {
                continue;
            }
            let replaced: BTreeSet<String> =
                bins.iter().flatten().map(|file| file.path.clone()).collect();
            let (folder, columns) = (self.folder.clone(), self.columns.clone());
            let merge = move || merge_bins(&folder, &columns, day, &bins);
            let merged = tokio::task::spawn_blocking(merge);
            let merged = merged.await.map_err(|source| Error::Task { source })??;
            let files_added = merged.len() as u64;
            if self.replace(&replaced, merged, target_file_bytes, now).await? {
                done.days += 1;
                done.files_removed += replaced.len() as u64;
                done.files_added += files_added;
            }
        }
        Ok(done)
    }

    /// Of each day the files under half of the target; larger ones are not worth writing again.
    fn small_files(&self, target_file_bytes: u64) -> Result<BTreeMap<Day, Vec<Small>>, Error> {
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        let mut days = BTreeMap::<Day, Vec<Small>>::new();
        for file in state.log_data().iter() {
            let bytes = u64::try_from(file.size()).unwrap_or(u64::MAX);
            if let Some(day) = day_of(&file.partition_values_map())
                && bytes < target_file_bytes / 2
            {
                let (path, added) = (file.path().into_owned(), file.modification_time());
                days.entry(day).or_default().push(Small { path, bytes, added });
            }
        }
        Ok(days)
    }

    /// Commits the exchange, unless one of the replaced files has gone meanwhile.
    async fn replace(
        &mut self,
        replaced: &BTreeSet<String>,
        merged: Vec<Add>,
        target_file_bytes: u64,
        now: WallTime,
    ) -> Result<bool, Error> {
        for _ in 0..ATTEMPTS_MAX {
            self.refresh().await?;
            let removes = self.removes(replaced, now, false)?;
            if removes.len() < replaced.len() {
                break;
            }
            let target_size = i64::try_from(target_file_bytes).unwrap_or(i64::MAX);
            let operation = DeltaOperation::Optimize { predicate: None, target_size };
            let adds = merged.iter().cloned().map(Action::Add);
            let actions = removes.into_iter().map(Action::Remove).chain(adds).collect();
            let attempt = commit_next(&self.folder, &self.table, actions, operation, Vec::new());
            if attempt.await? == Attempt::Committed {
                self.refresh().await?;
                self.checkpoint_when_due().await;
                return Ok(true);
            }
        }
        remove_unused(&self.folder, merged.iter().map(|file| &file.path));
        Ok(false)
    }

    /// The removal, as of `now`, of those of these files that are there.
    pub(crate) fn removes(
        &self,
        paths: &BTreeSet<String>,
        now: WallTime,
        data_change: bool,
    ) -> Result<Vec<Remove>, Error> {
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        let files = state.log_data().into_iter().filter(|file| paths.contains(&*file.path()));
        let deletion_timestamp = Some(now.0);
        let remove = |file: LogicalFileView| Remove {
            deletion_timestamp,
            ..file.remove_action(data_change)
        };
        Ok(files.map(remove).collect())
    }
}

/// Which files to put together: as many as possible, smallest first, such that the whole is at least
/// `files_min / 2` times as large as the largest of them. So whenever a byte is written again, it is in
/// a file so many times as large as before: a few times in all, and a day keeps a few files more than
/// `files_min`.
fn plan(mut files: Vec<Small>, target_file_bytes: u64, files_min: usize) -> Vec<Vec<Small>> {
    files.sort_unstable_by_key(|file| file.bytes);
    let growth = u64::try_from(files_min / 2).unwrap_or(u64::MAX).max(2);
    let (mut count, mut sum) = (0_usize, 0_u64);
    for (index, file) in files.iter().enumerate() {
        if file.bytes.saturating_mul(growth - 1) <= sum {
            count = index + 1;
        }
        sum += file.bytes;
    }
    if count < files_min {
        return Vec::new();
    }
    files.truncate(count);
    files.sort_unstable_by(|a, b| (a.added, &a.path).cmp(&(b.added, &b.path)));
    let mut bins: Vec<Vec<Small>> = Vec::new();
    let mut bin_bytes = 0;
    for file in files {
        match bins.last_mut() {
            Some(bin) if bin_bytes + file.bytes <= target_file_bytes => {
                bin_bytes += file.bytes;
                bin.push(file);
            }
            _ => {
                bin_bytes = file.bytes;
                bins.push(vec![file]);
            }
        }
    }
    bins.retain(|bin| bin.len() > 1);
    bins
}

/// Writes one file for each bin.
fn merge_bins(
    folder: &TableFolder,
    columns: &Columns,
    day: Day,
    bins: &[Vec<Small>],
) -> Result<Vec<Add>, Error> {
    let mut merged = Vec::new();
    for bin in bins {
        let batches = bin.iter().flat_map(|file| read_file(folder, columns, &file.path));
        match write_file(folder, columns, day, batches) {
            Ok(file) => merged.push(Add { data_change: false, ..file }),
            Err(error) => {
                remove_unused(folder, merged.iter().map(|file: &Add| &file.path));
                return Err(error);
            }
        }
    }
    Ok(merged)
}

/// The rows of a file, or the error of reading it.
pub(crate) fn read_file(
    folder: &TableFolder,
    columns: &Columns,
    path: &str,
) -> impl Iterator<Item = Result<RecordBatch, Error>> + use<> {
    let (path, schema) = (folder.file(path), columns.file_schema());
    let reader = File::open(&path).map_err(|error| {
        let problem = format!("cannot be read: {error}");
        Error::Damaged { path: path.clone(), problem }
    });
    let reader = reader.and_then(|file| {
        open_reader(file).map_err(|source| Error::DecodeFile { path: path.clone(), source })
    });
    let (reader, error) = match reader {
        Ok(reader) => (Some(reader), None),
        Err(error) => (None, Some(Err(error))),
    };
    let batches = reader.into_iter().flatten().map(move |batch| {
        let batch = batch.and_then(|batch| batch.with_schema(Arc::clone(&schema)));
        batch.map_err(|source| Error::DecodeFile { path: path.clone(), source: source.into() })
    });
    error.into_iter().chain(batches)
}

fn open_reader(file: File) -> Result<ParquetRecordBatchReader, ParquetError> {
    ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(READ_ROWS).build()
}
