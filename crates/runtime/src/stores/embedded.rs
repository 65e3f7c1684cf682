//! The stores in the data directory, for the programs of single layers and for the one that has all.

use pulso_pipeline::SystemClock;
use pulso_sqlite::{Log, LogSource, ViewReader, ViewStore};

use super::{StoreError, make};
use crate::Config;

/// The stream's log for writing; made if it is missing.
///
/// # Errors
/// When it cannot be had.
pub fn log(config: &Config) -> Result<Log, StoreError> {
    let path = config.log_path();
    path.parent().map_or(Ok(()), make)?;
    Ok(Log::open(&path, config.log.partitions, SystemClock)?)
}

/// A reader of the stream's log, which another process may write.
pub(super) fn log_source(config: &Config) -> Result<LogSource, StoreError> {
    let path = config.log_path();
    if !path.exists() {
        return Err(StoreError::NoLog { path });
    }
    Ok(LogSource::open_read_only(&path, config.log.batch_records)?)
}

/// The views of all streams for writing; made if they are missing.
///
/// # Errors
/// When they cannot be had.
pub fn views(config: &Config) -> Result<ViewStore, StoreError> {
    make(&config.data.directory)?;
    Ok(ViewStore::open(&config.views_path(), &config.all_views())?)
}

/// The views of all streams for reading, which another process may write.
///
/// # Errors
/// When there are none, or they cannot be had.
pub fn views_read_only(config: &Config) -> Result<ViewReader, StoreError> {
    let path = config.views_path();
    if !path.exists() {
        return Err(StoreError::NoViews { path });
    }
    Ok(ViewStore::open_read_only(&path)?)
}
