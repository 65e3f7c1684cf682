//! Server-sent events: a source goes on behind the one that it is told the name of (`Last-Event-ID`). It may
//! take an event time to go on from, too, as Wikimedia's `since`; that is for messages without a name.

use std::sync::Arc;

use http::Uri;
use pulso_model::EventTime;

use super::plain::Plain;
use super::{Place, Request, Start};

#[derive(Clone, Debug)]
pub(in super::super) struct Events {
    /// The query parameter for the time, in milliseconds.
    pub(super) parameter: Option<String>,
}

impl Events {
    pub(super) fn request(&self, url: &Uri, start: Start<'_>) -> Request {
        let id = match start {
            Start::After(Place { id: Some(id), .. }) => Arc::clone(id),
            _ => return Plain { parameter: self.parameter.clone() }.request(url, start),
        };
        let (url, last_event_id) = (url.clone(), Some(id));
        Request { url, subprotocol: None, last_event_id, by_number: true }
    }
}

/// `TIME` in milliseconds, or `TIME NAME`.
pub(super) fn cursor(place: &Place) -> Arc<str> {
    let time = place.time.0;
    match &place.id {
        None => time.to_string().into(),
        Some(id) => format!("{time} {id}").into(),
    }
}

pub(super) fn place(cursor: &str) -> Option<Place> {
    let (time, id) = match cursor.split_once(' ') {
        Some((time, id)) => (time, Some(id.into())),
        None => (cursor, None),
    };
    Some(Place { time: EventTime(time.parse().ok()?), number: None, id })
}
