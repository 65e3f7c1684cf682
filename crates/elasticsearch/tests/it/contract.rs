//! The ports' contracts. Nothing is set up first: a store must also keep its promises on a server
//! that somebody has just emptied.

use pulso_testkit::contract;
use pulso_testkit::servers::{self, Elasticsearch, Generation};

use crate::host::Host;
use crate::layers;

#[tokio::test]
async fn views() {
    let Some(url) = servers::elasticsearch() else { return };
    contract::views(|| Host::new(url)).await;
}

#[tokio::test]
async fn aggregation() {
    let Some(url) = servers::elasticsearch() else { return };
    contract::aggregation(|| Host::new(url)).await;
}

#[tokio::test]
async fn batch_views() {
    let Some(url) = servers::elasticsearch() else { return };
    contract::batch_views(|| Host::new(url)).await;
}

#[tokio::test]
async fn amend() {
    let Some(url) = servers::elasticsearch() else { return };
    contract::amend(|| Host::new(url)).await;
}

#[tokio::test]
async fn checkpoints() {
    let Some(url) = servers::elasticsearch() else { return };
    contract::checkpoints(|| Host::new(url)).await;
}

/// Runs the contracts on the oldest supported version.
#[tokio::test]
async fn the_oldest_server() {
    let Some(server) = Elasticsearch::start(Generation::Eight) else { return };
    let url = server.url();
    Host::new(&url).store().set_up().await.unwrap();
    layers::late_documents(&url).await;
    layers::both_at_once(&url).await;
    contract::checkpoints(|| Host::new(&url)).await;
    contract::batch_views(|| Host::new(&url)).await;
    contract::views(|| Host::new(&url)).await;
    contract::aggregation(|| Host::new(&url)).await;
}
