//! Parquet files: writing rows into a new one, safely on disk before anything refers to it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use arrow::array::RecordBatch;
use deltalake::kernel::Add;
use deltalake::parquet::arrow::ArrowWriter;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::metadata::ParquetMetaData;
use deltalake::parquet::file::properties::{EnabledStatistics, WriterProperties};
use pulso_model::Day;

use crate::columns::{Columns, DAY};
use crate::path::{SegmentPath, TableFolder};
use crate::{Error, stats};

/// Rows in a row group: the unit of pruning and of parallel reading. Also what the writer holds in
/// memory, compressed: some 25 MB.
const ROW_GROUP_ROWS: usize = 64 * 1024;

/// How the files of a table are written.
pub(crate) fn writer_properties(columns: &Columns) -> WriterProperties {
    let zstd = ZstdLevel::try_new(1).expect("zstd has a level 1");
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false);
    for path in columns.repetitive() {
        let path: Vec<_> = path.into_iter().map(str::to_owned).collect();
        properties = properties.set_column_dictionary_enabled(path.into(), true);
    }
    let chunk = columns.narrowing().into_iter().map(|name| (name, EnabledStatistics::Chunk));
    let page = columns.positions().into_iter().map(|(name, _)| (name, EnabledStatistics::Page));
    for (column, statistics) in chunk.chain(page) {
        properties = properties.set_column_statistics_enabled(column.into(), statistics);
    }
    properties.build()
}

/// Writes a new file of one day and returns the action that would add it to the table. The file is
/// on disk, not only in the cache, when this returns. On an error it is removed.
pub(crate) fn write_file(
    folder: &TableFolder,
    columns: &Columns,
    day: Day,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<Add, Error> {
    let segment = SegmentPath::random(day);
    let path = folder.file(&segment.to_string());
    let failed = |source| Error::WriteFile { path: path.clone(), source };
    let day_folder = path.parent().unwrap_or(folder.path());
    if !day_folder.exists() {
        fs::create_dir_all(day_folder).map_err(failed)?;
        sync(folder.path()).map_err(failed)?;
    }
    let file = File::create_new(&path).map_err(failed)?;
    let written = write_rows(&path, &file, columns, batches).and_then(|metadata| {
        file.sync_all().and_then(|()| sync(day_folder)).map_err(failed)?;
        let about_file = file.metadata().map_err(failed)?;
        let since_epoch = about_file.modified().map_err(failed)?.duration_since(UNIX_EPOCH);
        let millis = since_epoch.unwrap_or_default().as_millis();
        Ok(Add {
            path: segment.to_string(),
            partition_values: HashMap::from([(DAY.to_owned(), Some(day.to_string()))]),
            size: i64::try_from(about_file.len()).unwrap_or(i64::MAX),
            modification_time: i64::try_from(millis).unwrap_or(i64::MAX),
            data_change: true,
            stats: Some(stats::of_file(columns, &metadata).to_string()),
            ..Add::default()
        })
    });
    if written.is_err() {
        remove_unused(folder, [&segment.to_string()]);
    }
    written
}

fn write_rows(
    path: &Path,
    file: &File,
    columns: &Columns,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<ParquetMetaData, Error> {
    let failed = |source| Error::EncodeFile { path: path.to_owned(), source };
    let mut writer =
        ArrowWriter::try_new(file, columns.file_schema(), Some(writer_properties(columns)))
            .map_err(failed)?;
    for batch in batches {
        writer.write(&batch?).map_err(failed)?;
    }
    writer.close().map_err(failed)
}

/// Removes files that no commit refers to, nor ever will. What stays behind costs only room.
pub(crate) fn remove_unused<'a>(folder: &TableFolder, paths: impl IntoIterator<Item = &'a String>) {
    for path in paths {
        if let Err(error) = fs::remove_file(folder.file(path)) {
            tracing::warn!(path, %error, "failed to remove an unused file");
        }
    }
}

/// Puts a file, or the entries of a folder, on disk.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
