//! The table: opening it, appending to it, and what it says about itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deltalake::datafusion::catalog::TableProvider;
use deltalake::datafusion::datasource::MemTable;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{Action, Add, Remove, StructType, Version};
use deltalake::logstore::get_actions;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, TableProperty, ensure_table_uri};
use pulso_model::{Day, Decoder, Offsets, Stream, WallTime};

use crate::archived::{Archived, next_offset_id};
use crate::columns::{Columns, DAY};
use crate::commit::{ATTEMPTS_MAX, Attempt, commit_next};
use crate::file::{remove_unused, write_file};
use crate::maintenance::interval;
use crate::path::TableFolder;
use crate::{Error, Segment, SegmentBuilder, damage, rewrite};

/// How long the transaction log is kept, which tells what changed since a job last ran; and replaced files,
/// until a [`vacuum`](Lake::vacuum) is told otherwise.
const RETENTION: Duration = Duration::from_hours(7 * 24);

/// The master dataset, as of one version of its table. Other writers' commits are not seen before
/// [`refresh`](Self::refresh), [`commit`](Self::commit) or [`compact`](Self::compact).
#[derive(Debug)]
pub struct Lake {
    pub(crate) folder: TableFolder,
    pub(crate) decoder: Decoder,
    pub(crate) columns: Columns,
    pub(crate) table: DeltaTable,
    /// When this value last removed unused files.
    pub(crate) vacuumed: Option<WallTime>,
}

/// A table without rows that has the columns of a stream's lake, to plan queries over.
///
/// # Panics
/// Never: no rows have every schema.
pub fn empty_table(stream: &'static Stream) -> Arc<dyn TableProvider> {
    let schema = Arc::new(Columns::of(stream).table_schema());
    Arc::new(MemTable::try_new(schema, vec![Vec::new()]).expect("no rows have every schema"))
}

/// What became of an appended segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is the named version of the table.
    Committed(Version),
    /// All its offsets were in the table before; nothing was added.
    AlreadyThere,
}

impl Lake {
    /// Opens the table of the decoder's stream, or makes an empty one.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Error::CreateFolder`], [`Error::Create`].
    pub async fn open_or_create(path: impl AsRef<Path>, decoder: &Decoder) -> Result<Self, Error> {
        let path = path.as_ref();
        let create_folder = |source| Error::CreateFolder { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(create_folder)?;
        let folder = TableFolder::new(path);
        if !folder.commit(0).exists() && !has_log(&folder) {
            match create(&folder, &Columns::of(decoder.stream())).await {
                // Another process may be creating it at the same time; then it is there now.
                Err(_) if folder.commit(0).exists() => {}
                created => created?,
            }
        }
        Self::open(path, decoder).await
    }

    /// Opens the table and checks that all its files are there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Damaged`], [`Error::OtherColumns`], [`Error::ReadLog`].
    pub async fn open(path: impl AsRef<Path>, decoder: &Decoder) -> Result<Self, Error> {
        let folder = TableFolder::new(path.as_ref());
        if !has_log(&folder) {
            return Err(Error::NotFound { path: folder.path().to_owned() });
        }
        let mut table = unloaded_table(&folder).map_err(|error| read_log(&folder, error))?;
        table.load().await.map_err(|error| read_log(&folder, error))?;
        let state = table.snapshot().map_err(|error| read_log(&folder, error))?;
        let columns = Columns::of(decoder.stream());
        if *state.schema() != delta_schema(&columns)
            || state.metadata().partition_columns() != [DAY]
        {
            return Err(Error::OtherColumns { path: folder.path().to_owned() });
        }
        damage::in_files(&folder, &table).map_or(Ok(()), Err)?;
        let decoder = decoder.clone();
        Ok(Self { folder, decoder, columns, table, vacuumed: None })
    }

    /// Goes to the newest version of the table.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::ReadLog`].
    pub async fn refresh(&mut self) -> Result<(), Error> {
        let updated = self.table.update_incremental(None).await;
        updated.map_err(|error| read_log(&self.folder, error))
    }

    /// The stream whose messages it holds.
    pub fn stream(&self) -> &'static Stream {
        self.columns.stream()
    }

    /// What decodes its messages.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The version of the table that this value sees.
    pub fn version(&self) -> Version {
        self.table.version().unwrap_or_default()
    }

    /// An empty segment that begins at the given offset of each partition of the log.
    pub fn segment(&self, next_offsets: &Offsets) -> SegmentBuilder {
        SegmentBuilder::new(&self.decoder, next_offsets)
    }

    /// What writes the files of segments while this value does something else.
    pub fn writer(&self) -> SegmentWriter {
        SegmentWriter { folder: self.folder.clone(), columns: self.columns.clone() }
    }

    /// Writes a segment and commits it.
    ///
    /// # Errors
    /// As [`SegmentWriter::write`] and [`commit`](Self::commit).
    pub async fn append(&mut self, segment: Segment) -> Result<Appended, Error> {
        let writer = self.writer();
        let written = tokio::task::spawn_blocking(move || writer.write(segment)).await;
        self.commit(written.map_err(|source| Error::Task { source })??).await
    }

    /// Adds the files of a segment, and the notes of how far the log has been archived with it, in one commit.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the table is elsewhere than the segment begins; nothing is added
    /// then. After any other error the segment may be in the table or not: go on from
    /// [`next_offsets`](Self::next_offsets).
    pub async fn commit(&mut self, segment: WrittenSegment) -> Result<Appended, Error> {
        for _ in 0..ATTEMPTS_MAX {
            self.refresh().await?;
            match self.already_there(&segment.offsets).await {
                Ok(false) => {}
                there => {
                    remove_unused(&self.folder, segment.files.iter().map(|file| &file.path));
                    return there.map(|_| Appended::AlreadyThere);
                }
            }
            let actions = segment.files.iter().cloned().map(Action::Add).collect();
            let operation = DeltaOperation::Write {
                mode: SaveMode::Append,
                partition_by: None,
                predicate: None,
            };
            let transactions = self.notes(&segment).await?;
            let attempt = commit_next(&self.folder, &self.table, actions, operation, transactions);
            if attempt.await? == Attempt::Committed {
                self.refresh().await?;
                self.checkpoint_when_due().await;
                return Ok(Appended::Committed(self.version()));
            }
        }
        remove_unused(&self.folder, segment.files.iter().map(|file| &file.path));
        Err(Error::Contended { attempts: ATTEMPTS_MAX })
    }

    async fn already_there(&self, offsets: &[Range<u64>]) -> Result<bool, Error> {
        let mut there = true;
        let mut conflict = None;
        for (partition, range) in offsets.iter().enumerate().filter(|(_, range)| !range.is_empty())
        {
            let next_offset = self.next_offset(&next_offset_id(partition)).await?;
            there &= next_offset == range.end;
            if next_offset != range.start {
                let segment_offset = range.start;
                conflict = Some(Error::Conflict { partition, next_offset, segment_offset });
            }
        }
        if there { Ok(true) } else { conflict.map_or(Ok(false), Err) }
    }

    /// How many rows there are of each day.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a file has no row count, which Pulso never writes.
    pub fn days(&self) -> Result<BTreeMap<Day, u64>, Error> {
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        let mut days = BTreeMap::new();
        for file in state.log_data().iter() {
            let day = day_of(&file.partition_values_map());
            let (Some(day), Some(rows)) = (day, file.num_records()) else {
                let path = self.folder.file(&file.path());
                return Err(Error::Damaged { path, problem: "has no day or row count".into() });
            };
            *days.entry(day).or_default() += rows as u64;
        }
        Ok(days)
    }

    /// The days that got new rows, or lost theirs, after the given version. Compactions do not count, nor do
    /// rewrites, which keep what was counted. When the log of that time is gone, all days.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::ReadLog`].
    pub async fn days_changed_since(&self, version: Version) -> Result<BTreeSet<Day>, Error> {
        let failed = |error| read_log(&self.folder, error);
        let mut days = BTreeSet::new();
        for version in version.saturating_add(1)..=self.version() {
            let commit = self.table.log_store().read_commit_entry(version).await;
            let Some(commit) = commit.map_err(failed)? else {
                return Ok(self.days()?.into_keys().collect());
            };
            let actions = get_actions(version, &commit).map_err(failed)?;
            if actions.iter().any(is_rewrite) {
                continue;
            }
            for action in actions {
                let changed = match action {
                    Action::Add(add) if add.data_change => day_of(&add.partition_values),
                    Action::Remove(Remove { data_change: true, partition_values, .. }) => {
                        partition_values.as_ref().and_then(day_of)
                    }
                    _ => None,
                };
                days.extend(changed);
            }
        }
        Ok(days)
    }

    /// Which file is broken, for the error of a query that failed. Opens every file.
    pub fn damage(&self) -> Option<Error> {
        damage::in_files(&self.folder, &self.table)
            .or_else(|| damage::in_footers(&self.folder, &self.table))
    }

    /// The version that this value sees, for queries. It has the column `day` first; filters on
    /// `day` choose folders, filters on other columns files, row groups and pages.
    ///
    /// # Errors
    /// [`Error::Scan`].
    pub async fn table_provider(&self) -> Result<Arc<dyn TableProvider>, Error> {
        let provider = self.table.table_provider().await;
        provider.map_err(|source| Error::Scan { source: Box::new(source) })
    }
}

/// Writes the files of segments. Blocking: for a thread that may block.
#[derive(Clone, Debug)]
pub struct SegmentWriter {
    folder: TableFolder,
    columns: Columns,
}

impl SegmentWriter {
    /// Writes the files of a segment; they are not part of the table yet.
    ///
    /// # Errors
    /// [`Error::WriteFile`], [`Error::EncodeFile`]. Files written by then are removed.
    pub fn write(&self, segment: Segment) -> Result<WrittenSegment, Error> {
        let Segment { days, offsets, archived, rows, dead_letters, missing } = segment;
        let mut files = Vec::new();
        for (day, batches) in days {
            match write_file(&self.folder, &self.columns, day, batches.into_iter().map(Ok)) {
                Ok(file) => files.push(file),
                Err(error) => {
                    remove_unused(&self.folder, files.iter().map(|file: &Add| &file.path));
                    return Err(error);
                }
            }
        }
        Ok(WrittenSegment { files, offsets, archived, rows, dead_letters, missing })
    }
}

/// A segment whose files are on disk, to be committed.
#[derive(Debug)]
#[must_use = "only a commit makes the files part of the table"]
pub struct WrittenSegment {
    files: Vec<Add>,
    pub(crate) offsets: Vec<Range<u64>>,
    pub(crate) archived: Vec<Archived>,
    rows: u64,
    dead_letters: u64,
    missing: u64,
}

impl WrittenSegment {
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many of the rows are dead letters.
    pub fn dead_letters(&self) -> u64 {
        self.dead_letters
    }

    /// How many offsets the log did not give.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The days of the rows.
    pub fn days(&self) -> BTreeSet<Day> {
        self.files.iter().filter_map(|file| day_of(&file.partition_values)).collect()
    }
}

pub(crate) fn day_of(partition_values: &HashMap<String, Option<String>>) -> Option<Day> {
    partition_values.get(DAY)?.as_ref()?.parse().ok()
}

fn is_rewrite(action: &Action) -> bool {
    let operation = match action {
        Action::CommitInfo(info) => info.operation.as_deref(),
        _ => None,
    };
    operation == Some(rewrite::OPERATION.name())
}

fn has_log(folder: &TableFolder) -> bool {
    fs::read_dir(folder.log()).is_ok_and(|mut entries| entries.next().is_some())
}

fn delta_schema(columns: &Columns) -> StructType {
    (&columns.table_schema()).try_into_kernel().expect("Delta has a type for every column")
}

fn unloaded_table(folder: &TableFolder) -> Result<DeltaTable, DeltaTableError> {
    let path = fs::canonicalize(folder.path())?;
    let not_text = || DeltaTableError::from(io::Error::from(io::ErrorKind::InvalidFilename));
    let url = ensure_table_uri(path.to_str().ok_or_else(not_text)?)?;
    DeltaTableBuilder::from_url(url)?.build()
}

async fn create(folder: &TableFolder, columns: &Columns) -> Result<(), Error> {
    let failed =
        |source| Error::Create { path: folder.path().to_owned(), source: Box::new(source) };
    let table = unloaded_table(folder).map_err(failed)?;
    let created = table
        .create()
        .with_table_name("messages")
        .with_comment("every message as received")
        .with_columns(delta_schema(columns).fields().cloned())
        .with_partition_columns([DAY])
        .with_configuration_property(TableProperty::AppendOnly, Some("true"))
        .with_configuration_property(TableProperty::LogRetentionDuration, Some(interval(RETENTION)))
        .with_configuration_property(
            TableProperty::DeletedFileRetentionDuration,
            Some(interval(RETENTION)),
        )
        .await;
    created.map(drop).map_err(failed)
}

/// The error of reading the log: which file is broken, if one is.
pub(crate) fn read_log(folder: &TableFolder, error: DeltaTableError) -> Error {
    damage::in_log(folder).unwrap_or_else(|| Error::ReadLog {
        path: folder.path().to_owned(),
        source: Box::new(error),
    })
}
