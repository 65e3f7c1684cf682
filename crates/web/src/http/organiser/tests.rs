//! A desk in front of a slow store, in paused time.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use pulso_model::{Day, EventTime, View, ViewDocument};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{Aggregate, Aggregation, Documents, LayerChoice, Page, Query, Sink, Views};
use pulso_runtime::Config;
use pulso_testkit::contract::document;
use pulso_testkit::view;
use tokio_util::sync::CancellationToken;

use crate::http::{Facts, Options, REQUEST_TIME_MAX, router};

/// Responses in the store: reading them takes longer than a request may.
const RESPONSES: i64 = 6;

/// A store of which each page has one document and takes a fifth of a request's time.
#[derive(Clone, Debug, Default)]
struct Slow(MemoryViews);

impl Views for Slow {
    type Error = <MemoryViews as Views>::Error;

    async fn query(&self, query: Query) -> Result<Page, Self::Error> {
        tokio::time::sleep(REQUEST_TIME_MAX / 5).await;
        self.0.query(Query { limit: 1, ..query }).await
    }

    async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, Self::Error> {
        self.0.aggregate(question).await
    }

    async fn scan(
        &self,
        view: View,
        layer: LayerChoice,
    ) -> Result<Documents<Self::Error>, Self::Error> {
        self.0.scan(view, layer).await
    }

    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, Self::Error> {
        self.0.completed_days(view).await
    }
}

/// The same member's answer, a minute after the one before.
fn response(number: i64) -> ViewDocument {
    let time = EventTime(number * 60_000);
    let body = format!(
        r#"{{"@timestamp":"{time}","response":"yes","member":{{"id":1}},"event":{{"id":"e"}},"group":{{"id":1}}}}"#
    );
    ViewDocument { id: number.to_string(), body, ..document(view("responses"), time, 1, "US", "") }
}

async fn groups(service: &TowerToHyperService<Router>) -> StatusCode {
    let request = Request::get("/api/v1/organiser/groups").body(Body::empty()).unwrap();
    service.call(request).await.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn what_a_request_had_no_time_to_read_is_there_for_a_later_one() {
    let mut store = Slow::default();
    store.0.write((0..RESPONSES).map(response).collect()).await.unwrap();
    let options = Options::open(&Config::default()).unwrap();
    let stop = CancellationToken::new();
    let router = router(store, Facts::default, String::new, options, stop);
    let service = TowerToHyperService::new(router);
    assert_eq!(groups(&service).await, StatusCode::SERVICE_UNAVAILABLE);
    groups(&service).await;
    assert_eq!(groups(&service).await, StatusCode::OK);
}
