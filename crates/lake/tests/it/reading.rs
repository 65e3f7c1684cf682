//! What was archived is what queries find.

use std::path::Path;

use pulso_lake::{Lake, SegmentBuilder};
use pulso_model::{Day, Decoded};

use crate::support::{
    DAY_MS, LOG_TIME, NOON, NOW, append, decoder, doubles_and_count, message, query, record,
    records, segment,
};

#[tokio::test]
async fn every_column_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let payload = message(3, NOON + 7);
    lake.append(segment([0], &[record(0, 0, payload.clone())])).await.unwrap();

    let check = async |columns: &str, expected: &str| {
        let found = query(&lake, &format!("select {columns} from messages")).await;
        assert_eq!(found, [expected], "{columns}");
    };
    check("day, partition, \"offset\", source", "2017-03-19|0|0|test").await;
    check("log_time, received_time", "2017-03-19T22:00:00Z|2017-03-19T21:59:59.999Z").await;
    check("cast(payload as varchar)", &payload).await;
    check("cursor, outcome, reason, detail", "|fact||").await;
    check("time, rsvp_id, response", "2017-03-19T12:00:00.007Z|3|yes").await;
    check("guests, attendees", "2|3").await;
    check("country, topics, topic_names", "NO|[beer, rust]|[beer, Rust]").await;
    check("member_id, member_name", "7|Zoë").await;
    check(
        "event_id, event_name, event_url, event_time",
        "e1|Talks|https://e.test/1|2017-03-19T12:00:00.007Z",
    )
    .await;
    check("group_id, group_name, group_urlname", "11|Oslo Rust|oslo-rust").await;
    check("group_city, group_state, latitude, longitude", "Oslo||59.9|10.7").await;
    check("venue_id, venue_name, venue_latitude, venue_longitude", "5|Pub||").await;
}

#[tokio::test]
async fn dead_letters_keep_their_bytes_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let future = message(4, LOG_TIME.0 + DAY_MS);
    let dead = [&b"\xff\x00{"[..], b"", b"{\"mtime\":5}", future.as_bytes()];
    let records: Vec<_> = (0..).zip(dead).map(|(offset, bytes)| record(0, offset, bytes)).collect();
    lake.append(segment([0], &records)).await.unwrap();

    let sql = "select day, \"offset\", encode(payload, 'hex'), outcome, reason, detail is null, time, topics \
               from messages order by \"offset\"";
    let found = query(&lake, sql).await;
    assert_eq!(found[0], "2017-03-19|0|ff007b|dead_letter|invalid_json|false||");
    assert_eq!(found[1], "2017-03-19|1||dead_letter|invalid_json|false||");
    assert_eq!(found[2], "2017-03-19|2|7b226d74696d65223a357d|dead_letter|missing_field|false||");
    assert!(
        found[3].starts_with("2017-03-19|3|")
            && found[3].ends_with("|dead_letter|future_time|false||")
    );
    assert_eq!(found.len(), 4);
}

#[tokio::test]
async fn days_are_those_of_the_events_however_far_in_the_past() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let midnight = NOON - DAY_MS / 2;
    let times = [-62_135_596_800_000, -1, 0, midnight - 1, midnight, NOON];
    let records: Vec<_> =
        (0..).zip(times).map(|(offset, mtime)| record(0, offset, message(1, mtime))).collect();
    lake.append(segment([0], &records)).await.unwrap();

    let days: Vec<(String, u64)> =
        lake.days().unwrap().into_iter().map(|(day, rows)| (day.to_string(), rows)).collect();
    let expected = [
        ("0001-01-01", 1),
        ("1969-12-31", 1),
        ("1970-01-01", 1),
        ("2017-03-18", 1),
        ("2017-03-19", 2),
    ];
    assert_eq!(days, expected.map(|(day, rows)| (day.to_owned(), rows)));
    let of_day = "select \"offset\", time from messages where day = date '2017-03-19' order by 1";
    assert_eq!(query(&lake, of_day).await, ["4|2017-03-19T00:00:00Z", "5|2017-03-19T12:00:00Z"],);
    let by_time = "select \"offset\" from messages where time < timestamp '1970-01-01' order by 1";
    assert_eq!(query(&lake, by_time).await, ["0", "1"]);
}

#[tokio::test]
async fn queries_read_only_the_files_of_the_days_and_offsets_they_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    for offset in 0..4 {
        let mtime = NOON - DAY_MS * i64::try_from(offset).unwrap();
        let record = record(0, offset, message(1, mtime));
        lake.append(segment([offset], &[record])).await.unwrap();
    }
    let check = async |filter: &str| {
        let plan =
            query(&lake, &format!("explain select rsvp_id from messages where {filter}")).await;
        plan.concat().matches(".zstd.parquet").count()
    };
    assert_eq!(check("true").await, 4);
    assert_eq!(check("day >= date '2017-03-18'").await, 2);
    assert_eq!(check("\"offset\" = 3").await, 1);
    assert_eq!(check("time < timestamp '2017-03-17'").await, 1);
}

#[tokio::test]
async fn versions_tell_which_days_got_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    assert_eq!((lake.version(), lake.days().unwrap().len()), (0, 0));
    append(&mut lake, 2).await;
    let older = record(0, 2, message(9, NOON - DAY_MS));
    lake.append(segment([2], &[older])).await.unwrap();
    append(&mut lake, 2).await;
    append(&mut lake, 2).await;
    assert_eq!(lake.compact(1 << 20, 3, NOW).await.unwrap().days, 1);
    assert_eq!(lake.version(), 5);

    let changed = async |version| -> Vec<String> {
        let days = lake.days_changed_since(version).await.unwrap();
        days.iter().map(Day::to_string).collect()
    };
    assert_eq!(changed(0).await, ["2017-03-18", "2017-03-19"]);
    assert_eq!(changed(1).await, ["2017-03-18", "2017-03-19"]);
    assert_eq!(changed(2).await, ["2017-03-19"]);
    assert_eq!(changed(4).await, Vec::<String>::new());
    assert_eq!(changed(5).await, Vec::<String>::new());
}

#[tokio::test]
async fn without_the_log_of_that_time_every_day_may_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    append(&mut lake, 1).await;
    append(&mut lake, 1).await;
    std::fs::remove_file(folder.path().join("_delta_log/00000000000000000001.json")).unwrap();
    assert_eq!(lake.days_changed_since(0).await.unwrap().len(), 1);
    assert_eq!(lake.days_changed_since(1).await.unwrap().len(), 1);
    assert_eq!(lake.days_changed_since(2).await.unwrap().len(), 0);
}

#[tokio::test]
async fn clocks_out_of_range_do_not_stop_archiving() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let mut wrong = record(0, 0, message(1, NOON));
    wrong.headers.received_time.0 = i64::MIN;
    lake.append(segment([0], &[wrong])).await.unwrap();
    let found = query(&lake, "select received_time < log_time from messages").await;
    assert_eq!(found, ["true"]);
}

#[tokio::test]
async fn recordings_are_archived_as_they_decode() {
    let recordings = Path::new("../../../shared/data/rsvps");
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for name in ["wbaa-2017-03-19.jsonl", "odd.jsonl", "malformed.txt"] {
        let Ok(text) = std::fs::read(recordings.join(name)) else {
            println!("skipped: no recording `{name}` in `{}`", recordings.display());
            return;
        };
        payloads.extend(text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let mut builder = SegmentBuilder::new(&decoder(), &[0, 0].into());
    let (mut dead, mut guests, mut topics) = (0, 0, 0);
    for (index, payload) in payloads.iter().enumerate() {
        let partition = u32::try_from(index % 2).unwrap();
        let mut record = record(partition, index as u64 / 2, payload.clone());
        record.log_time.0 += 700 * DAY_MS;
        match decoder().decode(payload, record.log_time) {
            Ok(Decoded::Fact(fact)) => {
                guests += fact.sums[0];
                topics += fact.terms[0].len();
            }
            Ok(Decoded::Skipped(reason)) => panic!("no stream of RSVPs has others: {reason}"),
            Err(_) => dead += 1,
        }
        builder.push(&record).unwrap();
    }
    lake.append(builder.finish()).await.unwrap();

    let sql = "select count(*), count(reason), sum(guests), sum(cardinality(topics)) from messages";
    let expected = format!("{}|{dead}|{guests}|{topics}", payloads.len());
    assert_eq!(query(&lake, sql).await, [expected]);
    assert_eq!(doubles_and_count(&lake).await, (vec![], payloads.len().to_string()));
    let stored = query(&lake, "select sum(length(encode(payload, 'hex'))) / 2 from messages").await;
    let sent: usize = payloads.iter().map(Vec::len).sum();
    assert_eq!(stored, [sent.to_string()]);
}

#[tokio::test]
async fn rows_of_a_file_are_in_log_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    let mut mixed = Vec::new();
    for offset in 0..3 {
        for partition in [2, 0, 1] {
            mixed.extend(records(partition, offset..offset + 1));
        }
    }
    lake.append(segment([0; 3], &mixed)).await.unwrap();
    let found = query(&lake, "select partition, \"offset\" from messages").await;
    assert!(found.is_sorted(), "{found:?}");
    assert_eq!(found.len(), 9);
}
