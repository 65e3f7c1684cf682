//! Takes out of the lake what people have deleted: the words at once, and who an account was when no more
//! of its messages can come. What was counted stays counted.
//!
//! A message that tells of a deletion is kept whole as long as echoes of what was deleted may come, so
//! that they, too, are seen to. Then it is redacted like all others, and so not found again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::DataFusionError;
use futures::TryStreamExt;
use pulso_lake::Rewrite;
use pulso_model::{EventTime, Position, Renaming, Stream, TimeLimits, ViewDocument, redact};
use pulso_pipeline::{BatchViews, Clock, Sink, Source, Views};
use pulso_runtime::ExplainExt;
use tracing::{info, warn};

use super::{BatchLayer, Done};
use crate::{BatchError, Engine};

/// The name of these runs among others.
pub(super) const DELETIONS: &str = "deletions";

/// How many deletions are looked up at once; more take a second look at the lake. Each needs some 200 bytes.
const AT_ONCE: usize = 500_000;

/// A message that takes facts back.
struct TakenBack {
    /// Of the stream's kinds of deletions.
    kind: usize,
    /// What the facts have in its columns.
    values: Vec<String>,
    position: Position,
    /// Whether no more such facts can come.
    settled: bool,
}

impl<S, V, C> BatchLayer<S, V, C>
where
    S: Source,
    V: Views + BatchViews + Sink<ViewDocument> + Sync,
    C: Clock,
{
    /// Takes out of the lake what was deleted, where the configuration does not say otherwise; returns how
    /// many messages changed.
    ///
    /// # Errors
    /// When the lake or the view store fails; what was taken out by then stays so.
    pub async fn honour_deletions(&mut self) -> anyhow::Result<u64> {
        if !self.options.honour_deletions || self.lake.stream().deletions.is_empty() {
            return Ok(0);
        }
        let _lock = self.lock().await?;
        let run = self.start(DELETIONS).await?;
        let honoured = self.deletions_run().await;
        let honoured = self.explain(honoured);
        let done = honoured.map(|rows| {
            let (days, version) = (BTreeSet::new(), Some(self.lake.version()));
            Done { rows, days, version, completion: None }
        });
        self.end(run, done).await
    }

    async fn deletions_run(&mut self) -> anyhow::Result<u64> {
        self.lake.refresh().await.explained()?;
        let engine = self.engine().await?;
        let until = self.complete_until().await?;
        let mut messages = engine.lake_rows(&messages_sql(self.lake.stream())).await?;
        let (mut taken_back, mut changed) = (Vec::new(), 0);
        while let Some(batch) = messages.try_next().await.map_err(read_lake)? {
            self.collect(&batch, until, &mut taken_back)?;
            if taken_back.len() >= AT_ONCE {
                changed += self.take_out(&engine, std::mem::take(&mut taken_back)).await?;
            }
        }
        changed += self.take_out(&engine, taken_back).await?;
        let kept = self.options.archive.replaced_files_kept;
        self.lake.vacuum_when_due(kept, self.clock.now()).await;
        Ok(changed)
    }

    /// Adds the deletions of which messages tell.
    fn collect(
        &self,
        batch: &RecordBatch,
        until: Option<EventTime>,
        taken_back: &mut Vec<TakenBack>,
    ) -> anyhow::Result<()> {
        let stream = self.lake.stream();
        let reasons = as_type(batch.column(2), &DataType::Utf8)?;
        let payloads = as_type(batch.column(3), &DataType::Binary)?;
        let log_times = batch.column(4).as_primitive::<Int64Type>();
        let rows = reasons.as_string::<i32>().iter().zip(payloads.as_binary::<i32>());
        for (row, (reason, payload)) in rows.enumerate() {
            let Some((reason, payload)) = reason.zip(payload) else { continue };
            let time = self.lake.decoder().head(payload).time;
            let time = time.unwrap_or(EventTime(log_times.value(row)));
            let settled = stream.echo_reach().zip(until).is_some_and(|(reach, until)| {
                let reach = i64::try_from(reach.as_millis()).unwrap_or(i64::MAX);
                time.0.saturating_add(reach) < until.0
            });
            for (kind, deletion) in stream.deletions.iter().enumerate() {
                if deletion.skipped == reason
                    && let Some(values) = deletion.values(payload)
                {
                    let position = position(batch, row);
                    taken_back.push(TakenBack { kind, values, position, settled });
                }
            }
        }
        Ok(())
    }

    async fn take_out(
        &mut self,
        engine: &Engine,
        taken_back: Vec<TakenBack>,
    ) -> anyhow::Result<u64> {
        if taken_back.is_empty() {
            return Ok(0);
        }
        let stream = self.lake.stream();
        // Documents name the account as long as they are there.
        let key = (!stream.names_actors()).then(rand::random::<[u8; 32]>);
        let mut rows = BTreeSet::new();
        let mut people: BTreeMap<Position, Arc<Renaming>> = BTreeMap::new();
        for (kind, deletion) in stream.deletions.iter().enumerate() {
            let mut wanted: HashMap<&[String], Option<Arc<Renaming>>> = HashMap::new();
            for taken_back in taken_back.iter().filter(|taken_back| taken_back.kind == kind) {
                let gone = taken_back.settled && deletion.is_of_person(stream);
                let renaming = key.filter(|_| gone).and_then(|key| {
                    Renaming::new(stream, &taken_back.values[0], key).map(Arc::new)
                });
                let known = wanted.entry(&taken_back.values).or_default();
                *known = known.take().or(renaming);
            }
            if wanted.is_empty() {
                continue;
            }
            let columns: Vec<_> = deletion.columns.iter().map(|(at, _)| *at).collect();
            let mut facts = engine.lake_rows(&facts_sql(stream, &columns)).await?;
            while let Some(batch) = facts.try_next().await.map_err(read_lake)? {
                let values =
                    batch.columns()[2..].iter().map(|column| as_type(column, &DataType::Utf8));
                let values: Vec<ArrayRef> = values.collect::<Result<_, _>>()?;
                for row in 0..batch.num_rows() {
                    let text = |column: &ArrayRef| column.as_string::<i32>().value(row).to_owned();
                    let key: Vec<String> = values.iter().map(text).collect();
                    let Some(renaming) = wanted.get(key.as_slice()) else { continue };
                    let position = position(&batch, row);
                    rows.insert(position);
                    people.extend(renaming.clone().map(|renaming| (position, renaming)));
                }
            }
        }
        let settled = taken_back.iter().filter(|taken_back| taken_back.settled);
        rows.extend(settled.map(|taken_back| taken_back.position));
        let rewrite = self.rewrite(rows, people);
        let rewritten = self.lake.rewrite(&rewrite, self.clock.now()).await.explained()?;
        info!(?rewritten, deletions = taken_back.len(), "took out of the lake what was deleted");
        Ok(rewritten.rows)
    }

    fn rewrite(
        &self,
        rows: BTreeSet<Position>,
        people: BTreeMap<Position, Arc<Renaming>>,
    ) -> Rewrite {
        // What is in the lake as a fact is one, whatever the limits are now.
        let decoder = self.lake.decoder().clone().with_limits(TimeLimits::NONE);
        Rewrite::new(rows, move |record| {
            let renaming = people.get(&record.position()).map(|renaming| &**renaming);
            let (payload, log_time) = (&record.payload, record.log_time);
            let redacted = redact(&decoder, payload, log_time, renaming);
            // One message must not keep all others in the lake.
            redacted.or_else(|| {
                let (partition, offset) = (record.partition, record.offset);
                warn!(partition, offset, "cannot redact a deleted message; it stays as it is");
                Some(payload.to_vec())
            })
        })
    }
}

/// The messages that may tell of deletions.
fn messages_sql(stream: &Stream) -> String {
    let quoted = |reason: &str| format!("'{}'", reason.replace('\'', "''"));
    let reasons: Vec<_> =
        stream.deletions.iter().map(|deletion| quoted(deletion.skipped)).collect();
    format!(
        r#"SELECT "partition", "offset", reason, payload, CAST(log_time AS BIGINT) / 1000
        FROM lake WHERE outcome = 'skipped' AND reason IN ({})"#,
        reasons.join(", ")
    )
}

/// Where facts stand, and what they have in some columns.
fn facts_sql(stream: &Stream, columns: &[usize]) -> String {
    let columns = columns.iter().map(|at| format!(r#""{}""#, stream.columns[*at].name));
    let columns: Vec<_> = columns.collect();
    let texts: Vec<_> = columns.iter().map(|name| format!("CAST({name} AS VARCHAR)")).collect();
    let known: Vec<_> = columns.iter().map(|name| format!("{name} IS NOT NULL")).collect();
    format!(
        r#"SELECT "partition", "offset", {} FROM lake WHERE outcome = 'fact' AND {}"#,
        texts.join(", "),
        known.join(" AND ")
    )
}

/// The first two columns of both.
fn position(batch: &RecordBatch, row: usize) -> Position {
    let partition = batch.column(0).as_primitive::<Int32Type>().value(row);
    let offset = batch.column(1).as_primitive::<Int64Type>().value(row);
    Position { partition: partition.cast_unsigned(), offset: offset.cast_unsigned() }
}

fn as_type(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, BatchError> {
    cast(column, data_type).map_err(|error| read_lake(error.into()))
}

fn read_lake(error: DataFusionError) -> BatchError {
    BatchError::ReadLake { source: error.into() }
}
