//! SQL over the lake with bounded memory: what all jobs share.
//!
//! Takes any table with the lake's columns. Each run finds the echoes of its days first; the jobs then
//! read `responses`, the lake without them. Knows nothing of views or of how documents look.

mod apart;
mod bind;
mod positions;
mod resources;
mod spans;
mod statistics;
mod windows;
mod within;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, Schema, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, Result as DataFusionResult, ScalarValue};
pub(crate) use datafusion::execution::SendableRecordBatchStream as Rows;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, ScalarUDF, cast, ident, lit};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::{StreamExt, TryStreamExt};
use pulso_lake::{Retained, TimeRange};
use pulso_model::{Day, DayRange, EventTime, Offsets, Stream};

use crate::jobs::{self, JobKind};
use crate::{BatchError, Job};
use apart::{Apart, ApartFunction};
use bind::{Parameters, bind};
pub(crate) use positions::Positions;
pub use resources::Resources;
use spans::{Span, Spans};
pub use windows::WindowSettings;

const TIMES: &str = include_str!("sql/times.sql");
const FIRST: &str = include_str!("sql/first.sql");
const FACTS: &str = include_str!("sql/facts.sql");
const VERSIONS: &str = include_str!("sql/versions.sql");

const SEEN: &str = r#"SELECT * FROM everything WHERE NOT unseen("partition", "offset")"#;
const UNSEEN: &str = r#"SELECT CAST(max(time) AS BIGINT) / 1000 FROM everything
    WHERE reason IS NULL AND unseen("partition", "offset")"#;

/// Which rows a run may read, and which it leaves out besides echoes.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// What jobs over these days need.
    Days(Vec<DayRange>),
    Lake,
    /// The whole lake as the speed layer saw it: without late messages, and before these offsets.
    Counted {
        late: Positions,
        next_offsets: Offsets,
    },
}

/// Plans and runs SQL over one state of the lake.
#[derive(Clone, Debug)]
pub struct Engine {
    stream: &'static Stream,
    jobs: Arc<[Job]>,
    lake: Arc<dyn TableProvider>,
    runtime: Arc<RuntimeEnv>,
    session: SessionConfig,
    windows: WindowSettings,
    retained: Arc<Retained>,
    /// Of each day with responses; `None` when only a query can tell.
    event_times: Option<Arc<BTreeMap<Day, TimeRange>>>,
    /// Where the lake is taken to begin; empty for all of it.
    first_offsets: Offsets,
}

impl Engine {
    /// # Errors
    /// When the directory for temporary files cannot be used.
    pub fn new(
        stream: &'static Stream,
        lake: Arc<dyn TableProvider>,
        windows: WindowSettings,
        resources: &Resources,
    ) -> Result<Self, BatchError> {
        let runtime =
            resources.runtime().map_err(|error| BatchError::ReadLake { source: error.into() })?;
        let retained = Arc::default();
        let (event_times, first_offsets) = (None, Offsets::default());
        let jobs = Job::all(stream).into();
        Ok(Self {
            stream,
            jobs,
            lake,
            runtime,
            session: resources.session_config(),
            windows,
            retained,
            event_times,
            first_offsets,
        })
    }

    /// With what the lake's statistics say, so that no query has to look for it.
    pub fn with_event_times(self, event_times: Option<BTreeMap<Day, TimeRange>>) -> Self {
        Self { event_times: event_times.map(Arc::new), ..self }
    }

    /// Over a lake from which days were removed.
    pub fn with_retained(self, retained: Retained) -> Self {
        Self { retained: Arc::new(retained), ..self }
    }

    /// As if the lake began at these offsets.
    pub(crate) fn beginning_at(&self, first_offsets: Offsets) -> Self {
        if first_offsets.is_zero() {
            return self.clone();
        }
        let mut retained = Retained::clone(&self.retained);
        for (removed, (_, first)) in retained.removed.iter_mut().zip(first_offsets.by_partition()) {
            *removed = removed.seen_from(first).unwrap_or(*removed);
        }
        let retained = Arc::new(retained);
        Self { first_offsets, retained, event_times: None, ..self.clone() }
    }

    /// Whether the lake is taken to begin later than it does.
    pub(crate) fn begins_late(&self) -> bool {
        !self.first_offsets.is_empty()
    }

    /// The event time up to which there are facts before where the lake is taken to begin.
    pub(crate) async fn unseen_until(&self) -> Result<Option<EventTime>, BatchError> {
        if self.first_offsets.is_empty() {
            return Ok(None);
        }
        let read = async {
            let latest = query(&self.session().await?, UNSEEN, &Parameters::new()).await?;
            single(latest).await
        };
        let latest = read.await.map_err(|error| BatchError::ReadLake { source: error.into() })?;
        Ok(latest.map(EventTime))
    }

    /// What is no longer in the lake, or there only to look back at.
    pub(crate) fn retained(&self) -> &Retained {
        &self.retained
    }

    /// The day back to which windows, sessions and echoes of a day look.
    pub(crate) fn looks_back_to(&self, day: Day) -> Day {
        let days = DayRange { first: day, last: day };
        // Where echoes may be anywhere, what is removed takes its echoes' originals with it.
        let reach_ms = self.echo_reach_ms().unwrap_or(0);
        let windows_ms = self.windows.lookback_ms();
        let lookback_ms = self.windows.lookback_of(&self.jobs).max(windows_ms);
        EventTime(Span::reach(days, lookback_ms).from_ms.saturating_sub(reach_ms)).day()
    }

    pub(crate) fn windows(&self) -> &WindowSettings {
        &self.windows
    }

    /// The answer to a query of the lake itself.
    pub(crate) async fn lake_rows(&self, sql: &str) -> Result<Rows, BatchError> {
        let rows = async {
            let rows = query(&self.session().await?, sql, &Parameters::new()).await?;
            rows.execute_stream().await
        };
        rows.await.map_err(|error| BatchError::ReadLake { source: error.into() })
    }

    /// All of a short answer to a query of the lake itself.
    pub(crate) async fn lake_batches(&self, sql: &str) -> Result<Vec<RecordBatch>, BatchError> {
        let batches = self.lake_rows(sql).await?.try_collect().await;
        batches.map_err(|error: DataFusionError| BatchError::ReadLake { source: error.into() })
    }

    /// The days that have facts, and their event times.
    pub(crate) async fn event_times(&self) -> Result<Arc<BTreeMap<Day, TimeRange>>, BatchError> {
        if let Some(event_times) = &self.event_times {
            return Ok(Arc::clone(event_times));
        }
        let mut event_times = BTreeMap::new();
        for batch in self.lake_batches(TIMES).await? {
            let days = batch.column(0).as_primitive::<Date32Type>().values();
            let first = batch.column(1).as_primitive::<Int64Type>().values();
            let last = batch.column(2).as_primitive::<Int64Type>().values();
            for ((&day, &first), &last) in days.iter().zip(first).zip(last) {
                let times = TimeRange { first: EventTime(first), last: EventTime(last) };
                event_times.insert(Day(day), times);
            }
        }
        Ok(Arc::new(event_times))
    }

    pub(crate) fn stream(&self) -> &'static Stream {
        self.stream
    }

    /// The jobs of the stream, in the order in which they run.
    pub(crate) fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// Finds the echoes, and makes `facts` ready for jobs.
    pub(crate) async fn facts(&self, input: Input, jobs: &[Job]) -> Result<Facts, BatchError> {
        let facets: BTreeSet<usize> = jobs.iter().flat_map(|job| job.facets(self.stream)).collect();
        let in_scopes = jobs.iter().any(|job| job.in_scopes(self.stream));
        let event_times = self.event_times().await?;
        let oldest = event_times.values().map(|times| times.first).min().unwrap_or_default();
        let lookback_ms = self.windows.lookback_of(jobs);
        self.prepare(input, &facets, in_scopes, (oldest, lookback_ms))
            .await
            .map_err(|error| BatchError::ReadLake { source: error.into() })
    }

    async fn session(&self) -> DataFusionResult<SessionContext> {
        let session =
            SessionContext::new_with_config_rt(self.session.clone(), Arc::clone(&self.runtime));
        if self.first_offsets.is_empty() {
            session.register_table("lake", Arc::clone(&self.lake))?;
        } else {
            session.register_table("everything", Arc::clone(&self.lake))?;
            let unseen = Apart { before: self.first_offsets.clone(), ..Apart::default() };
            define(&session, "unseen", unseen, "lake", SEEN).await?;
        }
        for function in within::functions() {
            session.register_udwf(function);
        }
        session.register_udaf(statistics::function());
        Ok(session)
    }

    async fn prepare(
        &self,
        input: Input,
        facets: &BTreeSet<usize>,
        in_scopes: bool,
        (oldest, lookback_ms): (EventTime, i64),
    ) -> DataFusionResult<Facts> {
        let session = self.session().await?;
        let mut parameters = self.windows.parameters();
        let spans = match &input {
            Input::Days(days) => Spans::of_days(lookback_ms, self.echo_reach_ms(), days, oldest),
            Input::Lake | Input::Counted { .. } => Spans::all(),
        };

        let mut echoes = Positions::default();
        if let Some(sql) = jobs::echoes(self.stream) {
            for span in &spans.echoes {
                span.put_into(&mut parameters);
                collect_positions(query(&session, &sql, &parameters).await?, &mut echoes).await?;
            }
        }
        let echoes = Arc::new(echoes);
        let mut discarded = Apart { sets: vec![Arc::clone(&echoes)], ..Apart::default() };
        let (whole, by_day) = (matches!(input, Input::Lake), matches!(input, Input::Days(_)));
        if let Input::Counted { late, next_offsets } = input {
            discarded.sets.push(Arc::new(late));
            discarded.from = Some(next_offsets);
        }
        define(&session, "discarded", discarded, "facts", FACTS).await?;
        if by_day {
            spans::keep_days(&session, "facts", &spans.facts).await?;
        }
        if let Some(sql) = jobs::superseded(self.stream).filter(|_| whole) {
            let mut superseded = Positions::default();
            collect_positions(query(&session, &sql, &parameters).await?, &mut superseded).await?;
            let superseded = Apart { sets: vec![Arc::new(superseded)], ..Apart::default() };
            define(&session, "superseded", superseded, "versions", VERSIONS).await?;
        }
        Span::around(&spans.facts).put_into(&mut parameters);
        self.number(&session, facets, in_scopes, &parameters).await?;

        // The oldest fact is at most an echo's reach younger than the oldest message.
        let first = match spans.first {
            Some(first) => {
                first.put_into(&mut parameters);
                let first = query(&session, FIRST, &parameters).await?;
                single(first).await?.unwrap_or_default()
            }
            None => oldest.0,
        };
        // There were messages before those that are left, so no window of theirs was the first.
        let removed = self.retained.removed.iter().any(|removed| removed.messages > 0);
        let kept_from = self.retained.kept_from.filter(|_| removed);
        let history = kept_from.map(|from| self.looks_back_to(from).start().0);
        let first = history.map_or(first, |history| history.min(first));
        let slide = self.windows.slide_ms();
        let first_end = first - first.rem_euclid(slide) + slide;
        Ok(Facts { session, parameters, windows: self.windows.clone(), echoes, first_end })
    }

    /// Numbers what the queries of trends sort and compare, and counts how busy the panes are.
    async fn number(
        &self,
        session: &SessionContext,
        facets: &BTreeSet<usize>,
        in_scopes: bool,
        parameters: &Parameters,
    ) -> DataFusionResult<()> {
        let stream = self.stream;
        let mut tables = Vec::new();
        for &at in facets {
            tables.push((format!("names_{at}"), jobs::names(stream, at)));
            tables.push((format!("terms_{at}"), jobs::terms(at)));
        }
        if let Some(scope) = stream.scope.filter(|_| in_scopes) {
            tables.push(("scopes".to_owned(), jobs::values(scope.name)));
        }
        let by_actors = |at: &&usize| jobs::counts_actors(&stream.facets[**at]);
        let by_actors: Vec<usize> = facets.iter().filter(by_actors).copied().collect();
        if let Some(actor) = stream.actor.filter(|_| !by_actors.is_empty()) {
            tables.push(("actors".to_owned(), jobs::values(stream.columns[actor].name)));
        }
        let mut busyness = |counted, in_scopes| {
            let sql = jobs::busyness(stream, counted, in_scopes);
            tables.push((jobs::busyness_table(counted, in_scopes), sql));
        };
        if !facets.is_empty() {
            busyness(None, in_scopes);
        }
        for at in by_actors {
            busyness(Some(at), false);
            if in_scopes && stream.facets[at].by_scope_view.is_some() {
                busyness(Some(at), true);
            }
        }
        if in_scopes {
            tables.push((jobs::busyness_table(None, false), jobs::facts_of_scopes()));
        }
        for (name, sql) in tables {
            let numbered = query(session, &sql, parameters).await?.cache().await?;
            session.register_table(name, numbered.into_view())?;
        }
        Ok(())
    }

    /// How far apart the times of a fact and its echoes may be, in milliseconds; `None`: as far as they
    /// like.
    pub(crate) fn echo_reach_ms(&self) -> Option<i64> {
        let millis = |reach: Duration| i64::try_from(reach.as_millis()).unwrap_or(i64::MAX);
        self.stream.echo_reach().map(millis)
    }
}

/// `facts`, ready to be queried.
#[derive(Clone)]
pub(crate) struct Facts {
    session: SessionContext,
    parameters: Parameters,
    windows: WindowSettings,
    echoes: Arc<Positions>,
    first_end: i64,
}

impl fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Facts").field("windows", &self.windows).finish_non_exhaustive()
    }
}

impl Facts {
    pub(crate) fn echoes(&self) -> &Positions {
        &self.echoes
    }

    /// From this window on, none looks back to before the first.
    pub(crate) fn looks_back_in_full(&self) -> EventTime {
        EventTime(self.first_end.saturating_add(self.windows.lookback_ms()))
    }

    /// The same with joins that sort both sides, which need no memory but what they can put on disk;
    /// the usual ones keep their small side in memory.
    pub(crate) fn with_sorted_joins(&self) -> Self {
        let mut state = self.session.state();
        state.config_mut().options_mut().optimizer.prefer_hash_join = false;
        Self { session: SessionContext::new_with_state(state), ..self.clone() }
    }

    /// The columns that a job gives.
    pub(crate) async fn schema(&self, job: &Job) -> DataFusionResult<Schema> {
        let mut parameters = self.parameters.clone();
        let day = EventTime(0).day();
        self.windows.put_days(job, DayRange { first: day, last: day }, &mut parameters);
        let rows = query(&self.session, &job.sql, &parameters).await?;
        Ok(of_days(job, rows, DayRange { first: day, last: day })?.schema().as_arrow().clone())
    }

    /// The rows of a job for some days, in the order of the expressions (ascending).
    pub(crate) async fn rows(
        &self,
        job: &Job,
        days: DayRange,
        order: Vec<Expr>,
    ) -> Result<Rows, BatchError> {
        let mut parameters = self.parameters.clone();
        self.windows.put_days(job, days, &mut parameters);
        let rows = async {
            let rows = query(&self.session, &job.sql, &parameters).await?;
            let mut rows = of_days(job, rows, days)?;
            if !order.is_empty() {
                rows = with_own_texts(rows)?.sort_by(order)?;
            }
            rows.execute_stream().await
        };
        rows.await.map_err(|error| BatchError::Compute { view: job.view, source: error.into() })
    }
}

/// What a stream's own query by day need not say itself: it computes these days alone, though the facts
/// of the hours before are there as well, and its documents have the time at which their day begins.
fn of_days(job: &Job, rows: DataFrame, days: DayRange) -> DataFusionResult<DataFrame> {
    let schema = rows.schema();
    let day = schema
        .fields()
        .iter()
        .any(|column| column.name() == "day" && *column.data_type() == DataType::Date32);
    if job.kind != JobKind::Own || !job.by_day() || !day {
        return Ok(rows);
    }
    let timed = schema.has_column_with_unqualified_name("@timestamp");
    let date = |day: Day| lit(ScalarValue::Date32(Some(day.0)));
    let rows = rows.filter(ident("day").between(date(days.first), date(days.last)))?;
    if timed {
        return Ok(rows);
    }
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    rows.with_column("@timestamp", cast(ident("day"), time))
}

/// With copies of texts that are views of others. A sort takes the whole of what is viewed, here the texts of all
/// terms, for the memory of each array.
fn with_own_texts(rows: DataFrame) -> DataFusionResult<DataFrame> {
    let columns = rows.schema().fields().iter().map(|field| {
        let column = ident(field.name());
        match field.data_type() {
            DataType::Utf8View => cast(column, DataType::Utf8).alias(field.name()),
            _ => column,
        }
    });
    let columns: Vec<_> = columns.collect();
    rows.select(columns)
}

async fn query(
    session: &SessionContext,
    sql: &str,
    parameters: &Parameters,
) -> DataFusionResult<DataFrame> {
    let state = session.state();
    let mut statement = state.sql_to_statement(sql, &state.config_options().sql_parser.dialect)?;
    bind(&mut statement, parameters)
        .map_err(|name| DataFusionError::Plan(format!("there is no parameter `{name}`")))?;
    let plan = state.statement_to_plan(statement).await?;
    session.execute_logical_plan(plan).await
}

/// The one integer of an answer.
async fn single(rows: DataFrame) -> DataFusionResult<Option<i64>> {
    let batches = rows.collect().await?;
    let mut values = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>());
    Ok(values.next().flatten())
}

/// Makes a function of positions, and a view that uses it.
async fn define(
    session: &SessionContext,
    function: &'static str,
    apart: Apart,
    view: &str,
    sql: &str,
) -> DataFusionResult<()> {
    session.register_udf(ScalarUDF::from(ApartFunction::new(function, apart)));
    let view_rows = query(session, sql, &Parameters::new()).await?;
    session.register_table(view, view_rows.into_view())?;
    Ok(())
}

async fn collect_positions(rows: DataFrame, into: &mut Positions) -> DataFusionResult<()> {
    let mut rows = rows.execute_stream().await?;
    while let Some(batch) = rows.next().await {
        let batch: RecordBatch = batch?;
        let partitions = batch.column(0).as_primitive::<Int32Type>().values();
        let offsets = batch.column(1).as_primitive::<Int64Type>().values();
        for (&partition, &offset) in partitions.iter().zip(offsets) {
            into.insert(partition, offset);
        }
    }
    Ok(())
}
