//! The decoded message.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{Coordinate, EchoKey, EventTime};

/// What the member answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseKind {
    No,
    Waitlist,
    Yes,
}

impl ResponseKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Waitlist => "waitlist",
            Self::Yes => "yes",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "no" => Some(Self::No),
            "waitlist" => Some(Self::Waitlist),
            "yes" => Some(Self::Yes),
            _ => None,
        }
    }
}

/// One member's answer to one event, borrowed from the message where possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Response<'a> {
    pub rsvp_id: i64,
    pub event_time: EventTime,
    pub kind: ResponseKind,
    pub guests: u32,
    pub member: Member<'a>,
    pub event: Event<'a>,
    pub group: Group<'a>,
    pub venue: Option<Venue<'a>>,
    /// Distinct, sorted by key.
    pub topics: Vec<Topic<'a>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member<'a> {
    pub id: i64,
    pub name: Option<Cow<'a, str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    pub id: Cow<'a, str>,
    pub name: Option<Cow<'a, str>>,
    pub url: Option<Cow<'a, str>>,
    /// When the event begins.
    pub time: Option<EventTime>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    pub id: i64,
    pub name: Option<Cow<'a, str>>,
    pub urlname: Option<Cow<'a, str>>,
    pub city: Option<Cow<'a, str>>,
    pub state: Option<Cow<'a, str>>,
    /// Upper case.
    pub country: Cow<'a, str>,
    pub coordinate: Option<Coordinate>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Venue<'a> {
    pub id: Option<i64>,
    pub name: Option<Cow<'a, str>>,
    pub coordinate: Option<Coordinate>,
}

/// A topic of the group that holds the event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic<'a> {
    /// The `urlkey`, lower-cased and trimmed.
    pub key: Cow<'a, str>,
    /// The name as sent; the key where none was sent.
    pub name: Cow<'a, str>,
}

impl Response<'_> {
    /// People who will come: the member and the guests for a yes, else nobody.
    pub fn attendees(&self) -> u32 {
        if self.kind == ResponseKind::Yes { 1 + self.guests } else { 0 }
    }

    pub fn echo_key(&self) -> EchoKey {
        EchoKey {
            second: self.event_time.nearest_second(),
            rsvp_id: self.rsvp_id,
            guests: self.guests,
            kind: self.kind,
        }
    }
}
