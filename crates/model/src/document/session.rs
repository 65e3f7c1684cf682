//! Documents of sessions.

use super::{ObjectWriter, USUAL_BYTES, ViewDocument, signed};
use crate::view::KeyPart;
use crate::{EventTime, Session, Stream};

/// Facts of one key that are close together.
#[derive(Debug)]
pub struct SessionDocument<'a> {
    pub stream: &'a Stream,
    pub session: &'a Session,
    /// From then on no fact can belong to it.
    pub end: EventTime,
    /// Whether facts may follow.
    pub open: bool,
    /// The times of the first and the last fact.
    pub started: EventTime,
    pub ended: EventTime,
    /// The values of the key's columns; empty texts where there are none.
    pub key: &'a [String],
    /// Of the first fact, as all but `terms`.
    pub scope: &'a str,
    pub columns: &'a [Option<String>],
    /// Facts by kind, in the stream's order.
    pub kinds: &'a [u64],
    /// In the stream's order.
    pub sums: &'a [u64],
    /// Of the first and of the last fact, by facet of the session.
    pub terms: &'a [[Option<String>; 2]],
}

impl SessionDocument<'_> {
    /// The document. Before it, the removals of those that other steps may have shown of the session, while it
    /// was open, under earlier days: stores may keep each day apart.
    pub fn render(&self, documents: &mut Vec<ViewDocument>) {
        let Self { stream, session, end, started, ended, .. } = *self;
        let columns = |columns: &[usize]| -> Vec<_> {
            columns.iter().map(|at| stream.columns[*at].name).collect()
        };
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES);
        json.time("@timestamp", end);
        json.time("started", started);
        json.time("ended", ended);
        json.integer("duration_ms", ended.0 - started.0);
        for (name, value) in columns(&session.by).into_iter().zip(self.key) {
            json.text(name, value);
        }
        if let Some(field) = stream.scope {
            json.text(field.name, self.scope);
        }
        for (name, value) in columns(&session.columns).into_iter().zip(self.columns) {
            value.iter().for_each(|value| json.text(name, value));
        }
        json.integer(stream.fact.many, signed(self.kinds.iter().sum()));
        let kinds = stream.kind.values.iter().zip(self.kinds);
        json.integers("kinds", kinds.map(|(kind, facts)| (*kind, signed(*facts))));
        for (name, sum) in stream.sums.iter().zip(self.sums) {
            json.integer(name, signed(*sum));
        }
        for (facet, terms) in session.facets.iter().zip(self.terms) {
            for (name, term) in [facet.first, facet.last].into_iter().zip(terms) {
                term.iter().for_each(|term| json.text(name, term));
            }
        }
        json.boolean("open", self.open);
        let mut key = vec![KeyPart::from(started)];
        key.extend(self.key.iter().map(|part| KeyPart::from(part.as_str())));
        let first_end = started.0.saturating_add(session.gap_ms());
        let mut day = EventTime(first_end.min(end.0)).day();
        while day < end.day() {
            documents.push(session.view.removal(day.start(), &key));
            day = day.next();
        }
        let document = ViewDocument::new(session.view, end, &key, json);
        documents.push(match stream.scope {
            Some(_) => document.of_scope(self.scope),
            None => document,
        });
    }
}
