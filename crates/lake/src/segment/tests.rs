use std::path::Path;
use std::sync::Arc;

use pulso_model::WallTime;
use pulso_pipeline::Headers;
use pulso_testkit::decoder;

use super::*;

const LOG_TIME: WallTime = WallTime(1_489_924_800_000);

fn record(partition: u32, offset: u64, payload: &str) -> Record {
    let headers = Headers { source: Arc::from("test"), received_time: LOG_TIME, cursor: None };
    let payload = payload.to_owned().into();
    Record { partition, offset, log_time: LOG_TIME, headers, payload }
}

fn response(rsvp_id: u64, day: i64) -> String {
    let mtime = day * 86_400_000;
    format!(
        r#"{{"rsvp_id":{rsvp_id},"mtime":{mtime},"response":"no","guests":0,
        "member":{{"member_id":1}},"event":{{"event_id":"e"}},
        "group":{{"group_id":1,"group_country":"no","group_lat":1,"group_lon":1,"group_topics":[]}}}}"#
    )
}

#[test]
fn offsets_must_rise_within_a_partition() {
    let mut builder = SegmentBuilder::new(&decoder(), &[5, 0].into());
    builder.push(&record(0, 5, "")).unwrap();
    builder.push(&record(1, 0, "")).unwrap();
    let error = builder.push(&record(0, 5, "")).unwrap_err();
    assert!(matches!(error, Error::OutOfOrder { partition: 0, offset: 5, next_offset: 6 }));
    let error = builder.push(&record(2, 0, "")).unwrap_err();
    assert!(matches!(error, Error::UnknownPartition { partition: 2 }));
    builder.push(&record(0, 9, "")).unwrap();
    assert_eq!((builder.rows(), builder.next_offsets()), (3, [10, 1].into()));

    let segment = builder.finish();
    assert_eq!(segment.offsets, [5..10, 0..1]);
    assert_eq!((segment.rows, segment.dead_letters, segment.missing), (3, 3, 3));
}

#[test]
fn a_segment_is_full_by_bytes_or_by_days() {
    let mut builder = SegmentBuilder::new(&decoder(), &[0].into());
    assert!(!builder.full(1000));
    builder.push(&record(0, 0, &response(1, 0))).unwrap();
    assert!(builder.full(500) && !builder.full(5000));
    let mut offset = 1;
    while !builder.full(usize::MAX) {
        let day = i64::try_from(offset).unwrap() % 10_000;
        builder.push(&record(0, offset, &response(offset, day))).unwrap();
        offset += 1;
    }
    assert_eq!(builder.finish().days.len(), MAX_PARTS);
}

#[test]
fn long_segments_are_cut_into_batches_and_lose_nothing() {
    let mut builder = SegmentBuilder::new(&decoder(), &[0].into());
    let rows = CHUNK_ROWS as u64 * 2 + 1;
    for offset in 0..rows {
        builder.push(&record(0, offset, &response(offset, 3))).unwrap();
    }
    let segment = builder.finish();
    let sizes: Vec<_> = segment.days[&Day(3)].iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [CHUNK_ROWS, CHUNK_ROWS, 1]);
    assert_eq!((segment.rows, segment.dead_letters), (rows, 0));
}

#[test]
fn the_estimate_of_memory_is_close() {
    let path = "../../../shared/data/rsvps/wbaa-2017-03-19.jsonl";
    let path = Path::new(path);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: no recording `{}`", path.display());
        return;
    };
    let mut builder = SegmentBuilder::new(&decoder(), &[0].into());
    for (offset, line) in (0..).zip(std::iter::repeat_n(text.lines(), 4).flatten()) {
        builder.push(&record(0, offset, line)).unwrap();
    }
    let estimate = builder.bytes();
    let segment = builder.finish();
    let batches = segment.days.values().flatten();
    let actual: usize = batches.map(RecordBatch::get_array_memory_size).sum();
    assert!((actual * 3 / 4..actual * 4 / 3).contains(&estimate), "{estimate} for {actual}");
}
