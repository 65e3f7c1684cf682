//! What the statistics of files say is what a query finds.

use pulso_lake::Lake;

use crate::support::{
    DAY_MS, NOON, NOW, append, decoder, message, next_offset, query, record, segment,
};

/// By day, the smallest and largest event time that a query finds.
async fn found(lake: &Lake) -> Vec<String> {
    let sql = "select day, cast(min(time) as bigint) / 1000, cast(max(time) as bigint) / 1000 \
               from messages where outcome = 'fact' group by day order by day";
    query(lake, sql).await
}

fn told(lake: &Lake) -> Vec<String> {
    let days = lake.event_times().unwrap().expect("all files have statistics");
    days.iter().map(|(day, times)| format!("{day}|{}|{}", times.first.0, times.last.0)).collect()
}

#[tokio::test]
async fn event_times_by_day_are_what_a_query_finds() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    assert_eq!(told(&lake), [""; 0]);
    // Two days before, a dead letter with no time of its own, and one before the epoch.
    let segments = [
        vec![message(1, NOON + 5), message(2, NOON - 2 * DAY_MS), message(3, NOON - 3)],
        vec![String::new()],
        vec![String::new(), message(4, NOON + 9), message(5, NOON - 2 * DAY_MS + 1)],
        vec![message(6, NOON + 7), message(7, -DAY_MS - 1)],
    ];
    for payloads in segments {
        let next = next_offset(&lake).await;
        let records: Vec<_> =
            (next..).zip(payloads).map(|(offset, payload)| record(0, offset, payload)).collect();
        lake.append(segment([next], &records)).await.unwrap();
        assert_eq!(told(&lake), found(&lake).await);
    }
    assert!(told(&lake).len() >= 2, "{:?}", told(&lake));

    lake.compact(1 << 20, 2, NOW).await.unwrap();
    let expected = found(&lake).await;
    assert_eq!(told(&lake), expected);
    // A checkpoint tells the same.
    while lake.version() <= 32 {
        append(&mut lake, 1).await;
    }
    let expected_now = found(&lake).await;
    assert_eq!(expected_now[..expected.len() - 1], expected[..expected.len() - 1]);
    assert_eq!(told(&Lake::open(folder.path(), &decoder()).await.unwrap()), expected_now);
}

#[tokio::test]
async fn a_day_of_dead_letters_has_no_event_times() {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    lake.append(segment([0], &[record(0, 0, "")])).await.unwrap();
    assert_eq!((told(&lake).len(), lake.days().unwrap().len()), (0, 1));
}
