//! Which event times the table has, told by the statistics of its files: no file is opened.

use std::collections::BTreeMap;

use pulso_model::{Day, EventTime};

use crate::stats::EventTimes;
use crate::table::{day_of, read_log};
use crate::{Error, Lake};

/// A stretch of event time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    pub first: EventTime,
    pub last: EventTime,
}

impl TimeRange {
    fn around(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

impl Lake {
    /// The event times of each day that has any: one with dead letters alone has none. `None` when the
    /// statistics of a file do not tell, which Pulso never writes; then a query has to.
    ///
    /// # Errors
    /// [`Error::ReadLog`].
    pub fn event_times(&self) -> Result<Option<BTreeMap<Day, TimeRange>>, Error> {
        let state = self.table.snapshot().map_err(|error| read_log(&self.folder, error))?;
        let mut days = BTreeMap::<Day, TimeRange>::new();
        for file in state.log_data().iter() {
            let day = day_of(&file.partition_values_map());
            let (Some(day), Some(stats)) = (day, file.stats()) else { return Ok(None) };
            match EventTimes::of(&stats) {
                EventTimes::Unknown => return Ok(None),
                EventTimes::None => {}
                EventTimes::Within(times) => {
                    days.entry(day).and_modify(|of| *of = of.around(times)).or_insert(times);
                }
            }
        }
        Ok(Some(days))
    }
}
