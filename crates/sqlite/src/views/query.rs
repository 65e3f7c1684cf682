//! Pages of documents, newest first.
//!
//! A query is cut into spans of time, newest first. One layer answers each span, or both merged if
//! no day decides between them. Within a span, an index has the rows in the order of the answer, so
//! the cost depends on the page, not on the view.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use pulso_model::{Day, EventTime, Layer, View, ViewDocument, ViewKind};
use pulso_pipeline::{Cursor, LayerChoice, Page, Query, StoredDocument};
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row};

use super::completed_days;
use super::schema::{filtered, table, visible};

/// A span `[from, to)` in milliseconds since the epoch, and the layer that answers for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) layers: &'static [Layer],
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A condition on rows that one index range satisfies.
pub(super) enum Range<'a> {
    Times {
        from: i64,
        to: i64,
    },
    /// The documents after this one that have the same time.
    Ties(&'a Cursor),
}

pub(super) fn page(connection: &mut Connection, query: &Query) -> rusqlite::Result<Page> {
    // One moment for all that follows: a day never changes its layer within an answer.
    let transaction = connection.transaction()?;
    // One more than asked for tells whether there is a next page.
    let wanted = query.limit.saturating_add(1);
    let mut documents = Vec::new();
    'spans: for span in spans(&transaction, query.view, query.layer, query.from, query.to)? {
        for range in ranges(span, query.after.as_ref()) {
            let room = wanted - documents.len();
            let mut found = Vec::new();
            for layer in span.layers {
                found.extend(select(&transaction, query, *layer, &range, room)?);
            }
            found.sort_by(|a, b| place(&a.document).cmp(&place(&b.document)));
            documents.extend(found.into_iter().take(room));
            if documents.len() == wanted {
                break 'spans;
            }
        }
    }
    let more = documents.len() > query.limit;
    documents.truncate(query.limit);
    let next = documents.last().filter(|_| more).map(|StoredDocument { document, .. }| Cursor {
        time: document.time,
        position: document.position,
        id: document.id.clone(),
    });
    Ok(Page { documents, next })
}

/// Which layers answer for which time.
pub(super) fn spans(
    connection: &Connection,
    view: View,
    layer: LayerChoice,
    from: Option<EventTime>,
    to: Option<EventTime>,
) -> rusqlite::Result<Vec<Span>> {
    let from = from.map_or(i64::MIN, |time| time.0);
    let to = to.map_or(i64::MAX, |time| time.0);
    let whole = |layers| Ok(vec![Span { layers, from, to }]);
    match layer {
        LayerChoice::Only(Layer::Speed) => whole(&[Layer::Speed]),
        LayerChoice::Only(Layer::Batch) => whole(&[Layer::Batch]),
        LayerChoice::Current if view.kind() == ViewKind::Day => {
            Ok(spans_by_day(&completed_days(connection, view)?, from, to))
        }
        LayerChoice::Current => whole(&[Layer::Speed, Layer::Batch]),
    }
}

/// Cuts `[from, to)` into the completed days, which are batch's, and the rest. Newest first, with
/// neighbouring days together.
fn spans_by_day(completed: &BTreeSet<Day>, from: i64, to: i64) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut upper = to;
    for day in completed.iter().rev() {
        let (start, end) = (day.start().0.max(from), day.end().0.min(to));
        if start >= end {
            continue;
        }
        if end < upper {
            spans.push(Span { layers: &[Layer::Speed], from: end, to: upper });
        }
        match spans.last_mut().filter(|last| last.from == end && last.layers == [Layer::Batch]) {
            Some(last) => last.from = start,
            None => spans.push(Span { layers: &[Layer::Batch], from: start, to: end }),
        }
        upper = start;
    }
    if from < upper {
        spans.push(Span { layers: &[Layer::Speed], from, to: upper });
    }
    spans
}

/// The parts of a span that come after the cursor: first the remaining documents of its exact time,
/// then those of earlier times.
fn ranges(span: Span, after: Option<&Cursor>) -> Vec<Range<'_>> {
    let Span { from, to, .. } = span;
    match after {
        Some(cursor) if cursor.time.0 < from => Vec::new(),
        Some(cursor) if cursor.time.0 < to => {
            vec![Range::Ties(cursor), Range::Times { from, to: cursor.time.0 }]
        }
        _ => vec![Range::Times { from, to }],
    }
}

fn select(
    connection: &Connection,
    query: &Query,
    layer: Layer,
    range: &Range<'_>,
    room: usize,
) -> rusqlite::Result<Vec<StoredDocument>> {
    let limit = i64::try_from(room).unwrap_or(i64::MAX);
    let mut values: Vec<&dyn ToSql> = Vec::new();
    if let Some(scope) = &query.scope {
        values.push(scope);
    }
    match range {
        Range::Times { from, to } => values.extend([from as &dyn ToSql, to]),
        Range::Ties(Cursor { time, position, id }) => {
            values.extend([&time.0 as &dyn ToSql, position, id]);
        }
    }
    let texts = query.filters.iter().flat_map(|filter| &filter.texts);
    values.extend(texts.map(|text| text as &dyn ToSql));
    values.push(&limit);
    let mut statement = connection.prepare_cached(&select_sql(query, layer, range))?;
    let rows = statement.query_map(&*values, |row| document(query, layer, row))?;
    rows.collect()
}

pub(super) fn select_sql(query: &Query, layer: Layer, range: &Range<'_>) -> String {
    let (table, visible) = (table(query.view, layer), visible(layer));
    let scope = if query.scope.is_some() { "scope = ? AND" } else { "" };
    let range = match range {
        Range::Times { .. } => "time >= ? AND time < ?",
        Range::Ties(_) => "time = ? AND (position, id) > (?, ?)",
    };
    let filters = filtered(query.view, &query.filters, || "?".to_owned());
    format!(
        "SELECT id, time, position, scope, body FROM {table} AS d
         WHERE {scope} {range} AND {visible}{filters}
         ORDER BY time DESC, position, id LIMIT ?"
    )
}

fn document(query: &Query, layer: Layer, row: &Row<'_>) -> rusqlite::Result<StoredDocument> {
    let document = ViewDocument {
        view: query.view,
        id: row.get(0)?,
        time: EventTime(row.get(1)?),
        position: row.get(2)?,
        scope: row.get(3)?,
        body: row.get(4)?,
    };
    Ok(StoredDocument { layer, document })
}

#[cfg(test)]
pub(super) fn sample_ranges(cursor: &Cursor) -> [Range<'_>; 2] {
    [Range::Times { from: 0, to: 1 }, Range::Ties(cursor)]
}

fn place(document: &ViewDocument) -> (Reverse<i64>, u32, &str) {
    (Reverse(document.time.0), document.position, &document.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects `(layer, from, to)` of each span, in order.
    fn check(completed: &[i32], (from, to): (i64, i64), expected: &[(Layer, i64, i64)]) {
        let completed = completed.iter().copied().map(Day).collect();
        let spans = spans_by_day(&completed, from, to);
        let spans: Vec<_> = spans.iter().map(|span| (span.layers[0], span.from, span.to)).collect();
        assert_eq!(spans, expected);
    }

    #[test]
    fn each_day_is_answered_by_its_layer() {
        use Layer::{Batch, Speed};
        const DAY: i64 = 86_400_000;
        let all = (i64::MIN, i64::MAX);
        check(&[], all, &[(Speed, i64::MIN, i64::MAX)]);
        check(
            &[1, 2, 4],
            all,
            &[
                (Speed, 5 * DAY, i64::MAX),
                (Batch, 4 * DAY, 5 * DAY),
                (Speed, 3 * DAY, 4 * DAY),
                (Batch, DAY, 3 * DAY),
                (Speed, i64::MIN, DAY),
            ],
        );
        check(&[1, 2, 4], (DAY + 1, 3 * DAY - 1), &[(Batch, DAY + 1, 3 * DAY - 1)]);
        check(&[-1], (-DAY - 1, 1), &[(Speed, 0, 1), (Batch, -DAY, 0), (Speed, -DAY - 1, -DAY)]);
        check(&[1], (3 * DAY, 2 * DAY), &[]);
    }
}
