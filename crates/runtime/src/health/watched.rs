//! Ports that note how their calls went.

use std::collections::BTreeSet;

use pulso_model::{Day, Layer, Offsets, View, ViewDocument};
use pulso_pipeline::{
    AdapterError, Aggregate, Aggregation, Batch, BatchViews, Checkpoint, Checkpoints, Documents,
    LayerChoice, Page, Part, Query, Sink, Source, Stage, Views,
};

use crate::health::Health;

/// A port of any kind, under the name of a dependency.
#[derive(Clone, Debug)]
pub struct Watched<P> {
    port: P,
    dependency: &'static str,
    health: Health,
}

impl<P> Watched<P> {
    /// Names a port that is open, and so works.
    pub fn new(port: P, dependency: &'static str, health: &Health) -> Self {
        health.works(dependency);
        Self { port, dependency, health: health.clone() }
    }

    fn noted<T, E: AdapterError>(&self, result: Result<T, E>) -> Result<T, E> {
        self.health.note(self.dependency, &result);
        result
    }
}

impl<T: Send, P: Sink<T>> Sink<T> for Watched<P>
where
    Self: Send,
{
    type Error = P::Error;

    async fn write(&mut self, items: Vec<T>) -> Result<(), P::Error> {
        let written = self.port.write(items).await;
        self.noted(written)
    }
}

impl<P: Source> Source for Watched<P> {
    type Error = P::Error;

    fn partitions(&self) -> u32 {
        self.port.partitions()
    }

    async fn acquire(&mut self) -> Result<(), P::Error> {
        let acquired = self.port.acquire().await;
        self.noted(acquired)
    }

    fn may_write(&self) -> Result<(), P::Error> {
        self.port.may_write()
    }

    async fn first_offsets(&mut self) -> Result<Offsets, P::Error> {
        let found = self.port.first_offsets().await;
        self.noted(found)
    }

    async fn seek(&mut self, next_offsets: &Offsets) -> Result<(), P::Error> {
        let sought = self.port.seek(next_offsets).await;
        self.noted(sought)
    }

    async fn next_batch(&mut self) -> Result<Batch, P::Error> {
        let batch = self.port.next_batch().await;
        self.noted(batch)
    }
}

impl<P: Checkpoints> Checkpoints for Watched<P> {
    type Error = P::Error;

    async fn load(&mut self) -> Result<Option<Checkpoint>, P::Error> {
        let loaded = self.port.load().await;
        self.noted(loaded)
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<(), P::Error> {
        let saved = self.port.save(checkpoint).await;
        self.noted(saved)
    }
}

impl<P: Views> Views for Watched<P> {
    type Error = P::Error;

    async fn query(&self, query: Query) -> Result<Page, P::Error> {
        self.noted(self.port.query(query).await)
    }

    async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, P::Error> {
        self.noted(self.port.aggregate(question).await)
    }

    async fn scan(&self, view: View, layer: LayerChoice) -> Result<Documents<P::Error>, P::Error> {
        self.noted(self.port.scan(view, layer).await)
    }

    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, P::Error> {
        self.noted(self.port.completed_days(view).await)
    }
}

impl<P: BatchViews> BatchViews for Watched<P> {
    type Error = P::Error;

    async fn begin(&self, view: View, part: Part) -> Result<Stage, P::Error> {
        self.noted(self.port.begin(view, part).await)
    }

    async fn stage(&self, stage: Stage, documents: Vec<ViewDocument>) -> Result<(), P::Error> {
        self.noted(self.port.stage(stage, documents).await)
    }

    async fn publish(&self, stage: Stage, completes: bool) -> Result<(), P::Error> {
        self.noted(self.port.publish(stage, completes).await)
    }

    async fn remove_before(&self, view: View, layer: Layer, before: Day) -> Result<u64, P::Error> {
        self.noted(self.port.remove_before(view, layer, before).await)
    }
}

#[cfg(test)]
mod tests {
    use pulso_pipeline::{ErrorKind, Retry};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("connection refused")]
    struct Refused;

    impl AdapterError for Refused {
        fn retry(&self) -> Retry {
            Retry::Backoff
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Unavailable
        }

        fn hint(&self) -> Option<String> {
            Some("start it".to_owned())
        }
    }

    /// Refuses what is empty.
    struct Picky;

    impl Sink<u8> for Picky {
        type Error = Refused;

        async fn write(&mut self, items: Vec<u8>) -> Result<(), Refused> {
            if items.is_empty() { Err(Refused) } else { Ok(()) }
        }
    }

    #[tokio::test]
    async fn a_dependency_is_missing_from_an_error_until_the_next_success() {
        let health = Health::default();
        health.awaits("log");
        assert_eq!(health.problem().as_deref(), Some("log: not reached yet"));
        let mut sink = Watched::new(Picky, "log", &health);
        assert_eq!(health.problem(), None);
        sink.write(vec![]).await.unwrap_err();
        assert_eq!(health.problem().as_deref(), Some("log: connection refused (hint: start it)"));
        sink.write(vec![1]).await.unwrap();
        assert!(health.missing().is_empty());
    }

    #[tokio::test]
    async fn a_dependency_is_that_of_one_stream() {
        let health = Health::default();
        let [posts, clicks] = ["posts", "clicks"].map(|stream| health.of_stream(stream));
        posts.awaits("log");
        clicks.awaits("log");
        let mut sink = Watched::new(Picky, "log", &clicks);
        assert_eq!(health.problem().as_deref(), Some("log of posts: not reached yet"));
        sink.write(vec![]).await.unwrap_err();
        posts.works("log");
        let problem = "log of clicks: connection refused (hint: start it)";
        assert_eq!(health.problem().as_deref(), Some(problem));
    }
}
