//! Pauses sources, and lets them go on.
//!
//! Acquisition may be another program: a pause is noted in the data folder, where it looks twice a second.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use pulso_pipeline::{Clock, SystemClock, Views};
use pulso_runtime::chain;
use pulso_runtime::sources::{SourceState, Sources};
use serde::Serialize;
use serde_json::json;
use tokio::task::spawn_blocking;
use tracing::error;

use super::{API, App, Change, Error, Messages, Route, Shared, parameters};

/// What acquisition has said last of a source.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    paused_since: Option<String>,
    read: u64,
    filtered: u64,
    sampled_out: u64,
    filter_errors: u64,
}

pub(super) fn routes<V: Views>() -> Vec<Route<Arc<App<V>>>> {
    let route = |what, methods| {
        Route::new(format!("{API}/sources/{{source}}/{what}"), methods).changes("POST", 0)
    };
    vec![route("pause", post(pause::<V>)), route("resume", post(resume::<V>))]
}

/// The states of these sources, each `None` where acquisition has said nothing of it in this data folder.
pub(super) async fn states(
    messages: &Messages,
    names: Vec<String>,
) -> Result<Vec<(String, Option<Told>)>, Error> {
    let folder = Sources::of(&messages.0);
    blocking(move || {
        let told = |name: String| {
            // What cannot be read, or is not what a source is called, says nothing.
            let state = folder.state(&name).ok().flatten();
            // A pause holds from when it is noted, a little before it is followed.
            let paused = folder.paused_since(&name).ok().flatten();
            (name, state.map(|state| Told::of(state, paused)))
        };
        Ok(names.into_iter().map(told).collect())
    })
    .await
}

async fn pause<V: Views>(
    State(app): Shared<V>,
    Path(source): Path<String>,
    uri: Uri,
) -> Result<Response, Error> {
    switch(&app.options.messages, source, &uri, true).await
}

async fn resume<V: Views>(
    State(app): Shared<V>,
    Path(source): Path<String>,
    uri: Uri,
) -> Result<Response, Error> {
    switch(&app.options.messages, source, &uri, false).await
}

/// What is so already stays so, and is no error.
async fn switch(
    messages: &Messages,
    source: String,
    uri: &Uri,
    pause: bool,
) -> Result<Response, Error> {
    parameters::none(uri)?;
    let folder = Sources::of(&messages.0);
    let name = source.clone();
    let switched = blocking(move || {
        if folder.state(&name).ok().flatten().is_none() {
            return Ok(None);
        }
        match pause {
            true => folder.pause(&name, SystemClock.now())?,
            false => folder.resume(&name)?,
        };
        folder.paused_since(&name).map(Some)
    });
    let Some(paused_since) = switched.await? else {
        let directory = messages.0.data.directory.display();
        let reason = format!(
            "no source `{source}` is read into the data folder `{directory}`; where acquisition has another one, \
             use `pulso sources` there"
        );
        return Err(Error::UnknownSource { reason });
    };
    let verb = if pause { "paused" } else { "resumed" };
    let change = Change(format!("{verb} the source {source}"));
    let body = json!({ "name": source, "paused_since": paused_since }).to_string();
    Ok((Extension(change), super::json(body)).into_response())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let worked = spawn_blocking(work).await.map_err(|_| Error::Internal)?;
    worked.map_err(|error| {
        error!(error = %chain(&error), "the states of sources cannot be kept in the data folder");
        Error::Unavailable
    })
}

impl Told {
    fn of(SourceState { counts, .. }: SourceState, paused_since: Option<String>) -> Self {
        Self {
            paused_since,
            read: counts.read,
            filtered: counts.filtered,
            sampled_out: counts.sampled_out,
            filter_errors: counts.filter_errors,
        }
    }
}
