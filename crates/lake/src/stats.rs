//! The statistics of a file in the transaction log, by which readers of any kind skip files.
//!
//! Format: Delta protocol, "Per-file Statistics".

use std::ops::RangeInclusive;

use deltalake::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use deltalake::parquet::file::statistics::Statistics;
use pulso_model::{ColumnType, EventTime};
use serde_json::{Map, Value, json};

use crate::TimeRange;
use crate::columns::{Columns, TIME};

#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Time,
}

impl Kind {
    fn json(self, value: i64) -> Value {
        match self {
            Self::Integer => json!(value),
            // All times of the table are whole milliseconds.
            Self::Time => json!(EventTime(value.div_euclid(1000)).to_string()),
        }
    }
}

/// Sums up the statistics of the row groups of a file, for the columns worth skipping by; more would only
/// make the log longer.
pub(crate) fn of_file(columns: &Columns, metadata: &ParquetMetaData) -> Value {
    let (mut min_values, mut max_values, mut null_counts) = (Map::new(), Map::new(), Map::new());
    let own = columns.positions().into_iter().map(|(name, column_type)| match column_type {
        ColumnType::Time => (name, Kind::Time),
        _ => (name, Kind::Integer),
    });
    for (name, kind) in
        [("partition", Kind::Integer), ("log_time", Kind::Time)].into_iter().chain(own)
    {
        let chunks = metadata.row_groups().iter().filter_map(|group| {
            group.columns().iter().find(|chunk| chunk.column_path().parts() == [name])
        });
        let Some(summary) = Summary::of(chunks) else { continue };
        null_counts.insert(name.into(), json!(summary.nulls));
        if let Some((min, max)) = summary.range {
            min_values.insert(name.into(), kind.json(min));
            max_values.insert(name.into(), kind.json(max));
        }
    }
    json!({
        "numRecords": metadata.file_metadata().num_rows(),
        "minValues": min_values,
        "maxValues": max_values,
        "nullCount": null_counts,
    })
}

/// Where the messages of a file may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Positions {
    pub(crate) partitions: RangeInclusive<u32>,
    pub(crate) offsets: RangeInclusive<u64>,
}

impl Positions {
    /// `None` when the statistics do not tell.
    pub(crate) fn of(stats: &str) -> Option<Self> {
        let stats: Value = serde_json::from_str(stats).ok()?;
        let bounds = |name: &str| {
            let bound = |of: &str| stats[of][name].as_u64();
            Some(bound("minValues")?..=bound("maxValues")?)
        };
        let (partitions, offsets) = (bounds("partition")?, bounds("offset")?);
        let partition = |number: u64| u32::try_from(number).ok();
        let partitions = partition(*partitions.start())?..=partition(*partitions.end())?;
        Some(Self { partitions, offsets })
    }
}

/// What the statistics of a file say of its event times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventTimes {
    Unknown,
    /// All rows are dead letters.
    None,
    Within(TimeRange),
}

impl EventTimes {
    pub(crate) fn of(stats: &str) -> Self {
        let Ok(stats) = serde_json::from_str::<Value>(stats) else { return Self::Unknown };
        let time = |of: &str| stats[of][TIME].as_str()?.parse::<EventTime>().ok();
        let (rows, nulls) = (stats["numRecords"].as_u64(), stats["nullCount"][TIME].as_u64());
        match (time("minValues"), time("maxValues")) {
            _ if rows.is_some() && rows == nulls => Self::None,
            (Some(first), Some(last)) => Self::Within(TimeRange { first, last }),
            _ => Self::Unknown,
        }
    }
}

#[derive(Default)]
struct Summary {
    range: Option<(i64, i64)>,
    nulls: u64,
}

impl Summary {
    /// `None` when a row group has no statistics.
    fn of<'a>(chunks: impl Iterator<Item = &'a ColumnChunkMetaData>) -> Option<Self> {
        let mut summary = Self::default();
        for chunk in chunks {
            let statistics = chunk.statistics()?;
            let (min, max) = match statistics {
                Statistics::Int32(values) => (
                    values.min_opt().copied().map(i64::from),
                    values.max_opt().copied().map(i64::from),
                ),
                Statistics::Int64(values) => (values.min_opt().copied(), values.max_opt().copied()),
                _ => return None,
            };
            if let (Some(min), Some(max)) = (min, max) {
                let (least, most) = summary.range.unwrap_or((min, max));
                summary.range = Some((least.min(min), most.max(max)));
            }
            summary.nulls += statistics.null_count_opt()?;
        }
        Some(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_times_are_known_only_when_the_statistics_say_so() {
        let of = |stats: Value| EventTimes::of(&stats.to_string());
        let (first, last) = ("2017-03-19T12:00:00.000Z", "2017-03-19T12:00:00.007Z");
        let range = json!({
            "numRecords": 3, "nullCount": {TIME: 1},
            "minValues": {TIME: first}, "maxValues": {TIME: last},
        });
        let times = TimeRange { first: first.parse().unwrap(), last: last.parse().unwrap() };
        assert_eq!(of(range), EventTimes::Within(times));
        assert_eq!(of(json!({"numRecords": 3, "nullCount": {TIME: 3}})), EventTimes::None);
        assert_eq!(of(json!({"numRecords": 3, "nullCount": {TIME: 1}})), EventTimes::Unknown);
        assert_eq!(of(json!({"numRecords": 3})), EventTimes::Unknown);
        assert_eq!(EventTimes::of(""), EventTimes::Unknown);
    }
}
