//! Numbers from many documents, computed by SQLite.
//!
//! Documents are read once, into a table of their groups and buckets, which SQLite keeps and may put on
//! disk. So what is kept here depends on the answer, not on the view.

use std::collections::BTreeMap;

use pulso_model::{EventTime, Layer};
use pulso_pipeline::{
    Aggregate, Aggregation, FieldValue, Function, GroupTally, LineTally, Measure, Tally,
    sort_groups,
};
use rusqlite::types::{ToSql, Value};
use rusqlite::{Connection, Row};

use super::query::{Span, spans};
use super::schema::{extract, filtered, table, visible};

/// Values that statements have for `?1`, `?2`, and so on.
type Values = Vec<Value>;

/// A group, if it is listed, the bucket, if there are any, and what is in it.
type Cell = (Option<String>, Option<EventTime>, Tally, Vec<Option<FieldValue>>);

pub(super) fn aggregate(
    connection: &mut Connection,
    question: &Aggregation,
) -> rusqlite::Result<Aggregate> {
    // One moment for the statement and for which layer answers.
    let transaction = connection.transaction()?;
    let Aggregation { view, layer, from, to, measure, groups_max, .. } = *question;
    let spans = spans(&transaction, view, layer, from, to)?;
    let mut total = LineTally::default();
    let mut groups: BTreeMap<String, GroupTally> = BTreeMap::new();
    for (name, bucket, tally, extremes) in cells(&transaction, question, &spans)? {
        total.add(bucket, tally);
        if let Some(name) = name {
            groups.entry(name).or_default().add(bucket, tally, &question.extremes, extremes);
        }
    }
    let groups = groups.into_iter().map(|(name, group)| group.finish(name, measure));
    let mut groups: Vec<_> = groups.collect();
    sort_groups(&mut groups, measure);
    let more = groups.len() > groups_max;
    groups.truncate(groups_max);
    Ok(Aggregate { total: total.finish(measure), groups, more, exact: true })
}

/// The tallies by bucket, of each of the groups to list (and one more if there is one) and of all others
/// together.
fn cells(
    connection: &Connection,
    question: &Aggregation,
    spans: &[Span],
) -> rusqlite::Result<Vec<Cell>> {
    let sql = cells_sql(question);
    let one_more = i64::try_from(question.groups_max).unwrap_or(i64::MAX).saturating_add(1);
    let values = values(question, spans, Value::Integer(one_more));
    let mut statement = connection.prepare_cached(&sql)?;
    let cell = |row: &Row<'_>| {
        let tally =
            Tally { documents: row.get(2)?, sum: row.get(3)?, max: row.get(4)?, min: row.get(5)? };
        let extremes = (6..6 + question.extremes.len()).map(|at| Ok(found(row.get(at)?)));
        let extremes = extremes.collect::<rusqlite::Result<_>>()?;
        Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(EventTime), tally, extremes))
    };
    let cells = statement.query_map(&*as_sql(&values), cell)?;
    cells.collect()
}

fn cells_sql(question: &Aggregation) -> String {
    let value = match question.measure {
        Measure::Documents => "sum(documents)",
        Measure::Field { function: Function::Sum, .. } => "total(sum)",
        Measure::Field { function: Function::Max, .. } => "max(max)",
        Measure::Field { function: Function::Min, .. } => "min(min)",
        Measure::Field { function: Function::Mean, .. } => "total(sum) / sum(documents)",
    };
    let order = if question.measure.smallest_first() { "ASC" } else { "DESC" };
    let rows = rows_sql(question);
    let extremes = question.extremes.iter().enumerate().map(|(at, extreme)| {
        let function = if extreme.smallest { "min" } else { "max" };
        format!(", {function}(x{at}) AS x{at}")
    });
    let extremes: String = extremes.collect();
    format!(
        "WITH cells AS MATERIALIZED (
             SELECT g, b, count(*) AS documents, total(v) AS sum, max(v) AS max, min(v) AS min{extremes}
             FROM ({rows}) WHERE v IS NOT NULL GROUP BY g, b
         ), listed AS MATERIALIZED (
             SELECT g FROM cells WHERE g IS NOT NULL
             GROUP BY g ORDER BY {value} {order}, g LIMIT ?3
         )
         SELECT iif(g IN listed, g, NULL) AS name, b,
             sum(documents), total(sum), max(max), min(min){extremes}
         FROM cells GROUP BY name, b"
    )
}

/// The bucket, group, value and extremes of each document of the answer. `?1` and `?2` are the spans that the
/// layers answer, and from `?4` on come the texts of filters.
fn rows_sql(question: &Aggregation) -> String {
    let Aggregation { view, by, measure, interval, .. } = *question;
    let bucket = interval.map_or("NULL".to_owned(), |interval| {
        let width = interval.millis();
        // Works before 1970 too, where SQLite's `%` is negative.
        format!("time - (time % {width} + {width}) % {width}")
    });
    let group = by.map_or("NULL".to_owned(), extract);
    let value = match measure {
        Measure::Documents => "1".to_owned(),
        Measure::Field { name, .. } => extract(name),
    };
    let extremes = question.extremes.iter().enumerate();
    let extremes: String =
        extremes.map(|(at, one)| format!(", {} AS x{at}", extract(one.field.name))).collect();
    let mut last = 3;
    let filters = filtered(view, &question.filters, || {
        last += 1;
        format!("?{last}")
    });
    let of_layer = |layer: Layer, spans: u32| {
        let (table, visible) = (table(view, layer), visible(layer));
        format!(
            "SELECT {bucket} AS b, {group} AS g, {value} AS v{extremes}
             FROM json_each(?{spans}) AS span CROSS JOIN {table} AS d
             WHERE time >= json_extract(span.value, '$[0]')
                 AND time < json_extract(span.value, '$[1]') AND {visible}{filters}"
        )
    };
    format!("{} UNION ALL {}", of_layer(Layer::Speed, 1), of_layer(Layer::Batch, 2))
}

fn values(question: &Aggregation, spans: &[Span], third: Value) -> Values {
    let of_layer = |layer| {
        let spans = spans.iter().filter(|span| span.layers.contains(&layer));
        let pairs: Vec<_> = spans.map(|span| format!("[{},{}]", span.from, span.to)).collect();
        Value::Text(format!("[{}]", pairs.join(",")))
    };
    let mut values = vec![of_layer(Layer::Speed), of_layer(Layer::Batch), third];
    let texts = question.filters.iter().flat_map(|filter| filter.texts.clone());
    values.extend(texts.map(Value::Text));
    values
}

fn found(value: Value) -> Option<FieldValue> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "numbers are told as doubles")]
        Value::Integer(number) => Some(FieldValue::Number(number as f64)),
        Value::Real(number) => Some(FieldValue::Number(number)),
        Value::Text(text) => Some(FieldValue::Text(text)),
        Value::Null | Value::Blob(_) => None,
    }
}

fn as_sql(values: &[Value]) -> Vec<&dyn ToSql> {
    values.iter().map(|value| value as &dyn ToSql).collect()
}
