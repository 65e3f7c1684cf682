//! What a client is told, given what it knows and what has been seen.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use axum::response::sse;
use pulso_model::EventTime;
use serde::Serialize;

use super::watch::{Seen, State};

/// A point in the data, as the id of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Point {
    /// Up to where windows are closed.
    pub(super) closed_until: Option<EventTime>,
    /// When the last run of the batch layer ended.
    pub(super) run_ended: Option<EventTime>,
}

/// In ids: nothing yet.
const NEVER: &str = "-";

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |time: Option<EventTime>| time.map_or(NEVER.to_owned(), |time| time.to_string());
        write!(formatter, "{}_{}", text(self.closed_until), text(self.run_ended))
    }
}

impl FromStr for Point {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (closed_until, run_ended) = text.split_once('_').ok_or(())?;
        let time = |text: &str| match text {
            NEVER => Ok(None),
            time => time.parse().map(Some).map_err(|_| ()),
        };
        Ok(Self { closed_until: time(closed_until)?, run_ended: time(run_ended)? })
    }
}

/// An event, before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Where a client that knows this event is; none for what is not about data.
    pub(super) id: Option<Point>,
    pub(super) name: &'static str,
    pub(super) data: String,
}

impl From<Event> for sse::Event {
    fn from(Event { id, name, data }: Event) -> Self {
        let event = Self::default().event(name).data(data);
        match id {
            Some(point) => event.id(point.to_string()),
            None => event,
        }
    }
}

#[derive(Debug, Serialize)]
struct StateData<'a> {
    stream: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    closed_until: Option<String>,
    batch_until: BTreeMap<&'static str, Option<String>>,
    lag: Option<u64>,
}

#[derive(Debug, Serialize)]
struct WindowData<'a> {
    stream: &'a str,
    after: Option<String>,
    closed_until: Option<String>,
    lag: Option<u64>,
}

#[derive(Debug, Serialize)]
struct BatchData<'a> {
    stream: &'a str,
    batch_until: BTreeMap<&'static str, Option<String>>,
}

#[derive(Debug, Serialize)]
struct StoreData<'a> {
    stream: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// It came with an id that means nothing here.
    Unknown,
    UpTo(Point),
}

/// Tells one client what it does not know yet.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    stream: &'static str,
    told: Told,
    /// Whether it was told that the store cannot be read.
    away: bool,
}

impl Teller {
    /// For a client that has the event with the id `last`, if it has any.
    pub(super) fn new(stream: &'static str, last: Option<&str>) -> Self {
        let told = match last {
            None | Some("") => Told::Nothing,
            Some(id) => id.parse().map_or(Told::Unknown, Told::UpTo),
        };
        Self { stream, told, away: false }
    }

    /// The next event that is due, one at a time.
    pub(super) fn next(&mut self, seen: &Seen) -> Option<Event> {
        if seen.away != self.away {
            self.away = seen.away;
            return Some(self.store(seen.away));
        }
        let state = seen.state.as_ref()?;
        let now = state.point;
        match self.told {
            Told::Nothing => Some(self.whole(state, None)),
            Told::Unknown => Some(self.whole(state, Some("unknown_id"))),
            Told::UpTo(told) if now.closed_until < told.closed_until => {
                Some(self.whole(state, Some("went_back")))
            }
            Told::UpTo(told) if now.closed_until > told.closed_until => {
                let point = Point { closed_until: now.closed_until, ..told };
                self.told = Told::UpTo(point);
                let data = WindowData {
                    stream: self.stream,
                    after: told.closed_until.map(|time| time.to_string()),
                    closed_until: now.closed_until.map(|time| time.to_string()),
                    lag: state.lag,
                };
                Some(event("window", Some(point), &data))
            }
            Told::UpTo(told) if now.run_ended > told.run_ended => {
                let point = Point { run_ended: now.run_ended, ..told };
                self.told = Told::UpTo(point);
                let data = BatchData { stream: self.stream, batch_until: batch_until(state) };
                Some(event("batch", Some(point), &data))
            }
            Told::UpTo(_) => None,
        }
    }

    /// Everything, for a client that knows nothing, or nothing that is of use.
    fn whole(&mut self, state: &State, reason: Option<&'static str>) -> Event {
        self.told = Told::UpTo(state.point);
        let data = StateData {
            stream: self.stream,
            reason,
            closed_until: state.point.closed_until.map(|time| time.to_string()),
            batch_until: batch_until(state),
            lag: state.lag,
        };
        event(if reason.is_some() { "reset" } else { "state" }, Some(state.point), &data)
    }

    fn store(&self, away: bool) -> Event {
        let detail = away.then_some("the views cannot be read at the moment");
        let name = if away { "unavailable" } else { "available" };
        event(name, None, &StoreData { stream: self.stream, detail })
    }
}

fn batch_until(state: &State) -> BTreeMap<&'static str, Option<String>> {
    let text = |time: &Option<EventTime>| time.map(|time| time.to_string());
    state.batch_until.iter().map(|(view, time)| (view.name(), text(time))).collect()
}

fn event(name: &'static str, id: Option<Point>, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).expect("times and text can be shown as JSON");
    Event { id, name, data }
}
