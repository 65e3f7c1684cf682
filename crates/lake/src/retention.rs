//! Removing days for their age, without forgetting how many messages they held.
//!
//! What is removed is accounted for in the commit that removes it, as transaction identifiers, like
//! the offsets: so a day is never gone and not accounted for, nor the other way round. Days before
//! `kept_from` are gone for all who compute; the files of the last of them may stay a while, as
//! windows and echoes of the first day that is kept look back at them.

use std::collections::{BTreeSet, HashMap};

use deltalake::kernel::{Action, MetadataExt, Transaction};
use deltalake::protocol::DeltaOperation;
use pulso_model::{Day, WallTime};

use crate::commit::{ATTEMPTS_MAX, Attempt, commit_next};
use crate::table::{day_of, read_log};
use crate::{Error, Lake};

const APPEND_ONLY: &str = "delta.appendOnly";
const KEPT_FROM: &str = "pulso-kept-from";
const SPEED_VIEWS_FROM: &str = "pulso-speed-views-from";
const BATCH_VIEWS_FROM: &str = "pulso-batch-views-from";

/// What is no longer there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// The first day whose messages are kept.
    pub kept_from: Option<Day>,
    /// The first day whose documents of the speed layer are kept.
    pub speed_views_from: Option<Day>,
    pub batch_views_from: Option<Day>,
    /// By partition of the log.
    pub removed: Vec<Removed>,
}

/// What was removed of one partition of the log, over all removals since the speed layer began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Messages of days before `kept_from`, at offsets before this one, are counted here; later ones
    /// came for a day that was gone already.
    pub until: u64,
    /// The speed layer began here: messages before are gone, too, but not counted.
    pub from: u64,
    /// After the last message that is gone.
    pub end: u64,
    pub messages: u64,
    pub echoes: u64,
    pub late: u64,
    pub skipped: u64,
    pub dead_letters: u64,
}

impl Removed {
    /// The same for a speed layer that began at this offset; `None` when it has read some of these
    /// messages again, and nobody knows how many.
    pub fn seen_from(self, first_offset: u64) -> Option<Self> {
        if first_offset == self.from {
            Some(self)
        } else if first_offset >= self.end {
            let Self { until, end, .. } = self;
            Some(Self { until, from: first_offset, end, ..Self::default() })
        } else {
            None
        }
    }
}

impl Retained {
    /// Whether a message was removed, or is kept for others to look back at only.
    pub fn accounts_for(&self, day: Day, partition: usize, offset: u64) -> bool {
        self.kept_from.is_some_and(|from| day < from)
            && self.removed.get(partition).is_some_and(|removed| offset < removed.until)
    }

    fn transactions(&self) -> Vec<Transaction> {
        let days = [
            (KEPT_FROM, self.kept_from),
            (SPEED_VIEWS_FROM, self.speed_views_from),
            (BATCH_VIEWS_FROM, self.batch_views_from),
        ];
        let days = days
            .into_iter()
            .filter_map(|(name, day)| Some(Transaction::new(name, i64::from(day?.0))));
        let counts = self.removed.iter().enumerate().flat_map(|(partition, removed)| {
            let Removed { until, from, end, messages, echoes, late, skipped, dead_letters } =
                *removed;
            [until, from, end, messages, echoes, late, skipped, dead_letters]
                .into_iter()
                .zip(COUNTS)
                .map(move |(count, name)| {
                    let count = i64::try_from(count).expect("logs are shorter than 2^63 messages");
                    Transaction::new(transaction_id(name, partition), count)
                })
        });
        days.chain(counts).collect()
    }
}

/// The names of the fields of [`Removed`].
const COUNTS: [&str; 8] =
    ["until", "from", "end", "messages", "echoes", "late", "skipped", "dead-letters"];

fn transaction_id(count: &str, partition: usize) -> String {
    format!("pulso-removed-{count}-{partition}")
}

impl Lake {
    /// What was removed until now.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::ReadLog`].
    pub async fn retained(&self, partitions: u32) -> Result<Retained, Error> {
        let mut removed = Vec::new();
        for partition in 0..partitions as usize {
            let mut counts = [0; COUNTS.len()];
            for (count, name) in counts.iter_mut().zip(COUNTS) {
                let found = self.noted(&transaction_id(name, partition)).await?;
                *count = u64::try_from(found.unwrap_or(0)).unwrap_or(0);
            }
            let [until, from, end, messages, echoes, late, skipped, dead_letters] = counts;
            removed.push(Removed {
                until,
                from,
                end,
                messages,
                echoes,
                late,
                skipped,
                dead_letters,
            });
        }
        Ok(Retained {
            kept_from: self.day(KEPT_FROM).await?,
            speed_views_from: self.day(SPEED_VIEWS_FROM).await?,
            batch_views_from: self.day(BATCH_VIEWS_FROM).await?,
            removed,
        })
    }

    async fn day(&self, name: &str) -> Result<Option<Day>, Error> {
        let found = self.noted(name).await?;
        Ok(found.and_then(|days| i32::try_from(days).ok()).map(Day))
    }

    /// Notes what is no longer there, and removes all files of this version with days before
    /// `files_before`; returns how many. Their bytes are freed by a [`vacuum`](Self::vacuum), which counts
    /// from `now`.
    ///
    /// # Errors
    /// [`Error::Contended`] when somebody else changed these files; nothing is removed then.
    pub async fn remove_before(
        &mut self,
        files_before: Day,
        retained: &Retained,
        now: WallTime,
    ) -> Result<usize, Error> {
        let paths = self.files_before(files_before)?;
        if !paths.is_empty() {
            self.allow_removal().await?;
        }
        for _ in 0..ATTEMPTS_MAX {
            self.refresh().await?;
            let removes = self.removes(&paths, now, true)?;
            if removes.len() < paths.len() {
                break;
            }
            let actions = removes.into_iter().map(Action::Remove).collect();
            let operation =
                DeltaOperation::Delete { predicate: Some(format!("day < '{files_before}'")) };
            let transactions = retained.transactions();
            let attempt =
                commit_next(&self.folder, &self.table, actions, operation, transactions).await?;
            if attempt == Attempt::Committed {
                self.refresh().await?;
                self.checkpoint_when_due().await;
                return Ok(paths.len());
            }
        }
        Err(Error::Contended { attempts: ATTEMPTS_MAX })
    }

    fn files_before(&self, day: Day) -> Result<BTreeSet<String>, Error> {
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        let before = |values: &HashMap<_, _>| day_of(values).is_some_and(|of| of < day);
        let files =
            state.log_data().into_iter().filter(|file| before(&file.partition_values_map()));
        Ok(files.map(|file| file.path().into_owned()).collect())
    }

    /// A table that may only grow says so; one that loses rows or has them replaced does not.
    pub(crate) async fn allow_removal(&mut self) -> Result<(), Error> {
        for _ in 0..ATTEMPTS_MAX {
            let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
            if !state.metadata().configuration().contains_key(APPEND_ONLY) {
                return Ok(());
            }
            let metadata = state.metadata().clone().remove_config_key(APPEND_ONLY);
            let metadata = metadata.map_err(|error| read_log(&self.folder, error.into()))?;
            let properties = HashMap::from([(APPEND_ONLY.to_owned(), "false".to_owned())]);
            let operation = DeltaOperation::SetTableProperties { properties };
            let actions = vec![Action::Metadata(metadata)];
            commit_next(&self.folder, &self.table, actions, operation, Vec::new()).await?;
            self.refresh().await?;
        }
        Err(Error::Contended { attempts: ATTEMPTS_MAX })
    }
}
