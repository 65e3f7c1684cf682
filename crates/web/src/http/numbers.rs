//! Numbers from many documents: over time, and the largest groups.
//!
//! The view store adds up; no document leaves it, except for the newest one, which tells where a range
//! without an end ends. Adding up takes a store long, and all who look at a page ask the same when a window
//! closes: so an answer is given to all who ask for it within a second, as long as no layer gets further.

mod buckets;
mod parameters;

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use pulso_model::{EventTime, FieldType, ViewKind};
use pulso_pipeline::{
    Aggregate, Aggregation, Extreme, FieldValue, Group, Line, Measure, Query, Views,
};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::reach::{Reach, ReachFields};
use super::recent::Recent;
use super::{App, Error, Options, Shared, cache, kept};
use buckets::Buckets;
pub(super) use buckets::{BUCKETS_MAX, WIDTH_SECONDS_MAX};
use parameters::Asked;
pub(super) use parameters::{GROUPS_MAX, GROUPS_USUAL, Kind, WITH_MAX, filters, names_of};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How far back a request without `from` looks, by what the view's documents are about.
const USUAL_MS: i64 = HOUR_MS;
const USUAL_OF_DAYS_MS: i64 = 30 * DAY_MS;

/// The most values that the groups of a series have together: some 300 kB. Elasticsearch gives up at 65,536.
pub(super) const VALUES_MAX: u64 = 50_000;

#[derive(Debug, Serialize)]
struct Series {
    #[serde(flatten)]
    about: About,
    /// The start of the first bucket.
    start: Option<String>,
    interval_seconds: Number,
    buckets: i64,
    total: Values,
    groups: Vec<NamedValues>,
    more: bool,
    exact: bool,
    #[serde(flatten)]
    reach: ReachFields,
}

#[derive(Debug, Serialize)]
struct Top {
    #[serde(flatten)]
    about: About,
    total: Value,
    groups: Vec<NamedValue>,
    more: bool,
    exact: bool,
    #[serde(flatten)]
    reach: ReachFields,
}

/// What was asked, with all that the request left out.
#[derive(Debug, Serialize)]
struct About {
    view: &'static str,
    field: Option<&'static str>,
    function: &'static str,
    by: Option<&'static str>,
    from: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Serialize)]
struct Values {
    value: Value,
    values: Vec<Value>,
}

#[derive(Debug, Serialize)]
struct NamedValues {
    name: String,
    #[serde(flatten)]
    values: Values,
    /// What else was asked for, by field; `null` where the group has none.
    #[serde(skip_serializing_if = "Map::is_empty")]
    with: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct NamedValue {
    name: String,
    value: Value,
    /// As in [`NamedValues`].
    #[serde(skip_serializing_if = "Map::is_empty")]
    with: Map<String, Value>,
}

/// Recent answers, by what was asked and how far the layers reached then.
pub(super) type Answers = Recent<(String, Reach), Answer>;

/// An answer, and how long it may be kept.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    control: HeaderValue,
    text: Bytes,
}

pub(super) async fn series<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    let asked = parameters::read(Kind::Series, &uri, &app.options)?;
    let reach = app.reach(asked.question.view).await?;
    let key = (uri.to_string(), reach.clone());
    Ok(app.numbers.get(key, || series_of(&app, asked, reach)).await?.into_response())
}

pub(super) async fn top<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    let asked = parameters::read(Kind::Top, &uri, &app.options)?;
    let reach = app.reach(asked.question.view).await?;
    let key = (uri.to_string(), reach.clone());
    Ok(app.numbers.get(key, || top_of(&app, asked, reach)).await?.into_response())
}

async fn series_of<V: Views>(
    app: &App<V>,
    mut asked: Asked,
    reach: Reach,
) -> Result<Answer, Error> {
    let step = step(&asked, &app.options);
    let found = limit_range(app, &mut asked, step).await?;
    let buckets = buckets(&asked, step)?;
    check_groups(&asked, buckets)?;
    asked.question.interval = Some(buckets.interval);
    let Aggregate { total, groups, more, exact } =
        aggregate(app, &asked, found && buckets.count > 0).await?;
    let named = |group: Group| NamedValues {
        name: group.name,
        values: asked.values(&group.line, buckets),
        with: with(&asked.question.extremes, group.extremes),
    };
    let series = Series {
        about: asked.about(),
        start: asked.question.from.map(|_| buckets.start.to_string()),
        interval_seconds: seconds(buckets),
        buckets: buckets.count,
        total: asked.values(&total, buckets),
        groups: groups.into_iter().map(named).collect(),
        more,
        exact,
        reach: reach.fields(),
    };
    Ok(asked.answer(&reach, &series))
}

async fn top_of<V: Views>(app: &App<V>, mut asked: Asked, reach: Reach) -> Result<Answer, Error> {
    let found = match asked.question.view.kind() {
        ViewKind::Now => true,
        _ => {
            let step = step(&asked, &app.options);
            limit_range(app, &mut asked, step).await?
        }
    };
    let Aggregate { total, groups, more, exact } = aggregate(app, &asked, found).await?;
    let named = |group: Group| NamedValue {
        name: group.name,
        value: asked.value(group.line.value),
        with: with(&asked.question.extremes, group.extremes),
    };
    let top = Top {
        about: asked.about(),
        total: asked.value(total.value),
        groups: groups.into_iter().map(named).collect(),
        more,
        exact,
        reach: reach.fields(),
    };
    Ok(asked.answer(&reach, &top))
}

fn with(asked: &[Extreme], found: Vec<Option<FieldValue>>) -> Map<String, Value> {
    let shown = |(extreme, found): (&Extreme, Option<FieldValue>)| {
        let value = match found {
            Some(FieldValue::Text(text)) => Value::from(text),
            Some(FieldValue::Number(value)) => {
                number(value, extreme.field.field_type == FieldType::Integer)
            }
            None => Value::Null,
        };
        (extreme.field.name.to_owned(), value)
    };
    asked.iter().zip(found).map(shown).collect()
}

/// Asks the store, unless there can be no document.
async fn aggregate<V: Views>(app: &App<V>, asked: &Asked, found: bool) -> Result<Aggregate, Error> {
    if found {
        let aggregate = app.ask(app.views.aggregate(asked.question.clone())).await?;
        return Ok(hide_names(&app.options, asked, aggregate));
    }
    Ok(Aggregate { total: Line::default(), groups: Vec::new(), more: false, exact: true })
}

/// Gives people their pseudonyms, which then order groups of equal values.
fn hide_names(options: &Options, asked: &Asked, mut aggregate: Aggregate) -> Aggregate {
    let Aggregation { view, by, ref extremes, .. } = asked.question;
    let (hidden, people) = (options.hidden(view), &options.organiser.people);
    for (at, extreme) in extremes.iter().enumerate() {
        if hidden.of(extreme.field.name).is_none() {
            continue;
        }
        for group in &mut aggregate.groups {
            if let Some(FieldValue::Text(text)) = &mut group.extremes[at] {
                *text = people.pseudonym(text);
            }
        }
    }
    if by.and_then(|by| hidden.of(by)).is_none() {
        return aggregate;
    }
    for group in &mut aggregate.groups {
        group.name = people.pseudonym(&group.name);
    }
    let equal = |one: &Group, other: &Group| one.line.value == other.line.value;
    for equals in aggregate.groups.chunk_by_mut(equal) {
        equals.sort_by(|one, other| one.name.cmp(&other.name));
    }
    aggregate
}

/// How far apart the documents of a view are.
fn step(asked: &Asked, options: &Options) -> Duration {
    let view = asked.question.view;
    if view.kind() == ViewKind::BatchDay {
        return Duration::from_millis(DAY_MS.unsigned_abs());
    }
    let mut streams = options.streams.iter();
    let served = streams.find(|served| Some(served.stream.name) == view.stream());
    served.map_or(Duration::from_secs(1), |served| served.windows.slide)
}

/// Gives a range the bounds that it lacks: up to the newest document, and as far back as is usual.
/// `false` if there is no document.
async fn limit_range<V: Views>(
    app: &App<V>,
    asked: &mut Asked,
    step: Duration,
) -> Result<bool, Error> {
    let question = &mut asked.question;
    if question.to.is_none() {
        let layer = question.layer;
        let newest = app.query(Query { layer, ..Query::newest(question.view, 1) }).await?;
        let Some(newest) = newest.documents.first().map(|stored| stored.document.time) else {
            question.to = question.from;
            return Ok(false);
        };
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let whole = newest.0.saturating_sub(newest.0.rem_euclid(step));
        question.to = Some(EventTime(whole.saturating_add(step)));
    }
    if let (None, Some(to)) = (question.from, question.to) {
        let usual = match question.view.kind() {
            ViewKind::BatchDay => USUAL_OF_DAYS_MS,
            _ => USUAL_MS,
        };
        question.from = Some(EventTime(to.0.saturating_sub(usual)));
    }
    Ok(true)
}

/// The buckets of a range; none if it has no bounds, as there is no document then.
fn buckets(asked: &Asked, step: Duration) -> Result<Buckets, Error> {
    let from = asked.question.from.unwrap_or_default();
    let to = asked.question.to.unwrap_or(from);
    let Some((interval, text)) = &asked.interval else { return Ok(Buckets::usual(from, to, step)) };
    Buckets::asked(*interval, from, to).map_err(|allowed| Error::InvalidParameter {
        name: "interval",
        value: text.clone(),
        allowed,
    })
}

/// Checks that the groups of a series have no more values than an answer may.
fn check_groups(asked: &Asked, buckets: Buckets) -> Result<(), Error> {
    let (groups, count) = (asked.question.groups_max, buckets.count.unsigned_abs().max(1));
    let allowed = usize::try_from(VALUES_MAX / count).unwrap_or(usize::MAX);
    if groups <= allowed {
        return Ok(());
    }
    Err(Error::InvalidParameter {
        name: "limit",
        value: groups.to_string(),
        allowed: format!(
            "at most {allowed} where there are {count} buckets, as the groups of a series have at most \
             {VALUES_MAX} values"
        ),
    })
}

/// Whole seconds where they are.
fn seconds(buckets: Buckets) -> Number {
    let interval = buckets.interval.millis();
    match interval % 1_000 {
        0 => (interval / 1_000).into(),
        _ => {
            let seconds = Duration::from_millis(interval.unsigned_abs()).as_secs_f64();
            Number::from_f64(seconds).expect("a duration is finite")
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        kept(self.control, self.text)
    }
}

impl Asked {
    fn answer(&self, reach: &Reach, answer: &impl Serialize) -> Answer {
        let completed = reach.completes(self.question.from, self.question.to);
        let text = serde_json::to_vec(answer).expect("numbers and text can be shown as JSON");
        Answer { control: cache::control(completed), text: text.into() }
    }

    fn about(&self) -> About {
        let question = &self.question;
        let (field, function) = match question.measure {
            Measure::Documents => (None, "count"),
            Measure::Field { name, function } => (Some(name), function.name()),
        };
        About {
            view: question.view.name(),
            field,
            function,
            by: question.by,
            from: question.from.map(|time| time.to_string()),
            to: question.to.map(|time| time.to_string()),
        }
    }

    /// A value for each bucket.
    fn values(&self, line: &Line, buckets: Buckets) -> Values {
        let each = buckets.starts().map(|start| self.value(line.buckets.get(&start).copied()));
        Values { value: self.value(line.value), values: each.collect() }
    }

    /// A whole number where it must be one. What no document tells is nothing where documents are added
    /// up, and unknown elsewhere.
    fn value(&self, value: Option<f64>) -> Value {
        match value {
            Some(value) => number(value, self.whole),
            None if self.question.measure.adds() => Value::from(0),
            None => Value::Null,
        }
    }
}

fn number(value: f64, whole: bool) -> Value {
    /// The largest double up to which all whole numbers are doubles.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if whole && value.abs() <= EXACT_MAX {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is a whole number, and small enough"
        )]
        return Value::from(value as i64);
    }
    Value::from(value)
}
