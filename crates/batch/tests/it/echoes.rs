//! Where no time is part of the identity, the descriptor says how far apart echoes may be.

use std::collections::BTreeSet;

use bytes::Bytes;
use pulso_batch::{Days, Job};
use pulso_model::{Day, Decoder, EventTime, Layer};
use serde_json::json;

use crate::incremental::damage_all_but;
use crate::streams::numbered_with;
use crate::support::{TestLake, records_of, run, small_windows, written};

/// 2017-03-20T00:00:00Z.
const MIDNIGHT: i64 = 1_489_968_000_000;
const HOUR: i64 = 3_600_000;

/// Messages in the order of the log: a number and hours after midnight.
async fn lake(decoder: &Decoder, notes: &[(i64, i64)]) -> TestLake {
    let note = |&(number, hours): &(i64, i64)| {
        Bytes::from(json!({"number": number, "time": MIDNIGHT + hours * HOUR}).to_string())
    };
    let messages: Vec<_> = notes.iter().map(note).collect();
    TestLake::of_stream(decoder, &records_of(decoder, &messages, 2)).await
}

/// The notes that count among those of some days, in hours after midnight.
async fn counted(lake: &TestLake, days: &Days) -> Vec<i64> {
    let jobs = Job::all(lake.lake.stream());
    let view = lake.lake.stream().facts_view.view;
    let engine = lake.engine(small_windows()).await;
    let engine = engine.with_event_times(lake.lake.event_times().unwrap());
    let views = run(&engine, &jobs, days).await;
    let documents = written(&views, view, Layer::Batch).await;
    let mut hours: Vec<_> = documents.iter().map(|note| (note.time.0 - MIDNIGHT) / HOUR).collect();
    hours.sort_unstable();
    hours
}

fn day(hours: i64) -> Day {
    EventTime(MIDNIGHT + hours * HOUR).day()
}

fn only(day: Day) -> Days {
    Days { days: BTreeSet::from([day]), complete_until: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_is_near_an_earlier_message_of_its_fact() {
    let decoder = numbered_with("echoes_within = \"1d\"");
    // The third is near the second only; the last but one is near none; the last came later in the log.
    let notes = [(7, 0), (7, 20), (7, 40), (8, 41), (7, 130), (7, -24), (7, -49)];
    let lake = lake(&decoder, &notes).await;
    let expected = [-49, 0, 41, 130];
    assert_eq!(counted(&lake, &lake.days()).await, expected);
    let mut by_day = Vec::new();
    for day in lake.days().days {
        by_day.extend(counted(&lake, &only(day)).await);
    }
    assert_eq!(by_day, expected, "computed day by day");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_limit_an_echo_may_be_anywhere() {
    let lake = lake(&numbered_with(""), &[(7, 0), (7, 2000), (8, 2001)]).await;
    assert_eq!(counted(&lake, &only(day(2000))).await, [2001]);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_out_of_reach_are_not_opened() {
    let decoder = numbered_with("echoes_within = \"1d\"");
    let notes: Vec<_> = (0..12).map(|number| (number, number * 24)).chain([(9, 230)]).collect();
    let lake = lake(&decoder, &notes).await;
    let newest = day(9 * 24);
    // Windows look back into the day before, and the echoes of what they find may be a day away.
    let kept: Vec<_> = (-2..=1).map(|days| Day(newest.0 + days)).collect();
    assert_eq!(damage_all_but(&lake.folder.path().join("messages"), &kept), 8);
    assert_eq!(counted(&lake, &only(newest)).await, [9 * 24]);
}
