//! Every offset from where the speed layer began to its checkpoint is exactly one of counted, echo, late,
//! skipped and dead letter (W4).

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type};
use datafusion::common::DataFusionError;
use futures::StreamExt;
use pulso_lake::Removed;
use pulso_model::{Day, Layer, Offsets, View};
use pulso_pipeline::{Checkpoint, LayerChoice, Progress, Views};
use serde::Deserialize;

use super::Check;
use super::documents::Stored;
use crate::engine::{Input, Positions};
use crate::{BatchError, Engine};

const MESSAGES: &str = r#"SELECT "partition", "offset", outcome, "day" FROM lake"#;

/// What the speed layer read of the log, as the lake and the journals have it.
#[derive(Debug)]
pub(crate) struct Accounts<'a, V> {
    engine: &'a Engine,
    checkpoint: &'a Checkpoint,
    views: &'a V,
    /// Where the speed layer began to read.
    first_offsets: Offsets,
    /// Up to where it has read.
    next_offsets: Offsets,
}

/// What became of the messages.
pub(super) struct Judged {
    pub(super) checks: Vec<Check>,
    /// The partitions of which messages were removed from the lake that the speed layer has read again
    /// since: what it counted cannot be told apart.
    pub(super) uncounted: Vec<u32>,
    pub(super) late: Positions,
}

/// A message as the lake has it.
struct LakeMessage {
    partition: i32,
    offset: i64,
    outcome: Outcome,
    day: Day,
}

/// What the archive found a message to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Fact,
    Skipped,
    DeadLetter,
}

/// The messages of the lake that the speed layer has read.
#[derive(Debug, Default)]
struct LakePositions {
    all: Positions,
    skipped: Positions,
    dead_letters: Positions,
    /// Positions that come a second time.
    repeated: Positions,
}

/// The positions that the documents of a journal name.
#[derive(Debug, Default)]
struct JournalPositions {
    all: Positions,
    /// Those whose messages are still in the lake.
    kept: Positions,
}

/// Where a document of a journal comes from.
#[derive(Deserialize)]
struct Position {
    stream: String,
    /// Not there in the dead letter of a document that the view store refused, which was no message.
    partition: Option<i32>,
    offset: Option<i64>,
}

impl<'a, V: Views> Accounts<'a, V> {
    pub(crate) fn new(engine: &'a Engine, checkpoint: &'a Checkpoint, views: &'a V) -> Self {
        let (first_offsets, next_offsets) = (checkpoint.first_offsets(), checkpoint.next_offsets());
        Self { engine, checkpoint, views, first_offsets, next_offsets }
    }

    /// Counts what the lake has of what the speed layer could read; the engine begins there.
    pub(super) async fn check(&self, echoes: &Positions) -> Result<Judged, BatchError> {
        let lake = self.lake_positions().await?;
        let dead_letters = self.journal_positions(View::DEAD_LETTERS).await?.kept;
        let late = self.journal_positions(View::LATE_FACTS).await?;
        let (mut checks, mut uncounted) = (Vec::new(), Vec::new());
        for ((partition, progress), number) in (0..).zip(&self.checkpoint.progress).zip(0_i32..) {
            let tally = Tally::of(number, &lake, &dead_letters, &late.kept, echoes);
            checks.extend(tally.checks(partition, progress));
            let removed = self.engine.retained().removed.get(partition as usize).copied();
            match removed.unwrap_or_default().seen_from(progress.first_offset) {
                Some(removed) => checks.extend(tally.checks_with(partition, progress, removed)),
                None => uncounted.push(partition),
            }
        }
        Ok(Judged { checks, uncounted, late: late.all })
    }

    /// What is removed together with all days before `kept_from`: earlier counts and those of the
    /// messages that go now. `None` when the speed layer has not judged all of them yet. `end_offsets`
    /// are those of the lake.
    pub(crate) async fn removed_before(
        &self,
        kept_from: Day,
        end_offsets: &Offsets,
    ) -> Result<Option<Vec<Removed>>, BatchError> {
        let late = self.journal_positions(View::LATE_FACTS).await?.kept;
        let seen = self.engine.beginning_at(self.first_offsets.clone());
        let facts = seen.facts(Input::Lake, &[]).await?;
        let mut removed = self.engine.retained().removed.clone();
        for (removed, (_, first, end)) in
            removed.iter_mut().zip(self.first_offsets.zip(end_offsets))
        {
            // Without knowing how many of the earlier ones were read again it counts from behind them on.
            let behind = Removed { from: removed.end, end: removed.end, ..Removed::default() };
            *removed = removed.seen_from(first).unwrap_or(behind);
            removed.until = end;
        }
        let mut judged = true;
        let counting = self.visit_lake(|message| {
            let LakeMessage { partition, offset, outcome, day } = message;
            if day >= kept_from {
                return;
            }
            let removed = usize::try_from(partition).ok().and_then(|at| removed.get_mut(at));
            let Some((removed, number)) = removed.zip(u64::try_from(offset).ok()) else {
                judged = false;
                return;
            };
            judged &= self.next_offsets.have_passed(partition, offset);
            removed.end = removed.end.max(number + 1);
            if number < removed.from {
                return;
            }
            removed.messages += 1;
            match outcome {
                Outcome::DeadLetter => removed.dead_letters += 1,
                Outcome::Skipped => removed.skipped += 1,
                Outcome::Fact if late.contains(partition, offset) => removed.late += 1,
                Outcome::Fact if facts.echoes().contains(partition, offset) => removed.echoes += 1,
                Outcome::Fact => {}
            }
        });
        counting.await?;
        Ok(judged.then_some(removed))
    }

    async fn lake_positions(&self) -> Result<LakePositions, BatchError> {
        let mut found = LakePositions::default();
        let finding = self.visit_lake(|LakeMessage { partition, offset, outcome, .. }| {
            if !self.has_read(partition, offset) {
                return;
            }
            if !found.all.insert(partition, offset) {
                found.repeated.insert(partition, offset);
            }
            match outcome {
                Outcome::Fact => {}
                Outcome::Skipped => drop(found.skipped.insert(partition, offset)),
                Outcome::DeadLetter => drop(found.dead_letters.insert(partition, offset)),
            }
        });
        finding.await?;
        Ok(found)
    }

    /// Visits the messages of the lake, but for those that are counted among the removed ones already.
    async fn visit_lake(&self, mut visit: impl FnMut(LakeMessage)) -> Result<(), BatchError> {
        let mut batches = self.engine.lake_rows(MESSAGES).await?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| BatchError::ReadLake { source: error.into() })?;
            let partitions = batch.column(0).as_primitive::<Int32Type>().values();
            let offsets = batch.column(1).as_primitive::<Int64Type>().values();
            let outcomes = cast(batch.column(2), &DataType::Utf8View).map_err(|error| {
                BatchError::ReadLake { source: DataFusionError::from(error).into() }
            })?;
            let outcomes = outcomes.as_string_view();
            let days = batch.column(3).as_primitive::<Date32Type>().values();
            for (at, (&partition, &offset)) in partitions.iter().zip(offsets).enumerate() {
                let day = Day(days[at]);
                let outcome = match outcomes.value(at) {
                    "fact" => Outcome::Fact,
                    "skipped" => Outcome::Skipped,
                    _ => Outcome::DeadLetter,
                };
                if !self.is_removed(day, partition, offset) {
                    visit(LakeMessage { partition, offset, outcome, day });
                }
            }
        }
        Ok(())
    }

    /// Documents of messages after the checkpoint are left out, as the speed layer writes documents
    /// first; and those of messages before it began, which were judged by an earlier one.
    async fn journal_positions(&self, view: View) -> Result<JournalPositions, BatchError> {
        let choice = LayerChoice::Only(Layer::Speed);
        let mut stored = Stored::scan(self.views, view, choice).await?;
        let mut found = JournalPositions::default();
        while let Some(document) = stored.next().await? {
            let Position { stream, partition, offset } = serde_json::from_str(&document.body)
                .map_err(|source| BatchError::Decode { view, source })?;
            if stream != self.engine.stream().name {
                continue;
            }
            let Some((partition, offset)) = partition.zip(offset) else { continue };
            if !self.has_read(partition, offset) {
                continue;
            }
            found.all.insert(partition, offset);
            if !self.is_removed(document.time.day(), partition, offset) {
                found.kept.insert(partition, offset);
            }
        }
        Ok(found)
    }

    /// Whether a message of this day is no longer there, and counted among those that were.
    fn is_removed(&self, day: Day, partition: i32, offset: i64) -> bool {
        let (partition, offset) = (usize::try_from(partition), u64::try_from(offset));
        partition.is_ok_and(|at| {
            offset.is_ok_and(|offset| self.engine.retained().accounts_for(day, at, offset))
        })
    }

    /// Whether the speed layer has read this offset itself.
    fn has_read(&self, partition: i32, offset: i64) -> bool {
        self.next_offsets.have_passed(partition, offset)
            && !self.first_offsets.have_passed(partition, offset)
    }
}

/// How many messages of a partition there are, by what became of them.
#[derive(Debug)]
struct Tally {
    in_lake: u64,
    repeated: u64,
    counted: u64,
    echoes: u64,
    late: u64,
    /// Late ones that are no facts of the lake.
    late_unknown: u64,
    skipped: u64,
    dead_letters: u64,
    dead_letters_in_lake_only: u64,
    dead_letters_in_view_only: u64,
}

impl Tally {
    fn of(
        partition: i32,
        lake: &LakePositions,
        dead_letters: &Positions,
        late: &Positions,
        echoes: &Positions,
    ) -> Self {
        let count = |of: &Positions, test: &dyn Fn(i64) -> bool| {
            of.of_partition(partition).filter(|&offset| test(offset)).count() as u64
        };
        let is_in = |of: &Positions, offset| of.contains(partition, offset);
        let is_valid = |offset| {
            is_in(&lake.all, offset)
                && !is_in(&lake.dead_letters, offset)
                && !is_in(&lake.skipped, offset)
        };
        let in_time = |offset| is_valid(offset) && !is_in(late, offset);
        Self {
            in_lake: lake.all.count(partition),
            repeated: lake.repeated.count(partition),
            counted: count(&lake.all, &|offset| in_time(offset) && !is_in(echoes, offset)),
            echoes: count(&lake.all, &|offset| in_time(offset) && is_in(echoes, offset)),
            late: late.count(partition),
            late_unknown: count(late, &|offset| !is_valid(offset)),
            skipped: lake.skipped.count(partition),
            dead_letters: lake.dead_letters.count(partition),
            dead_letters_in_lake_only: count(&lake.dead_letters, &|at| !is_in(dead_letters, at)),
            dead_letters_in_view_only: count(dead_letters, &|at| !is_in(&lake.dead_letters, at)),
        }
    }

    /// What must hold whatever was removed from the lake.
    fn checks(&self, partition: u32, progress: &Progress) -> [Check; 5] {
        let check = |what, expected, found| Check { partition, what, expected, found };
        let read = progress.next_offset.saturating_sub(progress.first_offset);
        let Progress { counted, echoes, late, skipped, dead_letters, .. } = *progress;
        let accounted = counted + echoes + late + skipped + dead_letters;
        [
            check("messages in the lake more than once", 0, self.repeated),
            check("counted, echoes, late, skipped and dead letters", read, accounted),
            check("late that are no facts of the lake", 0, self.late_unknown),
            check("dead letters in the lake only", 0, self.dead_letters_in_lake_only),
            check("dead letters in the view only", 0, self.dead_letters_in_view_only),
        ]
    }

    /// What must hold together with the messages that were removed from the lake.
    fn checks_with(&self, partition: u32, progress: &Progress, removed: Removed) -> [Check; 6] {
        let check = |what, expected, found| Check { partition, what, expected, found };
        let read = progress.next_offset.saturating_sub(progress.first_offset);
        let Removed { messages, echoes, late, skipped, dead_letters, .. } = removed;
        let counted = messages - echoes - late - skipped - dead_letters;
        let dead_letters = dead_letters + self.dead_letters;
        [
            check("messages in the lake", read, messages + self.in_lake),
            check("counted", progress.counted, counted + self.counted),
            check("echoes", progress.echoes, echoes + self.echoes),
            check("late", progress.late, late + self.late),
            check("skipped in the lake", progress.skipped, skipped + self.skipped),
            check("dead letters in the lake", progress.dead_letters, dead_letters),
        ]
    }
}
