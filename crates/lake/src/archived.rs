//! What the table notes of each partition of the log: how far it has been archived, and up to which times.
//!
//! Notes are transaction identifiers in the commit that adds the files, so they tell of exactly the messages
//! that are in the table, and no query has to look for them.

use deltalake::kernel::Transaction;
use pulso_model::{EventTime, Offsets, WallTime};

use crate::table::{WrittenSegment, read_log};
use crate::{Error, Lake};

/// How far a partition of the log has been archived. Days that were removed for their age count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// The first offset that is not in the table.
    pub next_offset: u64,
    /// Where the partition ended when the newest message of all partitions was read.
    pub end_offset: u64,
    /// When the log stored the last message, be it a dead letter. Not the newest such time: a clock that
    /// once jumped ahead would make all other partitions idle until then.
    pub log_time: Option<WallTime>,
    /// The largest event time.
    pub event_time: Option<EventTime>,
}

impl Archived {
    /// Takes note of the next message. A clock far out of the years 1 to 9999 counts as their end, as in the table.
    pub(crate) fn see(&mut self, log_time: WallTime, event_time: Option<EventTime>) {
        let log_time = log_time.0.clamp(*EventTime::RANGE.start(), *EventTime::RANGE.end());
        self.log_time = Some(WallTime(log_time));
        self.event_time = self.event_time.max(event_time);
    }
}

/// The names of the notes of a partition.
pub(crate) fn next_offset_id(partition: impl std::fmt::Display) -> String {
    format!("pulso-archive-{partition}")
}

fn end_offset_id(partition: usize) -> String {
    format!("pulso-log-end-{partition}")
}

fn log_time_id(partition: usize) -> String {
    format!("pulso-log-time-{partition}")
}

fn event_time_id(partition: usize) -> String {
    format!("pulso-event-time-{partition}")
}

impl Lake {
    /// How far each partition of the log has been archived.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::ReadLog`].
    pub async fn archived(&self, partitions: u32) -> Result<Vec<Archived>, Error> {
        let mut archived = Vec::new();
        for partition in 0..partitions as usize {
            let next_offset = self.next_offset(&next_offset_id(partition)).await?;
            let end_offset = self.next_offset(&end_offset_id(partition)).await?;
            let (log_time, event_time) = self.newest(partition).await?;
            archived.push(Archived { next_offset, end_offset, log_time, event_time });
        }
        Ok(archived)
    }

    /// The first offset of each partition of the log that is not in the table.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::ReadLog`].
    pub async fn next_offsets(&self, partitions: u32) -> Result<Offsets, Error> {
        let mut next_offsets = Vec::new();
        for partition in 0..partitions {
            next_offsets.push(self.next_offset(&next_offset_id(partition)).await?);
        }
        Ok(next_offsets.into_iter().collect())
    }

    pub(crate) async fn next_offset(&self, id: &str) -> Result<u64, Error> {
        let noted = self.noted(id).await?;
        u64::try_from(noted.unwrap_or(0)).map_err(|_| Error::Damaged {
            path: self.folder.log(),
            problem: format!("gives `{id}` a negative offset"),
        })
    }

    async fn newest(
        &self,
        partition: usize,
    ) -> Result<(Option<WallTime>, Option<EventTime>), Error> {
        let log_time = self.noted(&log_time_id(partition)).await?;
        let event_time = self.noted(&event_time_id(partition)).await?;
        Ok((log_time.map(WallTime), event_time.map(EventTime)))
    }

    /// The number that the table has under this name.
    pub(crate) async fn noted(&self, id: &str) -> Result<Option<i64>, Error> {
        let failed = |error| read_log(&self.folder, error);
        let state = self.table.snapshot().map_err(failed)?;
        state.transaction_version(&self.table.log_store(), id).await.map_err(failed)
    }

    /// What the table is to note when this segment is added to what it has.
    pub(crate) async fn notes(&self, segment: &WrittenSegment) -> Result<Vec<Transaction>, Error> {
        let mut notes = Vec::new();
        let number =
            |offset: u64| i64::try_from(offset).expect("logs are shorter than 2^63 messages");
        for (partition, (offsets, seen)) in
            segment.offsets.iter().zip(&segment.archived).enumerate()
        {
            let end_offset = number(seen.end_offset.max(offsets.end));
            notes.push(Transaction::new(end_offset_id(partition), end_offset));
            if offsets.is_empty() {
                continue;
            }
            notes.push(Transaction::new(next_offset_id(partition), number(offsets.end)));
            let (log_time, event_time) = self.newest(partition).await?;
            if let Some(WallTime(millis)) = seen.log_time.or(log_time) {
                notes.push(Transaction::new(log_time_id(partition), millis));
            }
            if let Some(EventTime(millis)) = seen.event_time.max(event_time) {
                notes.push(Transaction::new(event_time_id(partition), millis));
            }
        }
        Ok(notes)
    }
}
