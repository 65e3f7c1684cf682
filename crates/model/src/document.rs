//! The documents of the views as the speed layer writes them.
//!
//! The batch layer makes the same documents from SQL columns named as in [`View::fields`]; a
//! contract test holds the two together.

mod fact;
mod journal;
mod json;
mod layout;
mod session;
mod statistics;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use fact::FactWriter;
pub use journal::{ContactDocument, DeadLetterDocument, HealthDocument, LateFactDocument};
use json::ObjectWriter;
pub use json::{push_float, push_histogram, push_json_text};
pub use layout::Layout;
pub use session::SessionDocument;
pub use statistics::StatisticsDocument;

use crate::view::KeyPart;
use crate::{Counts, EventTime, Facet, Location, Stream, View};

/// Room for most documents; facts know theirs, dead letters hold a payload.
const USUAL_BYTES: usize = 320;

/// A document ready for a store: JSON, and what a store needs to file it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDocument {
    pub view: View,
    pub id: String,
    /// The document's `@timestamp`.
    pub time: EventTime,
    /// Order among documents of equal time: the rank in trends, else 0.
    pub position: u32,
    /// The value of [`View::scope_field`].
    pub scope: Option<String>,
    /// One JSON object; empty when the document under this id is to be removed.
    pub body: String,
}

impl ViewDocument {
    fn new(view: View, time: EventTime, key: &[KeyPart<'_>], json: ObjectWriter) -> Self {
        let body = json.finish();
        Self { view, id: view.id(key), time, position: 0, scope: None, body }
    }

    fn of_scope(self, scope: &str) -> Self {
        Self { scope: Some(scope.to_owned()), ..self }
    }

    /// Whether this removes the document under its id: a late firing of a window may list fewer
    /// terms than the one before.
    pub fn removes(&self) -> bool {
        self.body.is_empty()
    }

    /// The values of [`View::key`], for sorting as exports are sorted: integers by value, times by
    /// time, text by bytes.
    pub fn sort_key(&self) -> Vec<KeyValue> {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        self.view
            .key()
            .iter()
            .map(|key| {
                let value = key.name().split('.').fold(&body, |value, name| &value[name]);
                match value.as_i64() {
                    Some(number) => KeyValue::Integer(number),
                    None => KeyValue::Text(value.as_str().unwrap_or_default().to_owned()),
                }
            })
            .collect()
    }
}

/// The value of one key field. Times and days are text whose byte order is their order in time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    Integer(i64),
    Text(String),
}

/// What happened in one pane in one scope, by kind of fact.
#[derive(Debug)]
pub struct ActivityDocument<'a> {
    pub stream: &'a Stream,
    pub pane_start: EventTime,
    pub scope: &'a str,
    pub kind: &'a str,
    pub facts: u64,
    /// In the stream's order.
    pub sums: &'a [u64],
    pub location: Option<Location>,
}

impl ActivityDocument<'_> {
    pub fn render(&self) -> ViewDocument {
        let Self { stream, pane_start, scope, kind, .. } = *self;
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES);
        json.time("@timestamp", pane_start);
        if let Some(field) = stream.scope {
            json.text(field.name, scope);
        }
        json.text(stream.kind.name, kind);
        json.integer(stream.fact.many, signed(self.facts));
        for (name, sum) in stream.sums.iter().zip(self.sums) {
            json.integer(name, signed(*sum));
        }
        json.location("location", self.location);
        let view = stream.activity_view;
        if stream.scope.is_none() {
            return ViewDocument::new(view, pane_start, &[pane_start.into(), kind.into()], json);
        }
        let key = [pane_start.into(), scope.into(), kind.into()];
        ViewDocument::new(view, pane_start, &key, json).of_scope(scope)
    }
}

/// A window as the documents of its trends show it: they are many, and all have its two times.
#[derive(Clone, Debug)]
pub struct TrendWindow {
    end: EventTime,
    /// As in an `_id`.
    end_text: String,
    /// The first fields of each document.
    fields: String,
}

impl TrendWindow {
    pub fn new(start: EventTime, end: EventTime) -> Self {
        let mut fields = ObjectWriter::with_capacity(USUAL_BYTES);
        fields.time("@timestamp", end);
        fields.time("window_start", start);
        Self { end, end_text: end.to_string(), fields: fields.unfinished() }
    }
}

/// One listed term of one window, worldwide or in one scope.
#[derive(Debug)]
pub struct TrendDocument<'a> {
    pub stream: &'a Stream,
    pub facet: &'a Facet,
    pub window: &'a TrendWindow,
    pub scope: Option<&'a str>,
    pub term: &'a str,
    pub name: &'a str,
    /// Facts that carry the term.
    pub count: u64,
    /// Who made them, where the facet counts actors.
    pub actors: u64,
    /// By what the facet counts, from 1.
    pub rank: u32,
    /// By score, from 1; only where it is unusual.
    pub unusual_rank: Option<u32>,
    /// The end of the window in which it became so.
    pub since: Option<EventTime>,
    /// `None` where there is no past to compare with.
    pub score: Option<f64>,
    pub location: Option<Location>,
}

impl TrendDocument<'_> {
    /// # Panics
    /// When there is a scope and the facet has no trends by scope.
    pub fn render(&self) -> ViewDocument {
        let mut json = ObjectWriter::continuing(&self.window.fields, USUAL_BYTES);
        if let (Some(field), Some(scope)) = (self.stream.scope, self.scope) {
            json.text(field.name, scope);
        }
        json.text(self.facet.term.one, self.term);
        json.text("name", self.name);
        json.integer("count", signed(self.count));
        if self.facet.counts == Counts::Actors {
            json.integer("actors", signed(self.actors));
        }
        json.integer("rank", self.rank.into());
        if let Some(rank) = self.unusual_rank {
            json.integer("unusual_rank", rank.into());
        }
        if let Some(since) = self.since {
            json.time("since", since);
        }
        if let Some(score) = self.score {
            json.float("score", score);
        }
        json.location("location", self.location);
        let time = self.window.end;
        let (end, term) = (self.window.end_text.as_str().into(), self.term.into());
        let document = match self.scope {
            None => ViewDocument::new(self.facet.view, time, &[end, term], json),
            Some(scope) => {
                let view = self.facet.by_scope_view.expect("only such facets have trends by scope");
                let key = [end, scope.into(), term];
                ViewDocument::new(view, time, &key, json).of_scope(scope)
            }
        };
        ViewDocument { position: self.rank, ..document }
    }

    /// Takes the document of a term away that an earlier firing of the window listed.
    ///
    /// # Panics
    /// As [`render`](Self::render).
    pub fn removal(
        facet: &Facet,
        window: &TrendWindow,
        scope: Option<&str>,
        term: &str,
    ) -> ViewDocument {
        let (end, term) = (window.end_text.as_str().into(), term.into());
        match scope {
            None => facet.view.removal(window.end, &[end, term]),
            Some(scope) => {
                let view = facet.by_scope_view.expect("only such facets have trends by scope");
                view.removal(window.end, &[end, scope.into(), term])
            }
        }
    }
}

/// A term that was unusual for a while, worldwide or in one scope. The times are ends of windows.
#[derive(Debug)]
pub struct EndedTrendDocument<'a> {
    pub stream: &'a Stream,
    pub facet: &'a Facet,
    /// Of the window that showed that it had ended.
    pub time: EventTime,
    pub scope: Option<&'a str>,
    pub term: &'a str,
    pub name: &'a str,
    pub began: EventTime,
    pub peak: EventTime,
    pub peak_score: f64,
    pub ended: EventTime,
    /// Facts that carry the term, from the first window to the last.
    pub count: u64,
    /// Who made those of the window of the peak, where the facet counts actors.
    pub actors: u64,
}

impl EndedTrendDocument<'_> {
    /// # Panics
    /// When there is a scope and no facet of the stream has trends by scope.
    pub fn render(&self) -> ViewDocument {
        let Self { stream, facet, time, scope, term, .. } = *self;
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES);
        json.time("@timestamp", time);
        if let (Some(field), Some(scope)) = (stream.scope, scope) {
            json.text(field.name, scope);
        }
        json.text("facet", facet.term.many);
        json.text("term", term);
        json.text("name", self.name);
        json.time("began", self.began);
        json.time("peak", self.peak);
        json.float("peak_score", self.peak_score);
        json.time("ended", self.ended);
        json.float("duration_seconds", (self.ended.0 - self.began.0) as f64 / 1000.0);
        json.integer("count", signed(self.count));
        if facet.counts == Counts::Actors {
            json.integer("actors", signed(self.actors));
        }
        let key = ended_key(facet, time, scope, term);
        let document = ViewDocument::new(ended_view(stream, scope), time, &key, json);
        ViewDocument { scope: scope.map(str::to_owned), ..document }
    }

    /// Takes the document of a trend away that an earlier firing of the window told of.
    ///
    /// # Panics
    /// As [`render`](Self::render).
    pub fn removal(
        stream: &Stream,
        facet: &Facet,
        time: EventTime,
        scope: Option<&str>,
        term: &str,
    ) -> ViewDocument {
        ended_view(stream, scope).removal(time, &ended_key(facet, time, scope, term))
    }
}

fn ended_view(stream: &Stream, scope: Option<&str>) -> View {
    let view = match scope {
        None => stream.trends_view,
        Some(_) => stream.trends_by_scope_view,
    };
    view.expect("a stream with trends has a view of those that ended")
}

fn ended_key<'a>(
    facet: &Facet,
    time: EventTime,
    scope: Option<&'a str>,
    term: &'a str,
) -> Vec<KeyPart<'a>> {
    let scope = scope.map(KeyPart::from);
    [KeyPart::from(time)]
        .into_iter()
        .chain(scope)
        .chain([facet.term.many.into(), term.into()])
        .collect()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).expect("logs are shorter than 2^63 messages, sums smaller than 2^63")
}
