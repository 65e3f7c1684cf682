//! The program's status, for the page, for probes and for Prometheus.

use std::time::Duration;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use pulso_model::{EventTime, View};
use pulso_pipeline::{Query, Views};
use pulso_runtime::operations::PROMETHEUS_TEXT;
use serde::Serialize;

use super::{App, Error, Served, Shared, json, parameters};

/// What the rest of the program knows right now.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// How far the streams are that this program itself processes.
    pub streams: Vec<Progress>,
    /// Why the program cannot do its work; shown to whoever asks. `None` when everything works.
    pub not_ready: Option<String>,
}

/// How far the speed layer is with a stream.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The stream's name.
    pub stream: &'static str,
    /// Panes and windows that end at or before this time are in the views. If `None`, the end of
    /// the newest pane or window is used instead.
    pub closed_until: Option<EventTime>,
    /// Messages in the log that the speed layer has not read yet.
    pub lag: u64,
}

/// How a stream is divided into windows.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    pub size: Duration,
    pub slide: Duration,
    /// How long the watermark waits for facts that arrive out of order.
    pub max_out_of_orderness: Duration,
    /// A term is listed when more than this many facts of a window carry it, or actors where the
    /// facet counts them.
    pub count_above: u64,
}

#[derive(Debug, Serialize)]
struct Status {
    not_ready: Option<String>,
    page_limit_max: usize,
    streams: Vec<StreamStatus>,
}

#[derive(Debug, Serialize)]
struct StreamStatus {
    name: &'static str,
    closed_until: Option<String>,
    lag: Option<u64>,
    window: WindowStatus,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct WindowStatus {
    size_seconds: f64,
    slide_seconds: f64,
    max_out_of_orderness_seconds: f64,
    count_above: u64,
}

impl From<Windows> for WindowStatus {
    fn from(windows: Windows) -> Self {
        let Windows { size, slide, max_out_of_orderness, count_above } = windows;
        Self {
            size_seconds: size.as_secs_f64(),
            slide_seconds: slide.as_secs_f64(),
            max_out_of_orderness_seconds: max_out_of_orderness.as_secs_f64(),
            count_above,
        }
    }
}

/// Shows the live facts, and how each stream is divided into windows.
pub(super) async fn show<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let Facts { streams: known, not_ready } = (app.status)();
    let mut streams = Vec::new();
    for served in &app.options.streams {
        let name = served.stream.name;
        let progress = known.iter().find(|progress| progress.stream == name);
        streams.push(StreamStatus {
            name,
            closed_until: app.closed_until(served).await?.map(|time| time.to_string()),
            lag: progress.map(|progress| progress.lag),
            window: served.windows.into(),
        });
    }
    let page_limit_max = app.options.page_limit_max;
    let status = Status { not_ready, page_limit_max, streams };
    Ok(json(serde_json::to_string(&status).expect("durations are finite numbers")))
}

/// The end of the newest pane or window of a stream in the views. When a stream goes quiet, windows
/// still end after the last pane.
pub(super) async fn newest_end<V: Views>(
    app: &App<V>,
    &Served { stream, windows }: &Served,
) -> Result<Option<EventTime>, Error> {
    let newest = async |view| {
        let page = app.query(Query::newest(view, 1)).await?;
        Ok::<_, Error>(page.documents.first().map(|stored| stored.document.time))
    };
    let slide_ms = i64::try_from(windows.slide.as_millis()).unwrap_or(0);
    let pane_end = |start: EventTime| EventTime(start.0.saturating_add(slide_ms));
    let mut end = newest(stream.activity_view).await?.map(pane_end);
    for facet in &stream.facets {
        end = end.max(newest(facet.view).await?);
    }
    Ok(end)
}

/// Confirms only that the process is alive. Anything more would make a slow disk cause a restart.
pub(super) async fn alive() -> Response {
    json(r#"{"status":"alive"}"#)
}

/// Confirms that requests can be answered and that the program does its work.
pub(super) async fn ready<V: Views>(State(app): Shared<V>) -> Result<Response, Error> {
    if let Some(reason) = (app.status)().not_ready {
        return Err(Error::NotReady { reason });
    }
    let asked = app.query(Query::newest(View::HEALTH, 1)).await;
    asked.map_err(|_| Error::NotReady { reason: "the views cannot be read".to_owned() })?;
    Ok(json(r#"{"status":"ready"}"#))
}

pub(super) async fn metrics<V: Views>(State(app): Shared<V>) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], (app.metrics)()).into_response()
}
