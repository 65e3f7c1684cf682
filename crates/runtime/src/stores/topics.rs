//! Topics in Kafka that hold messages nobody can change: the log, and the copy of dead letters.

use std::collections::BTreeMap;
use std::time::Duration;

use pulso_kafka::{Cause, KafkaSource, Lost, SourceOptions};

use super::{LogReader, StoreError, kafka};
use crate::Config;

/// A topic. It can be read from its beginning, and made to forget what it begins with.
#[derive(Debug)]
pub struct Topic {
    pub name: String,
    /// How long it may keep a message; `None` for ever.
    pub kept_for: Option<Duration>,
}

impl Topic {
    /// The topic of the log.
    ///
    /// # Errors
    /// When Kafka cannot be had.
    pub async fn of_messages(config: &Config) -> Result<Self, StoreError> {
        Self::new(config, kafka::messages(config)).await
    }

    /// The topic of dead letters, and a reader of it that is at its beginning; `None` when there is none.
    ///
    /// # Errors
    /// When Kafka cannot be had.
    pub async fn of_dead_letters(config: &Config) -> Result<Option<(Self, LogReader)>, StoreError> {
        let (connection, name) = (kafka::connection(config)?, kafka::dead_letters(config));
        let partitions = match pulso_kafka::partitions_of(&connection, &name).await {
            Err(pulso_kafka::Error::MissingTopic { .. }) => return Ok(None),
            partitions => partitions?,
        };
        let options = SourceOptions::new(&name, partitions, config.log.batch_records);
        // What goes meanwhile need not be looked at.
        let options = SourceOptions { lost: Lost::Skip, ..options };
        let source = KafkaSource::open(&connection, options).await?;
        Ok(Some((Self::new(config, name).await?, LogReader::Kafka(Box::new(source)))))
    }

    async fn new(config: &Config, name: String) -> Result<Self, StoreError> {
        let kept_for = match pulso_kafka::kept_for(&kafka::connection(config)?, &name).await {
            // This user may not look at settings.
            Err(error) if error.cause() == Some(Cause::Authorization) => config.kafka.retention,
            kept_for => kept_for?,
        };
        Ok(Self { name, kept_for })
    }

    /// Has it forget what some partitions have before an offset.
    ///
    /// # Errors
    /// When Kafka cannot be had, or does not let this user.
    pub async fn cut(
        &self,
        config: &Config,
        before: &BTreeMap<u32, u64>,
    ) -> Result<(), StoreError> {
        Ok(pulso_kafka::cut(&kafka::connection(config)?, &self.name, before).await?)
    }
}
