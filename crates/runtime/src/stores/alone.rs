//! The stores of a stream, which nobody else uses meanwhile.

use std::path::PathBuf;
use std::time::Duration;

use pulso_model::View;
use pulso_pipeline::{Amend, Change, Checkpoint, Checkpoints, Row, Source, speed_checkpoint};
use pulso_sqlite::{Alone, Contents};
use tokio::time::timeout;

use super::{LogReader, Reading, StoreError, views};
use crate::Config;
use crate::config::{LogStore, ViewStore};

/// How long the lease of the log in Kafka is waited for: longer than a reader that was killed keeps it.
const LEASE_WAIT: Duration = Duration::from_secs(20);

/// What there is of a stream; `None` where a file is missing.
#[derive(Debug)]
pub struct OwnStores {
    pub log: Option<OwnLog>,
    /// The views of all streams.
    pub views: Option<OwnViews>,
    pub spool: Option<Alone>,
}

/// The log.
#[derive(Debug)]
pub enum OwnLog {
    Embedded(Alone),
    /// Its one reader, as long as [`Source::may_write`] says so. Others may write the log.
    Kafka(LogReader),
}

/// The views, and the checkpoint of the stream's speed layer.
#[derive(Debug)]
pub enum OwnViews {
    Embedded {
        views: Alone,
        checkpoint: String,
    },
    Elasticsearch {
        views: pulso_elasticsearch::ViewStore,
        checkpoint: pulso_elasticsearch::CheckpointStore,
    },
}

impl OwnStores {
    /// Takes them.
    ///
    /// # Errors
    /// When another program uses one of them, or one cannot be had.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        let open = |path: PathBuf, contents| -> Result<Option<Alone>, StoreError> {
            Ok(path.exists().then(|| Alone::open(&path, contents)).transpose()?)
        };
        let checkpoint = speed_checkpoint(&config.stream);
        Ok(Self {
            log: match config.log.store {
                LogStore::Embedded => open(config.log_path(), Contents::Log)?.map(OwnLog::Embedded),
                LogStore::Kafka => Some(OwnLog::Kafka(leased(config).await?)),
            },
            views: match config.views.store {
                ViewStore::Embedded => open(config.views_path(), Contents::Views)?
                    .map(|views| OwnViews::Embedded { views, checkpoint }),
                ViewStore::Elasticsearch => {
                    let views = views::in_order(config).await?;
                    let checkpoint = views.checkpoints(&checkpoint);
                    Some(OwnViews::Elasticsearch { views, checkpoint })
                }
            },
            spool: open(config.spool_path(), Contents::Spool)?,
        })
    }
}

async fn leased(config: &Config) -> Result<LogReader, StoreError> {
    let mut reader = LogReader::open(config, Reading::OneAtATime).await?;
    match timeout(LEASE_WAIT, reader.acquire()).await {
        Ok(acquired) => acquired.map(|()| reader),
        Err(_) => Err(StoreError::Running { stream: config.stream.clone() }),
    }
}

impl Amend for OwnViews {
    type Error = StoreError;

    async fn rows_with(&mut self, view: View, text: &str) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Embedded { views, .. } => Ok(views.rows_with(view, text).await?),
            Self::Elasticsearch { views, .. } => Ok(views.rows_with(view, text).await?),
        }
    }

    async fn amend(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        match self {
            Self::Embedded { views, .. } => Ok(views.amend(changes).await?),
            Self::Elasticsearch { views, .. } => Ok(views.amend(changes).await?),
        }
    }

    async fn finish(self, all: &[View]) -> Result<(), StoreError> {
        match self {
            Self::Embedded { views, .. } => Ok(views.finish(all).await?),
            Self::Elasticsearch { views, .. } => Ok(views.finish(all).await?),
        }
    }
}

impl Checkpoints for OwnViews {
    type Error = StoreError;

    async fn load(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        match self {
            Self::Embedded { views, checkpoint } => Ok(views.checkpoint(checkpoint)?),
            Self::Elasticsearch { checkpoint, .. } => Ok(checkpoint.load().await?),
        }
    }

    async fn save(&mut self, new: Checkpoint) -> Result<(), StoreError> {
        match self {
            Self::Embedded { views, checkpoint } => Ok(views.save_checkpoint(checkpoint, &new)?),
            Self::Elasticsearch { checkpoint, .. } => Ok(checkpoint.save(new).await?),
        }
    }
}
