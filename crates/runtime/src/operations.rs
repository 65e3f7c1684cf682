//! What operators ask a service: is it alive, can it work, what does it measure.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 as long as the process runs |
//! | `/readyz` | 200 when nothing is missing, else 503 and what is; and which sources are paused |
//! | `/metrics` | all metrics in the Prometheus text format |

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::service::service_fn;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::health::Health;
use crate::{Exit, FailureExt, metrics, server};

mod healthcheck;

pub use healthcheck::healthcheck;

/// How the metrics are written.
pub const PROMETHEUS_TEXT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The endpoints of a service; they are there until this is stopped.
#[derive(Debug, Default)]
pub struct Operations {
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

impl Operations {
    /// Makes the process record its metrics, and answers at `listen`, if anywhere; `key` is where that
    /// is configured.
    ///
    /// # Errors
    /// With exit code 3 when the port cannot be had.
    pub async fn start(
        listen: Option<SocketAddr>,
        key: &str,
        health: &Health,
    ) -> anyhow::Result<Self> {
        let Some(listen) = listen else { return Ok(Self::default()) };
        let metrics = metrics::install()?;
        Self::serve(listen, key, health, move || metrics.render()).await
    }

    async fn serve(
        listen: SocketAddr,
        key: &str,
        health: &Health,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = server::bind(listen, false).await.exit(Exit::Unavailable).hint(format!(
            "another program listens there; choose another address with `{key}`, or \"off\""
        ))?;
        let address = listener.local_addr().context("failed to look up the address")?;
        info!(url = %format_args!("http://{address}"), "health and metrics are served");
        let shared = Arc::new((health.clone(), metrics));
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let (health, metrics) = &*shared;
            let answer = answer(request.method(), request.uri().path(), health, metrics);
            async move { Ok::<_, Infallible>(answer) }
        });
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server::serve(listener, service, stop.clone()));
        Ok(Self { stop, serving: Some(serving) })
    }

    /// Answers for as long as a service runs, and then no more.
    pub async fn during<T>(mut self, service: impl Future<Output = T>) -> T {
        let ended = service.await;
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            // It ends by itself, within the bound of `server::serve`; a panic there is its own.
            serving.await.unwrap_or_default();
        }
        ended
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn answer(
    method: &Method,
    path: &str,
    health: &Health,
    metrics: &impl Fn() -> String,
) -> Response<String> {
    if method != Method::GET && method != Method::HEAD {
        return respond(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".to_owned());
    }
    match path {
        "/healthz" => respond(StatusCode::OK, JSON, r#"{"status":"alive"}"#.to_owned()),
        "/readyz" => ready(health),
        "/metrics" => respond(StatusCode::OK, PROMETHEUS_TEXT, metrics()),
        _ => {
            let known = "there are /healthz, /readyz and /metrics\n".to_owned();
            respond(StatusCode::NOT_FOUND, PLAIN, known)
        }
    }
}

fn ready(health: &Health) -> Response<String> {
    let (missing, paused) = (health.missing(), health.paused_sources());
    let (status, mut body) = match missing.is_empty() {
        true => (StatusCode::OK, json!({ "status": "ready" })),
        false => {
            let body = json!({ "status": "not ready", "missing": missing });
            (StatusCode::SERVICE_UNAVAILABLE, body)
        }
    };
    // Nothing is wrong with them, but whoever looks ought to know.
    if !paused.is_empty() {
        body["paused"] = json!(paused);
    }
    respond(status, JSON, body.to_string())
}

fn respond(status: StatusCode, content_type: HeaderValue, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
