//! `kill -9` at any moment, then the same command again: nothing lost, nothing doubled.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{assert_same, exports, pulso, recording, replay, verify};

/// Each folder is killed several times before a run may end: the way back is cut, too.
const FOLDERS: u32 = 4;
const KILLS_PER_FOLDER: u32 = 5;
const KILLS: u32 = FOLDERS * KILLS_PER_FOLDER;

#[test]
fn p2_a_replay_killed_at_any_moment_ends_in_the_same_views() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 3, 2_000, 20);
    let whole = folder.path().join("whole");
    let begun = now();
    replay(&recording, &whole);
    let duration = begun.elapsed();
    let expected = exports(&whole);

    let kill_folder = |number: u32| {
        let data = folder.path().join(format!("killed-{number}"));
        let mut stages = Vec::new();
        for kill in 0..KILLS_PER_FOLDER {
            let after = moment(kill * FOLDERS + number, duration);
            let stage = kill_after(after, &recording, &data);
            eprintln!("folder {number} killed after {after:?} of {duration:?}: {stage}");
            stages.push(stage);
        }
        replay(&recording, &data);
        verify(0, &data);
        assert_same(&exports(&data), &expected);
        stages
    };
    // Two at a time; the timing of the kills need not be exact.
    let stages: Vec<String> = std::thread::scope(|scope| {
        let kill_folder = &kill_folder;
        let odd_or_even = |first: u32| {
            scope.spawn(move || {
                (first..FOLDERS).step_by(2).flat_map(kill_folder).collect::<Vec<_>>()
            })
        };
        let halves = [odd_or_even(0), odd_or_even(1)];
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let kinds: BTreeSet<&str> = stages.iter().map(String::as_str).collect();
    let late = stages.iter().filter(|stage| *stage == "ended").count();
    assert!(late <= 2, "kills came too late: {stages:?}");
    assert!(kinds.contains("reading") && kinds.len() > 3, "few stages: {stages:?}");
}

/// A random moment in the part of the run that belongs to the number: all of the run is covered, the
/// beginning (reading, windows, archive: a smaller part of the time) more closely.
fn moment(number: u32, duration: Duration) -> Duration {
    let random = BuildHasherDefault::<DefaultHasher>::default().hash_one(number);
    let place = (f64::from(number) + (random % 1000) as f64 / 1000.0) / f64::from(KILLS);
    duration.mul_f64(place.powf(1.5) * 0.95)
}

/// Says what the program was doing when it was killed.
fn kill_after(after: Duration, recording: &Path, data: &Path) -> String {
    let runs_before = runs(data).len();
    let mut command = pulso();
    command.arg("replay").arg(recording).arg("--data").arg(data);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    let runs = runs(data);
    let newest = runs.iter().max_by_key(|run| run["@timestamp"].to_string());
    match newest {
        _ if ended => "ended".to_owned(),
        Some(run) if runs.len() > runs_before => run["job"].as_str().unwrap().to_owned(),
        _ => "reading".to_owned(),
    }
}

/// The batch runs recorded in a folder, which may not be there yet.
fn runs(data: &Path) -> Vec<Value> {
    let output = pulso().args(["export", "batch-runs", "--data"]).arg(data).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the moment of the kill is real time; nothing is asserted on it"
)]
fn now() -> Instant {
    Instant::now()
}
