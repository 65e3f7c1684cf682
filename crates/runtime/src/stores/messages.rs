//! Single messages of a stream's log, for people who want to see them.

use pulso_model::Position;
use pulso_pipeline::Record;
use pulso_sqlite::{LogSource, SourceState};

use super::{StoreError, embedded};
use crate::Config;
use crate::config::LogStore;

/// Finds messages in the embedded log.
#[derive(Debug)]
pub struct Messages(LogSource);

impl Messages {
    /// `None` where the log is in Kafka, whose own tools show messages.
    ///
    /// # Errors
    /// When there is no log yet, or it cannot be had.
    pub fn open(config: &Config) -> Result<Option<Self>, StoreError> {
        Ok(match config.log.store {
            LogStore::Embedded => Some(Self(embedded::log_source(config)?)),
            LogStore::Kafka => None,
        })
    }

    /// The message at a place; `None` where there is none.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn at(&self, position: Position) -> Result<Option<Record>, StoreError> {
        Ok(self.0.message(position).await?)
    }

    /// The sources of the log, with what the newest `searched_max` messages of each partition tell.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn sources(&self, searched_max: u32) -> Result<Vec<SourceState>, StoreError> {
        Ok(self.0.sources(searched_max).await?)
    }

    /// Messages that have a text in them: at most `records_max` of each partition, among its newest
    /// `searched_max`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn with(
        &self,
        text: String,
        records_max: u32,
        searched_max: u32,
    ) -> Result<Vec<Record>, StoreError> {
        Ok(self.0.messages_with(text, records_max, searched_max).await?)
    }
}
