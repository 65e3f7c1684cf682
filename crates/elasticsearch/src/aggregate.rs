//! Numbers from many documents, computed by the server.
//!
//! A `terms` aggregation gives the groups with the largest values of each shard, so a group that is large
//! only in the sum of all shards can be missed. Here each shard gives all its groups, up to
//! [`GROUPS_PER_SHARD`]; the answer says so if a shard had more.

use std::collections::BTreeMap;

use pulso_model::{EventTime, FieldType};
use pulso_pipeline::{
    Aggregate, Aggregation, Extreme, FieldValue, Function, Group, Line, Measure, Query, sort_groups,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::{Error, Operation};
use crate::request::Request;
use crate::store::{READ_PATIENCE, Store};
use crate::views::{ATTEMPTS, filter, vanished};

/// The most groups that a shard gives: some megabytes of its memory.
const GROUPS_PER_SHARD: usize = 65_536;

const OPERATION: Operation = Operation::Query;

/// A part of the answer: the values of all documents that meet the conditions.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    hits: Hits,
    /// Left out when there is no index at all.
    #[serde(default)]
    aggregations: Aggregations,
}

#[derive(Debug, Default, Deserialize)]
struct Hits {
    total: Total,
}

#[derive(Debug, Default, Deserialize)]
struct Total {
    value: u64,
}

#[derive(Debug, Default, Deserialize)]
struct Aggregations {
    value: Option<Metric>,
    times: Option<Times>,
    groups: Option<Groups>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Metric {
    /// `null` if there was no document.
    value: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
struct Times {
    buckets: Vec<TimeBucket>,
}

#[derive(Debug, Deserialize)]
struct TimeBucket {
    /// In milliseconds since the epoch.
    key: i64,
    doc_count: u64,
    value: Option<Metric>,
}

#[derive(Debug, Default, Deserialize)]
struct Groups {
    /// 0: each shard gave all its groups.
    doc_count_error_upper_bound: i64,
    buckets: Vec<GroupBucket>,
}

#[derive(Debug, Deserialize)]
struct GroupBucket {
    key: String,
    doc_count: u64,
    value: Option<Metric>,
    times: Option<Times>,
    /// The extremes, each called by its place.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Which groups to ask for.
#[derive(Clone, Copy, Debug)]
enum Wanted<'a> {
    None,
    /// The first ones in order.
    First(usize),
    Named(&'a [String]),
}

impl Store {
    pub(crate) async fn aggregate(&self, question: &Aggregation) -> Result<Aggregate, Error> {
        let nothing =
            || Aggregate { total: Line::default(), groups: Vec::new(), more: false, exact: true };
        let Some(alias) = self.alias(question.view, question.layer) else { return Ok(nothing()) };
        let Some(conditions) = conditions(question) else { return Ok(nothing()) };
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.numbers(question, &conditions, &alias).await {
                Err(error) if attempt < ATTEMPTS && vanished(&error) => {}
                numbers => return numbers,
            }
        }
    }

    async fn numbers(
        &self,
        question: &Aggregation,
        conditions: &Value,
        alias: &str,
    ) -> Result<Aggregate, Error> {
        let ask = async |wanted, details| {
            self.answer(alias, conditions, &aggregations(question, wanted, details)).await
        };
        if question.by.is_none() {
            return Ok(ask(Wanted::None, true).await?.aggregate(question));
        }
        // Which groups to list is known only when all of them have been compared; until then, buckets of
        // time and extremes for each would be for nothing.
        let first = Wanted::First(question.groups_max.saturating_add(1));
        let mut listed = ask(first, false).await?.aggregate(question);
        let more = listed.groups.len() > question.groups_max;
        listed.groups.truncate(question.groups_max);
        let details = question.interval.is_some() || !question.extremes.is_empty();
        if !details || listed.groups.is_empty() && question.groups_max > 0 {
            return Ok(Aggregate { more, ..listed });
        }
        let names: Vec<_> = listed.groups.into_iter().map(|group| group.name).collect();
        let wanted = if names.is_empty() { Wanted::None } else { Wanted::Named(&names) };
        let numbers = ask(wanted, true).await?.aggregate(question);
        Ok(Aggregate { more, exact: listed.exact, ..numbers })
    }

    async fn answer(&self, alias: &str, query: &Value, aggs: &Value) -> Result<Answer, Error> {
        let body = json!({ "size": 0, "track_total_hits": true, "query": query, "aggs": aggs });
        let request = Request::post(format!("{alias}/_search"))
            .with("ignore_unavailable", "true")
            // A part of an answer would look like the whole.
            .with("allow_partial_search_results", "false")
            .json(&body);
        let response = self.client.ask(OPERATION, &request, READ_PATIENCE).await?;
        self.client.parse(OPERATION, &response)
    }
}

/// The conditions that documents must meet. `None` if no document can meet them.
fn conditions(question: &Aggregation) -> Option<Value> {
    let Aggregation { view, layer, from, to, ref filters, measure, .. } = *question;
    let filters = filters.clone();
    let mut conditions = filter(&Query { layer, from, to, filters, ..Query::newest(view, 0) })?;
    let list = conditions["bool"]["filter"].as_array_mut().expect("`filter` makes a list");
    if let Measure::Field { name, .. } = measure {
        list.push(json!({ "exists": { "field": name } }));
    }
    Some(conditions)
}

fn aggregations(question: &Aggregation, wanted: Wanted<'_>, details: bool) -> Value {
    let mut own = json!({});
    if let Measure::Field { name, function } = question.measure {
        let metric = match function {
            Function::Sum => "sum",
            Function::Max => "max",
            Function::Min => "min",
            Function::Mean => "avg",
        };
        own["value"] = json!({ metric: { "field": name } });
    }
    let mut each = own.clone();
    if let Some(interval) = question.interval.filter(|_| details) {
        let interval = format!("{}ms", interval.millis());
        let histogram =
            json!({ "field": "@timestamp", "fixed_interval": interval, "min_doc_count": 1 });
        each["times"] = json!({ "date_histogram": histogram, "aggs": own });
    }
    let mut all = each.clone();
    let value = match question.measure {
        Measure::Documents => "_count",
        Measure::Field { .. } => "value",
    };
    let order = if question.measure.smallest_first() { "asc" } else { "desc" };
    let mut terms = json!({
        "field": question.by,
        "shard_size": GROUPS_PER_SHARD,
        "order": [{ value: order }, { "_key": "asc" }],
    });
    match wanted {
        Wanted::None => return all,
        Wanted::First(size) => terms["size"] = json!(size),
        Wanted::Named(names) => {
            terms["size"] = json!(names.len());
            terms["include"] = json!(names);
        }
    }
    for (at, extreme) in question.extremes.iter().enumerate().filter(|_| details) {
        each[&extreme_name(at)] = extreme_of(*extreme);
    }
    all["groups"] = json!({ "terms": terms, "aggs": each });
    all
}

fn extreme_name(at: usize) -> String {
    format!("extreme_{at}")
}

fn extreme_of(Extreme { field, smallest }: Extreme) -> Value {
    if field.field_type == FieldType::Text {
        let order = if smallest { "asc" } else { "desc" };
        return json!({ "terms": { "field": field.name, "size": 1, "order": { "_key": order } } });
    }
    let metric = if smallest { "min" } else { "max" };
    json!({ metric: { "field": field.name } })
}

/// The answer to [`extreme_of`].
fn found(answer: &Value) -> Option<FieldValue> {
    let text =
        || answer["buckets"][0]["key"].as_str().map(|text| FieldValue::Text(text.to_owned()));
    answer["value"].as_f64().map(FieldValue::Number).or_else(text)
}

impl Answer {
    fn aggregate(self, question: &Aggregation) -> Aggregate {
        let Aggregations { value, times, groups } = self.aggregations;
        let found = groups.unwrap_or_default();
        let exact = found.doc_count_error_upper_bound == 0;
        let asked = question.extremes.len();
        let mut groups: Vec<_> =
            found.buckets.into_iter().map(|bucket| bucket.group(asked)).collect();
        sort_groups(&mut groups, question.measure);
        let total = line(self.hits.total.value, value, times);
        Aggregate { total, groups, more: false, exact }
    }
}

impl GroupBucket {
    fn group(self, extremes: usize) -> Group {
        let extremes = (0..extremes).map(|at| found(self.rest.get(&extreme_name(at))?)).collect();
        Group { name: self.key, line: line(self.doc_count, self.value, self.times), extremes }
    }
}

fn line(documents: u64, metric: Option<Metric>, times: Option<Times>) -> Line {
    let value = |documents, metric: Option<Metric>| match metric {
        Some(Metric { value }) => value,
        None => Some(as_double(documents)),
    };
    let buckets = times.unwrap_or_default().buckets.into_iter();
    let buckets: BTreeMap<_, _> = buckets
        .filter_map(|bucket| Some((EventTime(bucket.key), value(bucket.doc_count, bucket.value)?)))
        .collect();
    Line { value: if documents > 0 { value(documents, metric) } else { None }, buckets }
}

#[expect(clippy::cast_precision_loss, reason = "no view has 2^53 documents")]
fn as_double(count: u64) -> f64 {
    count as f64
}
