//! Documents to serve, and view stores that misbehave.

use std::collections::BTreeSet;
use std::sync::Arc;

use pulso_model::{Day, EventTime, Facet, Stream, TrendDocument, TrendWindow, View, ViewDocument};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{
    AdapterError, Aggregate, Aggregation, BatchViews, Documents, ErrorKind, LayerChoice, Page,
    Part, Query, Retry, Sink, Views,
};
use tokio::sync::Notify;

/// 2017-03-19, noon.
pub(crate) const NOON: EventTime = EventTime(1_489_924_800_000);

/// A document with only what the server looks at.
pub(crate) fn document(view: View, id: &str, time: EventTime) -> ViewDocument {
    let body = format!(r#"{{"@timestamp":"{time}","mark":"{id}"}}"#);
    let id = id.to_owned();
    ViewDocument { view, id, time, position: 0, scope: None, body }
}

/// Listed topics of the window that ends `seconds` after noon, in the given order.
pub(crate) fn trends(seconds: i64, country: Option<&str>, topics: &[&str]) -> Vec<ViewDocument> {
    let stream = pulso_testkit::stream();
    trends_of(stream, &stream.facets[0], seconds, country, topics)
}

/// The same of any facet of a stream.
pub(crate) fn trends_of(
    stream: &Stream,
    facet: &Facet,
    seconds: i64,
    scope: Option<&str>,
    terms: &[&str],
) -> Vec<ViewDocument> {
    let window_end = EventTime(NOON.0 + seconds * 1000);
    let window = TrendWindow::new(EventTime(window_end.0 - 300_000), window_end);
    let listed = terms.iter().zip(1..).map(|(term, rank)| {
        let count = 100 - u64::from(rank);
        let (name, score, location) = (*term, Some(1.5), None);
        TrendDocument {
            stream,
            facet,
            window: &window,
            scope,
            term,
            name,
            count,
            actors: count,
            rank,
            unusual_rank: None,
            since: None,
            score,
            location,
        }
        .render()
    });
    listed.collect()
}

pub(crate) async fn store(documents: Vec<ViewDocument>) -> MemoryViews {
    let mut views = MemoryViews::default();
    views.write(documents).await.unwrap();
    views
}

/// Writes a part of a view as the batch layer does.
pub(crate) async fn publish(
    views: &MemoryViews,
    part: Part,
    documents: Vec<ViewDocument>,
    completes: bool,
) {
    let stage = views.begin(documents[0].view, part).await.unwrap();
    views.stage(stage, documents).await.unwrap();
    views.publish(stage, completes).await.unwrap();
}

/// An error of a failing store; it is temporary or permanent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the disk at /secret is gone")]
pub(crate) struct Broken(pub(crate) Retry);

impl AdapterError for Broken {
    fn retry(&self) -> Retry {
        self.0
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

impl Views for Broken {
    type Error = Self;

    async fn query(&self, _: Query) -> Result<Page, Self> {
        Err(self.clone())
    }

    async fn aggregate(&self, _: Aggregation) -> Result<Aggregate, Self> {
        Err(self.clone())
    }

    async fn scan(&self, _: View, _: LayerChoice) -> Result<Documents<Self>, Self> {
        Err(self.clone())
    }

    async fn completed_days(&self, _: View) -> Result<BTreeSet<Day>, Self> {
        Err(self.clone())
    }
}

/// A store that answers when told to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slow {
    pub(crate) asked: Arc<Notify>,
    pub(crate) go_on: Arc<Notify>,
}

impl Views for Slow {
    type Error = std::convert::Infallible;

    async fn query(&self, _: Query) -> Result<Page, Self::Error> {
        self.asked.notify_one();
        self.go_on.notified().await;
        Ok(Page::default())
    }

    async fn aggregate(&self, _: Aggregation) -> Result<Aggregate, Self::Error> {
        unreachable!("only documents are asked for")
    }

    async fn scan(&self, _: View, _: LayerChoice) -> Result<Documents<Self::Error>, Self::Error> {
        unreachable!("the server never scans")
    }

    async fn completed_days(&self, _: View) -> Result<BTreeSet<Day>, Self::Error> {
        Ok(BTreeSet::new())
    }
}
