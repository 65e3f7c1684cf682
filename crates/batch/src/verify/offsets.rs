//! Every offset before the checkpoint is exactly one of counted, echo, late and dead letter (W4).

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Int32Type, Int64Type};
use futures::StreamExt;
use pulso_model::{Layer, View};
use pulso_pipeline::{Checkpoint, LayerChoice, Views};
use serde::Deserialize;

use super::Check;
use super::documents::Stored;
use crate::engine::{Positions, Responses};
use crate::{BatchError, Engine};

const ROWS: &str = r#"SELECT "partition", "offset", reason FROM lake"#;

/// The rows of the lake before the checkpoint.
#[derive(Debug, Default)]
struct Rows {
    all: Positions,
    dead_letters: Positions,
    /// Positions that come a second time.
    repeated: Positions,
}

#[derive(Deserialize)]
struct Position {
    partition: i32,
    offset: i64,
}

/// The late positions, and the checks of all partitions.
pub(super) async fn check<V: Views>(
    engine: &Engine,
    responses: &Responses,
    checkpoint: &Checkpoint,
    views: &V,
) -> Result<(Positions, Vec<Check>), BatchError> {
    let rows = rows(engine, checkpoint).await?;
    let dead_letters = positions(views, View::DeadLetters, checkpoint).await?;
    let late = positions(views, View::LateResponses, checkpoint).await?;
    let echoes = responses.echoes();
    let mut checks = Vec::new();
    for ((partition, progress), number) in (0..).zip(&checkpoint.progress).zip(0_i32..) {
        let count = |of: &Positions| of.count(number);
        let here = |of: &Positions, test: &dyn Fn(i64) -> bool| {
            let offsets = of.of_partition(number);
            offsets.filter(|&offset| test(offset)).count() as u64
        };
        let valid = |offset| {
            rows.all.contains(number, offset) && !rows.dead_letters.contains(number, offset)
        };
        let is_late = |offset| late.contains(number, offset);
        let is_echo = |offset| echoes.contains(number, offset);
        let counted = here(&rows.all, &|at| valid(at) && !is_late(at) && !is_echo(at));
        let echo = here(&rows.all, &|at| valid(at) && !is_late(at) && is_echo(at));
        let only_in_lake = here(&rows.dead_letters, &|at| !dead_letters.contains(number, at));
        let only_in_view = here(&dead_letters, &|at| !rows.dead_letters.contains(number, at));
        let accounted = progress.counted + progress.echoes + progress.late + progress.dead_letters;
        let mut check = |what, expected, found| {
            checks.push(Check { partition, what, expected, found });
        };
        check("messages in the lake", progress.next_offset, count(&rows.all));
        check("messages in the lake more than once", 0, count(&rows.repeated));
        check("counted, echoes, late and dead letters", progress.next_offset, accounted);
        check("counted", progress.counted, counted);
        check("echoes", progress.echoes, echo);
        check("late", progress.late, count(&late));
        check("late that are no responses of the lake", 0, here(&late, &|at| !valid(at)));
        check("dead letters in the lake", progress.dead_letters, count(&rows.dead_letters));
        check("dead letters in the lake only", 0, only_in_lake);
        check("dead letters in the view only", 0, only_in_view);
    }
    Ok((late, checks))
}

async fn rows(engine: &Engine, checkpoint: &Checkpoint) -> Result<Rows, BatchError> {
    let mut found = Rows::default();
    let mut batches = engine.lake_rows(ROWS).await?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| BatchError::ReadLake { source: error.into() })?;
        let partitions = batch.column(0).as_primitive::<Int32Type>().values();
        let offsets = batch.column(1).as_primitive::<Int64Type>().values();
        for (row, (&partition, &offset)) in partitions.iter().zip(offsets).enumerate() {
            if !before(checkpoint, partition, offset) {
                continue;
            }
            if !found.all.insert(partition, offset) {
                found.repeated.insert(partition, offset);
            }
            if batch.column(2).is_valid(row) {
                found.dead_letters.insert(partition, offset);
            }
        }
    }
    Ok(found)
}

/// The positions that the documents of a journal name. Those after the checkpoint are left out: the
/// speed layer writes documents first.
async fn positions<V: Views>(
    views: &V,
    view: View,
    checkpoint: &Checkpoint,
) -> Result<Positions, BatchError> {
    let choice = LayerChoice::Only(Layer::Speed);
    let mut stored = Stored::scan(views, view, choice, Box::new(|_| true)).await?;
    let mut positions = Positions::default();
    while let Some(document) = stored.next().await? {
        let position: Position = serde_json::from_str(&document.body)
            .map_err(|source| BatchError::Read { view, source: Box::new(source) })?;
        if before(checkpoint, position.partition, position.offset) {
            positions.insert(position.partition, position.offset);
        }
    }
    Ok(positions)
}

fn before(checkpoint: &Checkpoint, partition: i32, offset: i64) -> bool {
    let index = usize::try_from(partition).ok();
    let progress = index.and_then(|index| checkpoint.progress.get(index));
    let next_offset = progress.map_or(0, |progress| progress.next_offset);
    u64::try_from(offset).is_ok_and(|offset| offset < next_offset)
}
