//! The statistics of a file in the transaction log, by which readers of any kind skip files.
//!
//! Format: Delta protocol, "Per-file Statistics".

use deltalake::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use deltalake::parquet::file::statistics::Statistics;
use pulso_model::EventTime;
use serde_json::{Map, Value, json};

/// The columns worth skipping by; more would only make the log longer.
const COLUMNS: [(&str, Kind); 6] = [
    ("partition", Kind::Integer),
    ("offset", Kind::Integer),
    ("log_time", Kind::Time),
    ("mtime", Kind::Time),
    ("rsvp_id", Kind::Integer),
    ("group_id", Kind::Integer),
];

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

/// Sums up the statistics of the row groups of a file.
pub(crate) fn of_file(metadata: &ParquetMetaData) -> Value {
    let (mut min_values, mut max_values, mut null_counts) = (Map::new(), Map::new(), Map::new());
    for (name, kind) in COLUMNS {
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
