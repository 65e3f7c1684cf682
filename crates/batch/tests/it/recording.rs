//! All jobs over recorded real messages, against the naive recount.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use pulso_batch::WindowSettings;
use pulso_testkit::decoder;

use crate::jobs::check;
use crate::naive;
use crate::support::{TestLake, records};

#[tokio::test(flavor = "multi_thread")]
async fn nineteen_minutes_of_real_messages_are_counted_as_by_hand() {
    let Some(folder) = pulso_testkit::recordings() else { return };
    let text = std::fs::read(folder.join("rsvps/wbaa-2017-03-19.jsonl")).unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let records = records(&lines.map(Bytes::copy_from_slice).collect::<Vec<_>>(), 4);
    assert_eq!(records.len(), 1541);
    let share = 1.0 - naive::facts(&decoder(), &records).len() as f64 / records.len() as f64;
    assert!((0.14..0.19).contains(&share), "{share} of the messages are echoes");
    let windows = WindowSettings {
        size: Duration::from_secs(5 * 60),
        slide: Duration::from_secs(10),
        baseline: Duration::from_secs(60 * 60),
        count_above: 5,
        mute: BTreeSet::new(),
        unusual_from: 4.4,
        terms_max: 100,
        unusual_max: 20,
        scope_terms_max: 20,
        scope_unusual_max: 10,
    };
    let days = TestLake::of(&records).await.days();
    check(&records, windows, &days).await;
}
