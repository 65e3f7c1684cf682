//! Records to archive, and questions to the table.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use deltalake::datafusion::prelude::SessionContext;
use pulso_lake::{Lake, Segment, SegmentBuilder};
use pulso_model::{Decoder, Offsets, TimeLimits, WallTime};
use pulso_pipeline::{Headers, Record};

/// 2017-03-19T12:00:00Z.
pub(crate) const NOON: i64 = 1_489_924_800_000;
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// When the log stored the records: on the same day in the evening.
pub(crate) const LOG_TIME: WallTime = WallTime(NOON + 10 * 60 * 60 * 1000);

/// When files are replaced; all that are written in tests are younger.
pub(crate) const NOW: WallTime = WallTime(LOG_TIME.0 + DAY_MS);

/// Decodes RSVPs; what happened after the log had stored it cannot be.
pub(crate) fn decoder() -> Decoder {
    let limits = TimeLimits { ahead_max: Duration::from_mins(1), behind_max: None };
    pulso_testkit::decoder().with_limits(limits)
}

/// A complete message.
pub(crate) fn message(rsvp_id: i64, mtime: i64) -> String {
    format!(
        r#"{{"rsvp_id":{rsvp_id},"mtime":{mtime},"response":"yes","guests":2,
        "member":{{"member_id":7,"member_name":"Zoë"}},
        "event":{{"event_id":"e1","event_name":"Talks","event_url":"https://e.test/1","time":{mtime}}},
        "group":{{"group_id":11,"group_name":"Oslo Rust","group_urlname":"oslo-rust",
        "group_city":"Oslo","group_country":"no","group_lat":59.9,"group_lon":10.7,
        "group_topics":[{{"urlkey":"Rust ","topic_name":"Rust"}},{{"urlkey":"beer"}}]}},
        "venue":{{"venue_id":5,"venue_name":"Pub","lat":0,"lon":0}}}}"#
    )
}

pub(crate) fn record(partition: u32, offset: u64, payload: impl Into<Vec<u8>>) -> Record {
    let headers = Headers {
        source: Arc::from("test"),
        received_time: WallTime(LOG_TIME.0 - 1),
        cursor: None,
    };
    let payload = payload.into().into();
    Record { partition, offset, log_time: LOG_TIME, headers, payload }
}

/// Records at the given offsets of a partition, all of the same day.
pub(crate) fn records(partition: u32, offsets: std::ops::Range<u64>) -> Vec<Record> {
    let make = |offset: u64| {
        let number = i64::try_from(offset).unwrap();
        record(partition, offset, message(number, NOON + number))
    };
    offsets.map(make).collect()
}

pub(crate) fn segment(next_offsets: impl Into<Offsets>, records: &[Record]) -> Segment {
    let mut builder = SegmentBuilder::new(&decoder(), &next_offsets.into());
    records.iter().for_each(|record| builder.push(record).unwrap());
    builder.finish()
}

/// Up to where partition 0 is in the table.
pub(crate) async fn next_offset(lake: &Lake) -> u64 {
    lake.next_offsets(1).await.unwrap().get(0).unwrap()
}

/// Appends records of partition 0 from where the table is.
pub(crate) async fn append(lake: &mut Lake, count: u64) {
    let next = next_offset(lake).await;
    lake.append(segment([next], &records(0, next..next + count))).await.unwrap();
}

/// The answer to a query of the table `messages`: one text a row, values separated by `|`.
pub(crate) async fn query(lake: &Lake, sql: &str) -> Vec<String> {
    let context = SessionContext::new();
    context.register_table("messages", lake.table_provider().await.unwrap()).unwrap();
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    batches.iter().flat_map(rows).collect()
}

fn rows(batch: &RecordBatch) -> Vec<String> {
    let row = |row| {
        let values =
            batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
        values.collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(row).collect()
}

/// How often each offset is in the table, as `partition|offset|count`, where it is not once; and
/// how many there are.
pub(crate) async fn doubles_and_count(lake: &Lake) -> (Vec<String>, String) {
    let doubles = "select partition, \"offset\", count(*) from messages \
                   group by partition, \"offset\" having count(*) <> 1 order by 1, 2";
    let count = query(lake, "select count(*) from messages").await;
    (query(lake, doubles).await, count.concat())
}

/// The Parquet files on disk, in the table or not, by name.
pub(crate) fn parquet_files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for day in std::fs::read_dir(folder).unwrap() {
        let day = day.unwrap();
        if day.file_name().to_str().unwrap().starts_with("day=") {
            files.extend(std::fs::read_dir(day.path()).unwrap().map(|file| file.unwrap().path()));
        }
    }
    files.sort();
    files.iter().map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap().into()).collect()
}
