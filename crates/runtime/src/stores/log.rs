//! Writing and reading the log, wherever it is.

use pulso_kafka::{KafkaLog, KafkaSource, Lease};
use pulso_model::Offsets;
use pulso_pipeline::{Batch, Message, Sink, Source, SourceCursor};
use pulso_sqlite::{Log, LogSource};

use super::{StoreError, embedded, kafka, on_store};
use crate::Config;
use crate::config::LogStore;

/// Writes the log; clones share it.
#[derive(Clone, Debug)]
pub enum LogWriter {
    Embedded(Log),
    Kafka(Box<KafkaLog>),
}

impl LogWriter {
    /// Opens the log for writing; makes an embedded one when it is missing. Kafka need not be there
    /// yet.
    ///
    /// # Errors
    /// When a setting is wrong, or the embedded log cannot be had.
    pub fn open(config: &Config) -> Result<Self, StoreError> {
        Ok(match config.log.store {
            LogStore::Embedded => Self::Embedded(embedded::log(config)?),
            LogStore::Kafka => {
                let connection = kafka::connection(config)?;
                Self::Kafka(Box::new(KafkaLog::new(&connection, kafka::log_options(config))?))
            }
        })
    }

    /// The cursor of the last stored message of a source: where it goes on.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn last_cursor(&self, source: &str) -> Result<Option<SourceCursor>, StoreError> {
        on_store!(self, Kafka, log => log.last_cursor(source))
    }
}

impl Sink<Message> for LogWriter {
    type Error = StoreError;

    async fn write(&mut self, messages: Vec<Message>) -> Result<(), StoreError> {
        on_store!(self, Kafka, log => log.write(messages))
    }
}

/// What a reader makes of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The one reader that keeps the views of the speed layer; of several, the others stand by.
    OneAtATime,
    /// One of any number of readers.
    Shared,
}

/// Reads the log.
#[derive(Debug)]
pub enum LogReader {
    Embedded(LogSource),
    Kafka(Box<KafkaSource>),
}

impl LogReader {
    /// Opens the log for reading.
    ///
    /// # Errors
    /// When there is no embedded log yet, or the log cannot be had.
    pub async fn open(config: &Config, reading: Reading) -> Result<Self, StoreError> {
        match config.log.store {
            LogStore::Embedded => Ok(Self::Embedded(embedded::log_source(config)?)),
            LogStore::Kafka => kafka_source(config, reading).await,
        }
    }
}

async fn kafka_source(config: &Config, reading: Reading) -> Result<LogReader, StoreError> {
    let connection = kafka::connection(config)?;
    let source = KafkaSource::open(&connection, kafka::source_options(config)).await?;
    let source = match reading {
        Reading::Shared => source,
        Reading::OneAtATime => {
            source.with_lease(Lease::join(&connection, kafka::lease_options(config))?)
        }
    };
    Ok(LogReader::Kafka(Box::new(source)))
}

impl Source for LogReader {
    type Error = StoreError;

    fn partitions(&self) -> u32 {
        match self {
            Self::Embedded(source) => source.partitions(),
            Self::Kafka(source) => source.partitions(),
        }
    }

    async fn acquire(&mut self) -> Result<(), StoreError> {
        on_store!(self, Kafka, source => source.acquire())
    }

    fn may_write(&self) -> Result<(), StoreError> {
        match self {
            Self::Embedded(source) => Ok(source.may_write()?),
            Self::Kafka(source) => Ok(source.may_write()?),
        }
    }

    async fn first_offsets(&mut self) -> Result<Offsets, StoreError> {
        on_store!(self, Kafka, source => source.first_offsets())
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), StoreError> {
        on_store!(self, Kafka, source => source.seek(next_offsets))
    }

    async fn next_batch(&mut self) -> Result<Batch, StoreError> {
        on_store!(self, Kafka, source => source.next_batch())
    }
}
