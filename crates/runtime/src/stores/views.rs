//! Views and checkpoints, wherever they are.

use std::collections::BTreeSet;

use pulso_kafka::KafkaDeadLetters;
use pulso_model::{Day, Layer, View, ViewDocument};
use pulso_pipeline::{
    Aggregate, Aggregation, BatchViews, Checkpoint, Checkpoints, Documents, LayerChoice, Page,
    Part, Query, Sink, Stage, Views, speed_checkpoint,
};
use tokio::sync::mpsc;

use super::{StoreError, elasticsearch, embedded, kafka, on_store};
use crate::Config;
use crate::config::{self, LogStore};

/// Reads and writes views; clones share it.
#[derive(Clone, Debug)]
pub enum ViewStore {
    Embedded(pulso_sqlite::ViewStore),
    Elasticsearch(pulso_elasticsearch::ViewStore),
}

/// Reads views; clones share it.
#[derive(Clone, Debug)]
pub enum ViewReader {
    Embedded(pulso_sqlite::ViewReader),
    Elasticsearch(pulso_elasticsearch::ViewStore),
}

/// Keeps one checkpoint beside the views that it belongs to.
#[derive(Debug)]
pub enum CheckpointStore {
    Embedded(pulso_sqlite::CheckpointStore),
    Elasticsearch(pulso_elasticsearch::CheckpointStore),
}

impl ViewStore {
    /// Opens the views, and makes them in the data directory when they are missing there.
    ///
    /// # Errors
    /// When they cannot be had.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        Ok(match config.views.store {
            config::ViewStore::Embedded => Self::Embedded(embedded::views(config)?),
            config::ViewStore::Elasticsearch => Self::Elasticsearch(in_order(config).await?),
        })
    }

    /// The checkpoint of the stream's speed layer.
    pub fn speed_checkpoints(&self, config: &Config) -> CheckpointStore {
        let name = &speed_checkpoint(&config.stream);
        match self {
            Self::Embedded(views) => CheckpointStore::Embedded(views.checkpoints(name)),
            Self::Elasticsearch(views) => CheckpointStore::Elasticsearch(views.checkpoints(name)),
        }
    }
}

/// Views in Elasticsearch that are found to be in order.
pub(super) async fn in_order(
    config: &Config,
) -> Result<pulso_elasticsearch::ViewStore, StoreError> {
    let views = elasticsearch::views(config)?;
    views.check().await?;
    Ok(views)
}

impl ViewReader {
    /// Opens views that others have made.
    ///
    /// # Errors
    /// When they cannot be had.
    pub async fn open(config: &Config) -> Result<Self, StoreError> {
        match config.views.store {
            config::ViewStore::Embedded => Self::unseen(config),
            config::ViewStore::Elasticsearch => Ok(Self::Elasticsearch(in_order(config).await?)),
        }
    }

    /// The same without asking a server: one that is away is found out by the first question.
    ///
    /// # Errors
    /// When a setting is wrong, or embedded views cannot be had.
    pub fn unseen(config: &Config) -> Result<Self, StoreError> {
        Ok(match config.views.store {
            config::ViewStore::Embedded => Self::Embedded(embedded::views_read_only(config)?),
            config::ViewStore::Elasticsearch => Self::Elasticsearch(elasticsearch::views(config)?),
        })
    }
}

impl CheckpointStore {
    /// Opens the checkpoint of the stream's speed layer only to look at it; `None` when there are no
    /// views that it could belong to.
    ///
    /// # Errors
    /// When the views cannot be had.
    pub async fn of_speed_layer(config: &Config) -> Result<Option<Self>, StoreError> {
        let name = &speed_checkpoint(&config.stream);
        if config.views.store == config::ViewStore::Elasticsearch {
            return Ok(Some(Self::Elasticsearch(in_order(config).await?.checkpoints(name))));
        }
        let path = config.views_path();
        if !path.exists() {
            return Ok(None);
        }
        let found = pulso_sqlite::CheckpointStore::open_read_only(&path, name)?;
        Ok(Some(Self::Embedded(found)))
    }
}

macro_rules! impl_views {
    ($store:ty) => {
        impl Views for $store {
            type Error = StoreError;

            async fn query(&self, query: Query) -> Result<Page, StoreError> {
                on_store!(self, Elasticsearch, views => views.query(query))
            }

            async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, StoreError> {
                on_store!(self, Elasticsearch, views => views.aggregate(question))
            }

            async fn scan(
                &self,
                view: View,
                layer: LayerChoice,
            ) -> Result<Documents<StoreError>, StoreError> {
                Ok(match self {
                    Self::Embedded(views) => converted(views.scan(view, layer).await?),
                    Self::Elasticsearch(views) => converted(views.scan(view, layer).await?),
                })
            }

            async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, StoreError> {
                on_store!(self, Elasticsearch, views => views.completed_days(view))
            }
        }
    };
}

impl_views!(ViewStore);
impl_views!(ViewReader);

/// The same chunks with the error of all stores. Ends when nobody takes them any more.
fn converted<E>(mut chunks: Documents<E>) -> Documents<StoreError>
where
    E: Into<StoreError> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(chunk) = chunks.recv().await {
            if sender.send(chunk.map_err(Into::into)).await.is_err() {
                return;
            }
        }
    });
    receiver
}

impl Sink<ViewDocument> for ViewStore {
    type Error = StoreError;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), StoreError> {
        on_store!(self, Elasticsearch, views => views.write(documents))
    }
}

impl BatchViews for ViewStore {
    type Error = StoreError;

    async fn begin(&self, view: View, part: Part) -> Result<Stage, StoreError> {
        on_store!(self, Elasticsearch, views => views.begin(view, part))
    }

    async fn stage(&self, stage: Stage, documents: Vec<ViewDocument>) -> Result<(), StoreError> {
        on_store!(self, Elasticsearch, views => views.stage(stage, documents))
    }

    async fn publish(&self, stage: Stage, completes: bool) -> Result<(), StoreError> {
        on_store!(self, Elasticsearch, views => views.publish(stage, completes))
    }

    async fn remove_before(
        &self,
        view: View,
        layer: Layer,
        before: Day,
    ) -> Result<u64, StoreError> {
        on_store!(self, Elasticsearch, views => views.remove_before(view, layer, before))
    }
}

impl Checkpoints for CheckpointStore {
    type Error = StoreError;

    async fn load(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        on_store!(self, Elasticsearch, checkpoints => checkpoints.load())
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        on_store!(self, Elasticsearch, checkpoints => checkpoints.save(checkpoint))
    }
}

/// Views whose dead letters are also told to other programs, where the log is one that they can read.
#[derive(Debug)]
pub struct DeadLetters<V> {
    views: V,
    topic: Option<KafkaDeadLetters>,
}

impl<V> DeadLetters<V> {
    /// Tells them where the configuration says; nowhere, when the log is embedded.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn beside(views: V, config: &Config) -> Result<Self, StoreError> {
        let topic = match config.log.store {
            LogStore::Embedded => None,
            LogStore::Kafka => {
                let connection = kafka::connection(config)?;
                Some(KafkaDeadLetters::new(&connection, kafka::dead_letter_options(config))?)
            }
        };
        Ok(Self { views, topic })
    }
}

impl<V: Sink<ViewDocument, Error = StoreError>> Sink<ViewDocument> for DeadLetters<V> {
    type Error = StoreError;

    /// Both have them before this returns; after an error either may, and gets them again.
    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), StoreError> {
        if let Some(topic) = &mut self.topic {
            let dead = |document: &&ViewDocument| document.view == View::DEAD_LETTERS;
            topic.write(documents.iter().filter(dead).cloned().collect()).await?;
        }
        self.views.write(documents).await
    }
}
