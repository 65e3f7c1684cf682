//! Every offset from where the speed layer began to its checkpoint is exactly one of counted, echo, late
//! and dead letter (W4).

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Date32Type, Int32Type, Int64Type};
use futures::StreamExt;
use pulso_lake::{Removed, Retained};
use pulso_model::{Day, Layer, View};
use pulso_pipeline::{Checkpoint, LayerChoice, Progress, Views};
use serde::Deserialize;

use super::Check;
use super::documents::Stored;
use crate::engine::{Input, Positions, Responses};
use crate::{BatchError, Engine};

const ROWS: &str = r#"SELECT "partition", "offset", reason, "day" FROM lake"#;

/// The rows of the lake up to the checkpoint.
#[derive(Debug, Default)]
struct Rows {
    all: Positions,
    dead_letters: Positions,
    /// Positions that come a second time.
    repeated: Positions,
}

#[derive(Deserialize)]
struct Position {
    /// Not there in the dead letter of a document that the view store refused, which was no message.
    partition: Option<i32>,
    offset: Option<i64>,
}

/// What became of the offsets.
pub(super) struct Offsets {
    pub(super) late: Positions,
    pub(super) checks: Vec<Check>,
    /// The partitions of which messages were removed from the lake that the speed layer has read again
    /// since: what it counted cannot be told apart.
    pub(super) uncounted: Vec<u32>,
}

/// Counts what the lake has of what the speed layer could read; `engine` and `responses` begin there.
pub(super) async fn check<V: Views>(
    engine: &Engine,
    responses: &Responses,
    checkpoint: &Checkpoint,
    views: &V,
) -> Result<Offsets, BatchError> {
    let rows = rows(engine, checkpoint).await?;
    let retained = engine.retained();
    let (_, dead_letters) = positions(views, View::DeadLetters, checkpoint, retained).await?;
    let (all_late, late) = positions(views, View::LateResponses, checkpoint, retained).await?;
    let echoes = responses.echoes();
    let (mut checks, mut uncounted) = (Vec::new(), Vec::new());
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
        let read = progress.next_offset.saturating_sub(progress.first_offset);
        let accounted = progress.counted + progress.echoes + progress.late + progress.dead_letters;
        let mut check = |what, expected, found| {
            checks.push(Check { partition, what, expected, found });
        };
        check("messages in the lake more than once", 0, count(&rows.repeated));
        check("counted, echoes, late and dead letters", read, accounted);
        check("late that are no responses of the lake", 0, here(&late, &|at| !valid(at)));
        check("dead letters in the lake only", 0, only_in_lake);
        check("dead letters in the view only", 0, only_in_view);
        let removed = retained.removed.get(partition as usize).copied().unwrap_or_default();
        let Some(removed) = removed.seen_from(progress.first_offset) else {
            uncounted.push(partition);
            continue;
        };
        let Removed { messages, .. } = removed;
        let removed_counted = messages - removed.echoes - removed.late - removed.dead_letters;
        check("messages in the lake", read, messages + count(&rows.all));
        check("counted", progress.counted, removed_counted + counted);
        check("echoes", progress.echoes, removed.echoes + echo);
        check("late", progress.late, removed.late + count(&late));
        let dead = removed.dead_letters + count(&rows.dead_letters);
        check("dead letters in the lake", progress.dead_letters, dead);
    }
    Ok(Offsets { late: all_late, checks, uncounted })
}

/// What is removed together with all days before `kept_from`: earlier counts and those of the rows that
/// go now. `None` when the speed layer has not judged all of them yet.
pub(crate) async fn removed_before<V: Views>(
    engine: &Engine,
    kept_from: Day,
    ends: &[u64],
    checkpoint: &Checkpoint,
    views: &V,
) -> Result<Option<Vec<Removed>>, BatchError> {
    let retained = engine.retained();
    let (_, late) = positions(views, View::LateResponses, checkpoint, retained).await?;
    let firsts: Vec<_> = checkpoint.progress.iter().map(|p| p.first_offset).collect();
    let responses = engine.beginning_at(firsts.clone()).responses(Input::Lake, &[]).await?;
    let mut removed = retained.removed.clone();
    for ((removed, end), first) in removed.iter_mut().zip(ends).zip(&firsts) {
        // Without knowing how many of the earlier ones were read again it counts from behind them on.
        let behind = Removed { from: removed.end, end: removed.end, ..Removed::default() };
        *removed = removed.seen_from(*first).unwrap_or(behind);
        removed.until = *end;
    }
    let mut judged = true;
    let counting = each_row(engine, |row| {
        if row.day >= kept_from {
            return;
        }
        let removed = usize::try_from(row.partition).ok().and_then(|at| removed.get_mut(at));
        let Some((removed, offset)) = removed.zip(u64::try_from(row.offset).ok()) else {
            judged = false;
            return;
        };
        judged &= before(checkpoint, row.partition, row.offset);
        removed.end = removed.end.max(offset + 1);
        if offset < removed.from {
            return;
        }
        removed.messages += 1;
        if row.dead_letter {
            removed.dead_letters += 1;
        } else if late.contains(row.partition, row.offset) {
            removed.late += 1;
        } else if responses.echoes().contains(row.partition, row.offset) {
            removed.echoes += 1;
        }
    });
    counting.await?;
    Ok(judged.then_some(removed))
}

async fn rows(engine: &Engine, checkpoint: &Checkpoint) -> Result<Rows, BatchError> {
    let mut found = Rows::default();
    let finding = each_row(engine, |Row { partition, offset, dead_letter, .. }| {
        if !read(checkpoint, partition, offset) {
            return;
        }
        if !found.all.insert(partition, offset) {
            found.repeated.insert(partition, offset);
        }
        if dead_letter {
            found.dead_letters.insert(partition, offset);
        }
    });
    finding.await?;
    Ok(found)
}

/// A message as the lake has it.
struct Row {
    partition: i32,
    offset: i64,
    dead_letter: bool,
    day: Day,
}

/// Visits the rows of the lake, but for those that are counted among the removed ones already.
async fn each_row(engine: &Engine, mut visit: impl FnMut(Row)) -> Result<(), BatchError> {
    let mut batches = engine.lake_rows(ROWS).await?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| BatchError::ReadLake { source: error.into() })?;
        let partitions = batch.column(0).as_primitive::<Int32Type>().values();
        let offsets = batch.column(1).as_primitive::<Int64Type>().values();
        let days = batch.column(3).as_primitive::<Date32Type>().values();
        for (at, (&partition, &offset)) in partitions.iter().zip(offsets).enumerate() {
            let day = Day(days[at]);
            if !accounts_for(engine.retained(), day, partition, offset) {
                visit(Row { partition, offset, dead_letter: batch.column(2).is_valid(at), day });
            }
        }
    }
    Ok(())
}

/// The positions that the documents of a journal name: all, and those whose messages are kept. Those
/// after the checkpoint are left out, as the speed layer writes documents first; and those before it
/// began, which were judged by an earlier one.
async fn positions<V: Views>(
    views: &V,
    view: View,
    checkpoint: &Checkpoint,
    retained: &Retained,
) -> Result<(Positions, Positions), BatchError> {
    let choice = LayerChoice::Only(Layer::Speed);
    let mut stored = Stored::scan(views, view, choice).await?;
    let (mut all, mut kept) = (Positions::default(), Positions::default());
    while let Some(document) = stored.next().await? {
        let Position { partition, offset } = serde_json::from_str(&document.body)
            .map_err(|source| BatchError::Decode { view, source })?;
        let Some((partition, offset)) = partition.zip(offset) else { continue };
        if !read(checkpoint, partition, offset) {
            continue;
        }
        all.insert(partition, offset);
        if !accounts_for(retained, document.time.day(), partition, offset) {
            kept.insert(partition, offset);
        }
    }
    Ok((all, kept))
}

/// Whether a message of this day is no longer there, and counted among those that were.
fn accounts_for(retained: &Retained, day: Day, partition: i32, offset: i64) -> bool {
    let (partition, offset) = (usize::try_from(partition), u64::try_from(offset));
    partition.is_ok_and(|at| offset.is_ok_and(|offset| retained.accounts_for(day, at, offset)))
}

/// Whether the speed layer has read up to behind this offset.
fn before(checkpoint: &Checkpoint, partition: i32, offset: i64) -> bool {
    let next_offset = progress(checkpoint, partition).next_offset;
    u64::try_from(offset).is_ok_and(|offset| offset < next_offset)
}

/// Whether the speed layer has read this offset.
fn read(checkpoint: &Checkpoint, partition: i32, offset: i64) -> bool {
    let first_offset = progress(checkpoint, partition).first_offset;
    before(checkpoint, partition, offset)
        && u64::try_from(offset).is_ok_and(|offset| offset >= first_offset)
}

fn progress(checkpoint: &Checkpoint, partition: i32) -> Progress {
    let index = usize::try_from(partition).ok();
    index.and_then(|index| checkpoint.progress.get(index)).copied().unwrap_or_default()
}
