//! Recordings in, views out.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::View;
use pulso_testkit::view;
use serde_json::Value;

use crate::support::{assert_same, export, exports, pulso, recording, replay, run, verify};

#[test]
fn a_synthetic_stream_is_counted_once_by_both_layers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let recording = recording(folder.path(), 7, 20_000, 20);
    let summary = replay(&recording, &data);
    let log = &summary["log"];
    let part = |name: &str| log[name].as_u64().unwrap();
    assert_eq!(summary["messages"], 20_000);
    assert_eq!(part("counted") + part("echoes") + part("late") + part("dead_letters"), 20_000);
    for name in ["counted", "echoes", "late", "dead_letters"] {
        assert!(part(name) > 0, "the stream has {name}: {log}");
    }
    let report = verify(0, &data);
    let last = report.lines().last().unwrap();
    assert!(
        last.starts_with("every message is accounted for once; the layers agree in "),
        "{last}"
    );
    assert!(last.ends_with(" documents"), "nothing is left out: {report}");
    for run in export(View::BATCH_RUNS, "current", &data).lines() {
        let run: Value = serde_json::from_str(run).unwrap();
        assert_eq!(run["outcome"], "succeeded", "{run}");
        // The recording has come to its end, and all of its days with it.
        let completed = if run["job"] == "archive" { &Value::Null } else { &run["last_day"] };
        assert_eq!(&run["completed_day"], completed, "{run}");
    }

    let before = exports(&data);
    assert!(before.iter().all(|(name, text)| !text.is_empty() || panic!("{name} is empty")));
    let again = replay(&recording, &data);
    assert_eq!(again["log"]["messages"], 40_000);
    assert_eq!(again["log"]["counted"], log["counted"], "the same messages again are echoes");
    assert_same(&exports(&data), &before);
    verify(0, &data);
}

#[test]
fn the_recording_of_2017_gives_what_a_recount_gives() {
    let Some(recordings) = pulso_testkit::recordings() else { return };
    let path = recordings.join("rsvps/wbaa-2017-03-19.jsonl");
    let folder = tempfile::tempdir().unwrap();
    let summary = replay(&path, folder.path());
    verify(0, folder.path());

    let mut keys = BTreeSet::new();
    let mut countries: BTreeMap<String, u64> = BTreeMap::new();
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let second = (message["mtime"].as_i64().unwrap() + 500).div_euclid(1000);
        let key = ["rsvp_id", "response", "guests"].map(|field| message[field].to_string());
        if keys.insert((key, second)) {
            let country = message["group"]["group_country"].as_str().unwrap().to_uppercase();
            *countries.entry(country).or_default() += 1;
        }
    }
    assert_eq!(keys.len(), 1325);
    let log = &summary["log"];
    let known = log["counted"].as_u64().unwrap() + log["late"].as_u64().unwrap();
    assert!(known >= 1325, "{log}");
    assert_eq!(export(view("responses"), "batch", folder.path()).lines().count(), 1325);
    assert_eq!(export(view("responses"), "speed", folder.path()).lines().count(), 1325);
    let mut exported: BTreeMap<String, u64> = BTreeMap::new();
    for line in export(view("country-activity"), "current", folder.path()).lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        let country = document["country"].as_str().unwrap().to_owned();
        *exported.entry(country).or_default() += document["responses"].as_u64().unwrap();
    }
    assert_eq!(exported, countries);
}

#[test]
fn odd_and_malformed_messages_lose_nothing() {
    let Some(recordings) = pulso_testkit::recordings() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = pulso();
    command
        .arg("replay")
        .args(["odd.jsonl", "malformed.txt"].map(|f| recordings.join("rsvps").join(f)));
    run(0, command.arg("--data").arg(folder.path()));
    verify(0, folder.path());
    assert_eq!(export(View::DEAD_LETTERS, "current", folder.path()).lines().count(), 7);
    let first: Value = {
        let text = export(View::DEAD_LETTERS, "current", folder.path());
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    };
    assert_eq!(first["reason"], "invalid_json");
    let malformed = std::fs::read_to_string(recordings.join("rsvps/malformed.txt")).unwrap();
    assert!(malformed.lines().any(|line| first["payload"] == line), "the payload is as received");
}

#[test]
fn a_verify_that_compared_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (recording, data) = (folder.path().join("malformed.txt"), folder.path().join("data"));
    std::fs::write(&recording, "{\nno json\n").unwrap();
    replay(&recording, &data);
    let report = verify(4, &data);
    let last = "every message is accounted for once; nothing of either layer was compared";
    assert_eq!(report.lines().last(), Some(last), "{report}");
}

#[test]
fn two_recordings_of_different_years_follow_each_other() {
    let Some(recordings) = pulso_testkit::recordings() else { return };
    let folder = tempfile::tempdir().unwrap();
    for file in ["wbaa-2017-03-19.jsonl", "linksim-2018-03-29.jsonl"] {
        replay(&recordings.join("rsvps").join(file), folder.path());
        verify(0, folder.path());
    }
    assert_eq!(export(view("responses"), "current", folder.path()).lines().count(), 1325 + 82);
}
