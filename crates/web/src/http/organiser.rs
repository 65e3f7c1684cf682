//! The organiser's desk: own events, candidates, contacts, conversions.
//!
//! What is asked is looked up in the desk's memory, which is read anew once a second at most, one
//! request at a time. Names are shown as far as privacy allows.

mod answers;
mod conversions;
mod csv;
pub(super) mod parameters;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pulso_model::Stream;
use pulso_pipeline::Views;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use super::{API, App, Change, Error, Route, Shared, cache, kept};
use crate::caller::Caller;
use crate::organiser::{self as desks, ContactError, Desk};
use answers::{About, Answers};
use parameters::{Asked, Kind};

/// The longest request that notes a contact.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// The longest note.
pub(super) const NOTE_CHARACTERS_MAX: usize = 1_000;

/// Groups that are offered to choose from.
const GROUPS_MAX: usize = 20;

pub(super) fn routes<V: Views>() -> Vec<Route<Arc<App<V>>>> {
    let route = |name, methods| Route::new(format!("{API}/organiser/{name}"), methods);
    let note = get(contacts::<V>).post(contact::<V>);
    vec![
        route("groups", get(groups::<V>)),
        route("events", get(events::<V>)),
        route("candidates", get(candidates::<V>)),
        route("conversions", get(all_conversions::<V>)),
        route("contacts", note).changes("GET, HEAD and POST", BODY_BYTES_MAX),
    ]
}

/// The stream that the desk is about.
pub(super) fn stream<V: Views>(app: &App<V>) -> Result<&'static Stream, Error> {
    let streams = app.options.streams.iter().map(|served| served.stream);
    desks::stream_of(streams).ok_or(Error::NoDesk)
}

/// The desk with what is new.
async fn desk<V: Views>(app: &Arc<App<V>>) -> Result<OwnedMutexGuard<Desk>, Error> {
    let (stream, app) = (stream(app)?, Arc::clone(app));
    let mut desk = app.options.organiser.desk().lock_owned().await;
    // All responses may take longer than a request: what has begun goes on, and a later request finds it.
    let refreshing = tokio::spawn(async move {
        let settings = &app.options.organiser.settings;
        app.ask(desk.refresh(&app.views, stream, settings)).await.map(|()| desk)
    });
    refreshing.await.map_err(|_| Error::Internal)?
}

/// What all answers begin with, and what is asked.
async fn opened<V: Views>(
    app: &Arc<App<V>>,
    uri: &Uri,
    kind: Kind,
) -> Result<(OwnedMutexGuard<Desk>, Asked), Error> {
    let asked = parameters::read(kind, uri)?;
    let desk = desk(app).await?;
    Ok((desk, asked))
}

fn answer(value: &impl Serialize) -> Response {
    kept(cache::ASK, serde_json::to_string(value).expect("an answer is text and numbers"))
}

/// Groups with upcoming events, those that most come to first.
async fn groups<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    let (mut desk, asked) = opened(&app, &uri, Kind::Groups).await?;
    let about = About::new(&mut desk, &app.options.organiser, &asked);
    let groups = answers::groups(&desk, &asked.search, GROUPS_MAX);
    Ok(answer(&answers::with(about, answers::Groups { groups })))
}

async fn events<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    let (mut desk, asked) = opened(&app, &uri, Kind::Own).await?;
    let organiser = &app.options.organiser;
    let about = About::new(&mut desk, organiser, &asked);
    let events = match about.wanted() {
        Some(wanted) => Answers { desk: &desk, organiser }.events(&wanted.choice),
        None => Vec::new(),
    };
    Ok(answer(&answers::with(about, answers::Events { events })))
}

async fn candidates<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    let (mut desk, asked) = opened(&app, &uri, Kind::Candidates).await?;
    let organiser = &app.options.organiser;
    let about = About::new(&mut desk, organiser, &asked);
    let candidates = match about.wanted() {
        Some(wanted) => Answers { desk: &desk, organiser }.candidates(wanted, asked.limit),
        None => Vec::new(),
    };
    Ok(answer(&answers::with(about, answers::Candidates { candidates })))
}

async fn all_conversions<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    let (mut desk, asked) = opened(&app, &uri, Kind::Own).await?;
    let organiser = &app.options.organiser;
    let about = About::new(&mut desk, organiser, &asked);
    let found = about.wanted().map(|wanted| {
        conversions::Conversions::of(Answers { desk: &desk, organiser }, &wanted.choice)
    });
    Ok(answer(&answers::with(about, found.unwrap_or_default())))
}

async fn contacts<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    let (mut desk, asked) = opened(&app, &uri, Kind::Contacts).await?;
    let organiser = &app.options.organiser;
    let about = About::new(&mut desk, organiser, &asked);
    let contacts = match about.wanted() {
        Some(wanted) => Answers { desk: &desk, organiser }.contacts(&wanted.choice, asked.limit),
        None => Vec::new(),
    };
    if !asked.csv {
        return Ok(answer(&answers::with(about, answers::Contacts { contacts })));
    }
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"contacts.csv\""),
    ];
    Ok((head, csv::of(&contacts)).into_response())
}

/// What is noted of a contact.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The candidate, by the name that the list of candidates has for requests.
    person: String,
    event: String,
    #[serde(default)]
    note: String,
}

/// Marks a candidate as contacted.
async fn contact<V: Views>(
    State(app): Shared<V>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Error> {
    let Note { person, event, note } = read_note(&body)?;
    let (mut desk, asked) = opened(&app, &uri, Kind::Own).await?;
    let (organiser, stream) = (&app.options.organiser, stream(&app)?);
    let about = About::new(&mut desk, organiser, &asked);
    let Some(wanted) = about.wanted().cloned() else {
        let reason =
            "nobody said which events are the organiser's: name a group or a topic in `own`";
        return Err(Error::Conflict { reason: reason.to_owned() });
    };
    let (who, what) = ((&*person, &*event), (&*caller.name, &*note));
    let noted = desks::contact(&mut desk, organiser, stream, &wanted, who, what).await;
    let stored = noted.map_err(|error| match error {
        ContactError::Write(_) => Error::Unavailable,
        other => Error::Conflict { reason: other.to_string() },
    })?;
    let change = Change(format!("noted a contact about the event {event}"));
    let stored = answer(&Answers { desk: &desk, organiser }.contact(&stored));
    Ok((Extension(change), stored).into_response())
}

fn read_note(body: &Bytes) -> Result<Note, Error> {
    let note = serde_json::from_slice(body).ok();
    let short = |note: &Note| note.note.chars().count() <= NOTE_CHARACTERS_MAX;
    const { assert!(NOTE_CHARACTERS_MAX == 1_000, "the text below says so") };
    let allowed =
        "JSON with `person`, `event` and at will `note`, which has at most 1000 characters";
    note.filter(short).ok_or(Error::InvalidBody { allowed })
}
