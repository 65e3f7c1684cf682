//! Pages of documents, newest first.

use std::collections::BTreeSet;

use pulso_model::{Day, EventTime, Layer, View, ViewKind};
use pulso_pipeline::{
    Aggregate, Aggregation, Cursor, Documents, Filter, LayerChoice, Page, Query, StoredDocument,
    Views,
};
use serde_json::{Value, json};

use crate::encode::decode;
use crate::error::{Error, Operation};
use crate::names::Place;
use crate::request::Request;
use crate::response::{Hit, PointInTime, SearchAnswer};
use crate::store::{READ_PATIENCE, Store, ViewStore};

/// The most documents in one answer: about a megabyte. Longer pages and whole views are read in
/// parts, each from where the one before ended, so they never reach the server's own limit,
/// `index.max_result_window`.
const CHUNK_DOCUMENTS: usize = 1_000;

/// Fewer for dead letters, which hold messages of up to a megabyte.
const CHUNK_DEAD_LETTERS: usize = 50;

/// How long the server keeps a point in time that nobody reads from.
const KEEP_ALIVE: &str = "10m";

/// How often a search starts over when an index vanishes under it, because it was replaced and
/// nobody noticed that it was being read.
pub(crate) const ATTEMPTS: usize = 5;

/// Where documents are read from.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Whatever the alias points to when the search begins.
    Alias(String),
    PointInTime(String),
}

impl Views for ViewStore {
    type Error = Error;

    async fn query(&self, query: Query) -> Result<Page, Error> {
        let store = &self.store;
        let Some(alias) = store.alias(query.view, query.layer) else { return Ok(Page::default()) };
        let Some(filter) = filter(&query).filter(|_| query.limit > 0) else {
            return Ok(Page::default());
        };
        let mut attempt = 0;
        loop {
            attempt += 1;
            match store.page(&query, &filter, alias.clone()).await {
                Err(error) if attempt < ATTEMPTS && vanished(&error) => {}
                page => return page,
            }
        }
    }

    async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, Error> {
        self.store.aggregate(&question).await
    }

    /// Reads the view as of the moment of the call, including everything acknowledged before. The
    /// server keeps that moment for ten minutes after each chunk that is taken.
    async fn scan(&self, view: View, layer: LayerChoice) -> Result<Documents<Error>, Error> {
        crate::scan::start(&self.store, view, layer).await
    }

    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, Error> {
        self.store.completed_days_of(view).await
    }
}

impl Store {
    /// The alias of the documents to read. `None` if there can be none.
    pub(crate) fn alias(&self, view: View, choice: LayerChoice) -> Option<String> {
        match choice {
            LayerChoice::Current => Some(self.names.answers(view)),
            LayerChoice::Only(Layer::Batch) if view.kind() == ViewKind::Journal => None,
            LayerChoice::Only(layer) => Some(self.names.layer(view, layer)),
        }
    }

    async fn page(&self, query: &Query, filter: &Value, alias: String) -> Result<Page, Error> {
        // One more than asked for tells whether there is a next page.
        let wanted = query.limit.saturating_add(1);
        let operation = Operation::Query;
        let chunk = chunk(query.view);
        let mut target = Target::Alias(alias);
        if wanted > chunk {
            target = self.point_in_time(operation, target).await?;
        }
        let mut documents: Vec<StoredDocument> = Vec::new();
        let mut after = query.after.as_ref().filter(|cursor| !later(cursor.time)).map(place);
        loop {
            let size = chunk.min(wanted - documents.len());
            let mut body = json!({ "size": size, "query": filter, "sort": order() });
            if let Some(after) = &after {
                body["search_after"] = after.clone();
            }
            let found = self.search(operation, query.view, &mut target, body).await?;
            after = found.last;
            let last = found.documents.len() < size;
            documents.extend(found.documents);
            if last || documents.len() == wanted {
                break;
            }
        }
        self.close(target).await;
        let more = documents.len() > query.limit;
        documents.truncate(query.limit);
        let next = documents.last().filter(|_| more).map(|StoredDocument { document, .. }| {
            Cursor { time: document.time, position: document.position, id: document.id.clone() }
        });
        Ok(Page { documents, next })
    }

    /// Opens a point in time of what an alias points to.
    pub(crate) async fn point_in_time(
        &self,
        operation: Operation,
        target: Target,
    ) -> Result<Target, Error> {
        let Target::Alias(alias) = target else { return Ok(target) };
        let request = Request::post(format!("{alias}/_pit"))
            .with("keep_alive", KEEP_ALIVE)
            .with("ignore_unavailable", "true");
        let response = self.client.ask(operation, &request, READ_PATIENCE).await?;
        let PointInTime { id } = self.client.parse(operation, &response)?;
        Ok(Target::PointInTime(id))
    }

    /// Closes a point in time, without waiting. One that is not closed expires by itself.
    pub(crate) async fn close(&self, target: Target) {
        if let Target::PointInTime(id) = target {
            let request = Request::delete("_pit").json(&json!({ "id": id }));
            drop(self.client.send(Operation::Query, &request).await);
        }
    }

    /// Sends one search request. The id of a point in time may change with each.
    pub(crate) async fn search(
        &self,
        operation: Operation,
        view: View,
        target: &mut Target,
        mut body: Value,
    ) -> Result<Found, Error> {
        body["track_total_hits"] = Value::Bool(false);
        let request = match target {
            Target::Alias(alias) => {
                Request::post(format!("{alias}/_search")).with("ignore_unavailable", "true")
            }
            Target::PointInTime(id) => {
                body["pit"] = json!({ "id": id, "keep_alive": KEEP_ALIVE });
                Request::post("_search")
            }
        };
        // A part of an answer would look like the whole.
        let request = request.with("allow_partial_search_results", "false").json(&body);
        let response = self.client.ask(operation, &request, READ_PATIENCE).await?;
        let answer: SearchAnswer<'_> = self.client.parse(operation, &response)?;
        if let (Target::PointInTime(id), Some(now)) = (target, answer.pit_id) {
            *id = now;
        }
        self.found(operation, view, &answer.hits.hits)
    }

    fn found(&self, operation: Operation, view: View, hits: &[Hit<'_>]) -> Result<Found, Error> {
        let document = |hit: &Hit<'_>| {
            let broken = || Error::Document { index: hit.index.clone(), id: hit.id.clone() };
            let layer = match self.names.parse_index(view, &hit.index) {
                Some(Place::Batch(..)) => Layer::Batch,
                Some(_) => Layer::Speed,
                None => return Err(broken()),
            };
            let document = decode(view, layer, hit.source.get()).ok_or_else(broken)?;
            Ok(StoredDocument { layer, document })
        };
        let documents = hits.iter().map(document).collect::<Result<_, _>>()?;
        let sort = hits.last().and_then(|hit| hit.sort);
        let unreadable = |source| Error::Unreadable { operation, urls: self.client.urls(), source };
        let last = sort.map(|sort| serde_json::from_str(sort.get())).transpose();
        Ok(Found { documents, last: last.map_err(unreadable)? })
    }
}

/// Documents, and the position of the last of them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) documents: Vec<StoredDocument>,
    pub(crate) last: Option<Value>,
}

pub(crate) fn chunk(view: View) -> usize {
    if view == View::DEAD_LETTERS { CHUNK_DEAD_LETTERS } else { CHUNK_DOCUMENTS }
}

/// Whether an index may have been deleted while it was being read.
pub(crate) fn vanished(error: &Error) -> bool {
    matches!(error, Error::Answer { source, .. } if matches!(source.status, 404 | 500 | 503))
}

fn order() -> Value {
    json!([
        { "@timestamp": { "order": "desc", "format": "strict_date_time", "unmapped_type": "date" } },
        { "pulso.position": { "order": "asc", "unmapped_type": "long" } },
        { "pulso.id": { "order": "asc", "unmapped_type": "keyword" } }
    ])
}

fn place(cursor: &Cursor) -> Value {
    json!([cursor.time.to_string(), cursor.position, cursor.id])
}

/// Whether a time is earlier than any document may have. Formatting would show it as the nearest
/// time that a document may have, so it is never sent to the server.
fn earlier(time: EventTime) -> bool {
    time.0 < *EventTime::RANGE.start()
}

fn later(time: EventTime) -> bool {
    time.0 > *EventTime::RANGE.end()
}

/// The conditions that documents must meet. `None` if no document can meet them.
pub(crate) fn filter(query: &Query) -> Option<Value> {
    let mut filters = Vec::new();
    let after = query.after.as_ref().map(|cursor| cursor.time);
    if query.from.is_some_and(later)
        || query.to.is_some_and(|to| to.0 <= *EventTime::RANGE.start())
        || after.is_some_and(earlier)
    {
        return None;
    }
    let mut range = json!({ "format": "strict_date_time" });
    if let Some(from) = query.from.filter(|from| !earlier(*from)) {
        range["gte"] = from.to_string().into();
    }
    if let Some(to) = query.to.filter(|to| !later(*to)) {
        range["lt"] = to.to_string().into();
    }
    filters.push(json!({ "range": { "@timestamp": range } }));
    if let Some(scope) = &query.scope {
        filters.push(json!({ "term": { "pulso.scope": scope } }));
    }
    let terms =
        query.filters.iter().map(|Filter { field, texts }| json!({ "terms": { *field: texts } }));
    filters.extend(terms);
    Some(json!({ "bool": { "filter": filters } }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulso_testkit::view;

    #[test]
    fn times_that_no_document_has_are_not_asked_for() {
        let all = Query::newest(view("responses"), 1);
        let with = |from: Option<i64>, to: Option<i64>| {
            let (from, to) = (from.map(EventTime), to.map(EventTime));
            filter(&Query { from, to, ..all.clone() })
        };
        let (first, last) = (*EventTime::RANGE.start(), *EventTime::RANGE.end());
        assert_eq!(with(Some(last + 1), None), None);
        assert_eq!(with(None, Some(first)), None);
        let unbounded = with(None, None);
        assert_eq!(with(Some(i64::MIN), Some(i64::MAX)), unbounded);
        assert_ne!(with(Some(0), None), unbounded);
        let cursor = |time| Cursor { time: EventTime(time), position: 0, id: String::new() };
        let after = |time| filter(&Query { after: Some(cursor(time)), ..all.clone() });
        assert_eq!(after(i64::MIN), None);
        assert_eq!(after(i64::MAX), unbounded);
    }
}
