//! A source that gives messages, one by one. It may take the event time to go on from, as Meetup's
//! `since_mtime`: it gives what has a *greater* one.

use std::sync::Arc;

use http::Uri;
use pulso_model::EventTime;

use super::{Place, Request, Start, before, with_parameter};

#[derive(Clone, Debug)]
pub(in super::super) struct Plain {
    /// The query parameter for the time, in milliseconds.
    pub(super) parameter: Option<String>,
}

impl Plain {
    pub(super) fn request(&self, url: &Uri, start: Start<'_>) -> Request {
        let after = match start {
            Start::Live => None,
            Start::Before(place, margin) => Some(before(place.time, margin)),
            Start::After(place) => Some(place.time),
        };
        let url = match self.parameter.as_deref().zip(after) {
            Some((parameter, after)) => with_parameter(url, parameter, after.0),
            None => url.clone(),
        };
        Request { url, subprotocol: None, last_event_id: None, by_number: false }
    }
}

/// The largest time, in milliseconds.
pub(super) fn cursor(place: &Place) -> Arc<str> {
    place.time.0.to_string().into()
}

pub(super) fn place(cursor: &str) -> Option<Place> {
    Some(Place { time: EventTime(cursor.parse().ok()?), number: None, id: None })
}
