//! Messages as they came: one of the log on demand, and one on trial.
//!
//! A message of the log may say who somebody is, so it is shown only where members are.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{get, post};
use pulso_model::{Decoded, FactWriter, Position, TimeLimits, View};
use pulso_pipeline::{Record, Views};
use pulso_runtime::stores::{self, StoreError};
use pulso_runtime::{Config, chain};
use pulso_streams::{Definition, Trial};
use serde::{Deserialize, Serialize};
use tracing::error;

use super::parameters::{TEXT_CHARACTERS_MAX, pairs};
use super::{API, App, Error, Options, Route, Shared, feed, json, sources};

/// The longest request with a message on trial.
pub(super) const TRIAL_BYTES_MAX: usize = 256 * 1024;

/// Of each partition, so many of the newest messages are searched for the one of a fact: about a
/// gigabyte of them, which takes seconds.
const SEARCHED_MAX: u32 = 200_000;

/// Parts of an `_id` that are looked for, one after the other.
const SEARCHES_MAX: usize = 3;

/// Messages of a partition that are decoded to find the one of a fact.
const CANDIDATES_MAX: u32 = 20;

/// Of each partition, so many of the newest messages tell of their sources.
const SOURCES_SEARCHED_MAX: u32 = 1_000;

/// Why the answer is no where the log is in Kafka.
const IN_KAFKA: &str =
    "the log is in Kafka, whose own tools show messages by topic, partition and offset";

pub(super) fn routes<V: Views>() -> Vec<Route<Arc<App<V>>>> {
    let route = |name, methods| Route::new(format!("{API}/streams/{{stream}}/{name}"), methods);
    vec![
        route("messages", get(feed::follow::<V>)),
        route("message", get(message::<V>)),
        route("messages/{partition}/{offset}", get(message_at::<V>)),
        route("sources", get(sources::<V>)),
        route("try", post(try_message::<V>)).tries("POST", TRIAL_BYTES_MAX),
    ]
}

impl Options {
    /// The configuration of a stream that is served.
    pub(super) fn config_of(&self, name: &str) -> Result<Config, Error> {
        let served = self.streams.iter().any(|served| served.stream.name == name);
        let config = served.then(|| self.messages.0.of_stream(name).ok()).flatten();
        config.ok_or_else(|| {
            let known = self.streams.iter().map(|served| served.stream.name).collect();
            Error::UnknownStream { name: name.to_owned(), known }
        })
    }
}

/// Which message is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    At(Position),
    /// That of a fact, by its `_id`.
    Fact(String),
}

/// A message as it is in the log.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    stream: &'static str,
    partition: u32,
    offset: u64,
    source: String,
    /// When it was received, and when it was written to the log.
    received: String,
    logged: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    /// Instead, if it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hex: Option<String>,
}

/// Where the newest messages came from.
#[derive(Debug, Serialize)]
struct Sources {
    /// How many messages of each partition were looked at.
    searched: u32,
    sources: Vec<Source>,
}

#[derive(Debug, Serialize)]
struct Source {
    name: String,
    /// Of those that were looked at.
    messages: u32,
    last_received: Option<String>,
    /// `None` where acquisition has said nothing of it in this data folder.
    state: Option<sources::Told>,
}

/// The message at a place in a stream's log.
async fn message_at<V: Views>(
    State(app): Shared<V>,
    Path((name, partition, offset)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response, Error> {
    super::parameters::none(&uri)?;
    let config = app.options.config_of(&name)?;
    match (partition.parse(), offset.parse()) {
        (Ok(partition), Ok(offset)) => {
            answer(&app, &config, &Asked::At(Position { partition, offset })).await
        }
        _ => Err(nothing_at(&name, &partition, &offset)),
    }
}

/// The message that a fact was made from.
async fn message<V: Views>(
    State(app): Shared<V>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, Error> {
    let config = app.options.config_of(&name)?;
    let id = read(&uri)?;
    answer(&app, &config, &of_fact(&id, config.stream().facts_view.view)).await
}

async fn answer<V>(app: &App<V>, config: &Config, asked: &Asked) -> Result<Response, Error> {
    if !app.options.shows_members() {
        return Err(Error::NotShown);
    }
    let definition = config.definition();
    let found = app.in_turn(find(config, &definition, asked)).await?;
    let record = found.ok_or_else(|| nothing(asked, &config.stream))?;
    let message = shown(definition.stream.name, &record);
    Ok(json(serde_json::to_string(&message).expect("a message is text and numbers")))
}

/// The `_id` of the fact that is asked about.
fn read(uri: &Uri) -> Result<String, Error> {
    let allowed = || format!("the `_id` of a fact, of 1 to {TEXT_CHARACTERS_MAX} characters");
    let mut id = None;
    for (name, value) in pairs(uri)? {
        if name != "fact" {
            return Err(Error::UnknownParameter { name, allowed: vec!["fact"] });
        }
        if id.is_some() {
            return Err(Error::RepeatedParameter { name: "fact" });
        }
        if !(1..=TEXT_CHARACTERS_MAX).contains(&value.chars().count()) {
            return Err(Error::InvalidParameter { name: "fact", value, allowed: allowed() });
        }
        id = Some(value);
    }
    id.ok_or_else(|| Error::MissingParameter { name: "fact", allowed: allowed() })
}

/// Where facts have no identity of their own, their place in the log is it.
fn of_fact(id: &str, facts: View) -> Asked {
    let by_place = facts.key().iter().map(|key| key.name()).eq(["partition", "offset"]);
    let place = id.split_once('/').filter(|_| by_place).and_then(|(partition, offset)| {
        Some(Position { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    });
    place.map_or_else(|| Asked::Fact(id.to_owned()), Asked::At)
}

pub(super) fn failed(cause: StoreError) -> Error {
    error!(error = %chain(&cause), "failed to read the log");
    Error::NoMessage { reason: "the log cannot be read here; see the server's log".to_owned() }
}

fn open(config: &Config) -> Result<stores::Messages, Error> {
    let opened = stores::Messages::open(config).map_err(failed)?;
    opened.ok_or_else(|| Error::NoMessage { reason: IN_KAFKA.to_owned() })
}

/// The sources of a stream, as far as its log tells.
async fn sources<V: Views>(
    State(app): Shared<V>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, Error> {
    super::parameters::none(&uri)?;
    let config = app.options.config_of(&name)?;
    let log = open(&config)?;
    let states = app.in_turn(log.sources(SOURCES_SEARCHED_MAX)).await.map_err(failed)?;
    let mut found: BTreeMap<String, (u32, Option<String>)> = BTreeMap::new();
    // One that has stored nothing yet can be seen, too.
    for source in config.acquisition.sources.iter().filter(|source| source.stream == name) {
        found.entry(source.name.to_string()).or_default();
    }
    for state in states {
        let last_received = state.last_received.map(|time| time.to_string());
        found.insert(state.name.to_string(), (state.messages, last_received));
    }
    let told = sources::states(&app.options.messages, found.keys().cloned().collect()).await?;
    let source = |((name, (messages, last_received)), (_, state))| Source {
        name,
        messages,
        last_received,
        state,
    };
    let sources = found.into_iter().zip(told).map(source).collect();
    let sources = Sources { searched: SOURCES_SEARCHED_MAX, sources };
    Ok(json(serde_json::to_string(&sources).expect("sources are text and numbers")))
}

async fn find(
    config: &Config,
    definition: &Definition,
    asked: &Asked,
) -> Result<Option<Record>, Error> {
    let messages = open(config)?;
    match asked {
        Asked::At(position) => messages.at(*position).await.map_err(failed),
        Asked::Fact(id) => {
            for part in telling(id) {
                let found = messages.with(part.to_owned(), CANDIDATES_MAX, SEARCHED_MAX);
                let mut found = found.await.map_err(failed)?.into_iter();
                if let Some(record) = found.find(|record| makes(definition, record, id)) {
                    return Ok(Some(record));
                }
            }
            Ok(None)
        }
    }
}

/// The parts of an `_id` to look for in messages, the most telling first. Not every part is there as it is
/// in the `_id`: times are not.
fn telling(id: &str) -> Vec<&str> {
    let mut parts: Vec<_> = id.split('/').filter(|part| !part.is_empty()).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.truncate(SEARCHES_MAX);
    parts
}

/// Whether a message decodes to the fact with this `_id`.
fn makes(definition: &Definition, record: &Record, id: &str) -> bool {
    let decoder = definition.decoder(TimeLimits::NONE);
    match decoder.decode(&record.payload, record.log_time) {
        Ok(Decoded::Fact(fact)) => {
            FactWriter::new(definition.stream).render(&fact, record.position()).id == id
        }
        _ => false,
    }
}

fn nothing(asked: &Asked, stream: &str) -> Error {
    match asked {
        Asked::At(Position { partition, offset }) => nothing_at(stream, partition, offset),
        Asked::Fact(_) => Error::NoMessage {
            reason: format!(
                "the message of this fact is not among the newest {SEARCHED_MAX} of each partition of the log \
                 of `{stream}`"
            ),
        },
    }
}

fn nothing_at(stream: &str, partition: &dyn Display, offset: &dyn Display) -> Error {
    let place = format!("partition `{partition}`, offset `{offset}`");
    Error::NoMessage { reason: format!("the log of `{stream}` has no message at {place}") }
}

pub(super) fn shown(stream: &'static str, record: &Record) -> Message {
    let payload = String::from_utf8(record.payload.to_vec());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (payload, payload_hex) = match payload {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(hex(error.as_bytes()))),
    };
    Message {
        stream,
        partition: record.partition,
        offset: record.offset,
        source: record.headers.source.to_string(),
        received: record.headers.received_time.to_string(),
        logged: record.log_time.to_string(),
        payload,
        payload_hex,
    }
}

/// A message on trial.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnTrial {
    message: String,
}

/// What became of it.
#[derive(Debug, Serialize)]
struct Outcome {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fact: Option<serde_json::Value>,
}

/// Decodes a message, and neither counts nor stores it.
async fn try_message<V: Views>(
    State(app): Shared<V>,
    Path(name): Path<String>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Error> {
    super::parameters::none(&uri)?;
    let definition = app.options.config_of(&name)?.definition();
    let allowed = "an object with the text `message`";
    let OnTrial { message } =
        serde_json::from_slice(&body).map_err(|_| Error::InvalidBody { allowed })?;
    // A program may take its time, but not that of others.
    let attempt = move || definition.try_message(message.as_bytes());
    let tried = app.in_turn(async { tokio::task::spawn_blocking(attempt).await }).await;
    let trial = tried.map_err(|_| Error::Internal)?;
    let nothing = Outcome { outcome: "", reason: None, detail: None, fact: None };
    let outcome = match trial {
        Trial::Fact(fact) => Outcome { outcome: "fact", fact: Some(fact), ..nothing },
        Trial::Skipped(reason) => Outcome { outcome: "skipped", reason: Some(reason), ..nothing },
        Trial::DeadLetter { reason, detail } => Outcome {
            outcome: "dead_letter",
            reason: Some(reason.to_owned()),
            detail: Some(detail),
            fact: None,
        },
    };
    Ok(json(serde_json::to_string(&outcome).expect("an outcome is JSON")))
}
