//! Running the program, and input for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pulso_model::View;
use pulso_simulator::{Clock, EventTime, Generator, SyntheticConfig, posts};
use pulso_testkit::view;

/// A Monday, so that examples are easy to read: 2026-01-05T00:00:00Z.
const START_MS: i64 = 1_767_571_200_000;

/// The program, with the default configuration unless a test names another.
pub(crate) fn pulso() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulso"));
    // A user's own settings must not change what is tested: neither the environment nor a
    // `pulso.toml` where the tests are started.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PULSO__")) {
        command.env_remove(name);
    }
    command.env("RUST_BACKTRACE", "1").current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs to the end; panics with everything it said when the exit code is another.
#[track_caller]
pub(crate) fn run(code: i32, command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}\nstdout: {}\nstderr: {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// Runs with something wrong; the error must have all of `parts`.
#[track_caller]
pub(crate) fn check(code: i32, args: &[&str], parts: &[&str]) {
    let output = run(code, pulso().args(args));
    let stderr = String::from_utf8(output.stderr).unwrap();
    for part in parts {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
    assert!(!stderr.contains('\u{1b}'), "plain where it is no terminal: {stderr:?}");
}

/// Replays a recording into a folder.
#[track_caller]
pub(crate) fn replay(recording: &Path, data: &Path) -> serde_json::Value {
    replay_stream("rsvps", recording, data)
}

/// Replays a recording of a stream into a folder.
#[track_caller]
pub(crate) fn replay_stream(stream: &str, recording: &Path, data: &Path) -> serde_json::Value {
    let mut command = pulso();
    command.args(["replay", "--stream", stream]).arg(recording);
    command.args(["--output", "json"]).arg("--data").arg(data);
    serde_json::from_slice(&run(0, &mut command).stdout).unwrap()
}

#[track_caller]
pub(crate) fn verify(code: i32, data: &Path) -> String {
    verify_stream("rsvps", code, data)
}

#[track_caller]
pub(crate) fn verify_stream(stream: &str, code: i32, data: &Path) -> String {
    let output = run(code, pulso().args(["verify", "--stream", stream]).arg("--data").arg(data));
    String::from_utf8(output.stdout).unwrap()
}

/// A view as NDJSON.
#[track_caller]
pub(crate) fn export(view: View, layer: &str, data: &Path) -> String {
    let mut command = pulso();
    command.args(["export", view.name(), "--layer", layer]).arg("--data").arg(data);
    String::from_utf8(run(0, &mut command).stdout).unwrap()
}

/// Every view that is a function of the RSVPs alone, from each layer that writes it.
#[track_caller]
pub(crate) fn exports(data: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for view in [
        view("responses"),
        view("country-activity"),
        view("trending-topics"),
        view("trending-topics-by-country"),
    ] {
        for layer in ["speed", "batch", "current"] {
            all.push((format!("{view} {layer}"), export(view, layer, data)));
        }
    }
    let batch = ["groups", "events", "group-days", "event-days", "topic-pairs"];
    for view in batch.map(view) {
        all.push((view.to_string(), export(view, "batch", data)));
    }
    all
}

/// Compares two sets of exports without printing megabytes.
#[track_caller]
pub(crate) fn assert_same(found: &[(String, String)], expected: &[(String, String)]) {
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        let lines = found.lines().zip(expected.lines());
        let difference = lines.clone().find(|(found, expected)| found != expected);
        assert_eq!(difference, None, "{name}");
        assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
    }
}

/// Writes `messages` synthetic messages, `per_second` of them in a second of event time.
pub(crate) fn recording(folder: &Path, seed: u64, messages: usize, per_second: u32) -> PathBuf {
    recording_from(START_MS, folder, seed, messages, per_second)
}

/// The same from a time on.
pub(crate) fn recording_from(
    start_ms: i64,
    folder: &Path,
    seed: u64,
    messages: usize,
    per_second: u32,
) -> PathBuf {
    let event_time = paced(start_ms, per_second);
    let config = SyntheticConfig { seed, event_time, ..SyntheticConfig::default() };
    let messages = Generator::new(config, Clock::new(move || start_ms)).take(messages);
    let path = folder.join(format!("synthetic-{seed}.jsonl"));
    write(&path, messages.map(|message| message.payload))
}

/// Writes synthetic posts, as [`recording`] writes RSVPs.
pub(crate) fn recorded_posts(
    folder: &Path,
    seed: u64,
    messages: usize,
    per_second: u32,
) -> PathBuf {
    let event_time = paced(START_MS, per_second);
    let config = posts::PostsConfig { seed, event_time, ..posts::PostsConfig::default() };
    let events = posts::Generator::new(config, Clock::new(|| START_MS));
    let frames = events.filter_map(|event| event.frame(posts::Protocol::One)).take(messages);
    write(&folder.join(format!("posts-{seed}.jsonl")), frames)
}

fn paced(start_ms: i64, per_second: u32) -> EventTime {
    EventTime::Paced { start_ms, per_second: per_second.try_into().unwrap() }
}

fn write(path: &Path, messages: impl Iterator<Item = String>) -> PathBuf {
    let text: String = messages.map(|message| message + "\n").collect();
    std::fs::write(path, text).unwrap();
    path.to_owned()
}
