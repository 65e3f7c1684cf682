use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::*;
use crate::clock::Clock;
use crate::rsvps::generated::{Generated, rounded_second};

type Key = (Identity, i64);

fn line(rsvp_id: i64, response: &str, guests: i64, mtime_ms: i64) -> String {
    format!(
        r#"{{"response":"{response}","guests":{guests},"rsvp_id":{rsvp_id},"mtime":{mtime_ms},"group":{{"mtime":1}}}}"#
    )
}

fn recording(lines: &[String]) -> Recording {
    let mut recording = Recording::default();
    recording.append(&lines.join("\n"));
    recording
}

fn key(payload: &str) -> Option<Key> {
    let message = Message::parse(payload)?;
    Some((message.identity, rounded_second(message.mtime_ms)))
}

/// A step back of some months is lateness; a step back of many months begins another recording.
#[test]
fn an_older_recording_after_a_newer_one_is_not_late() {
    const DAY_MS: i64 = 86_400_000;
    let at = |id, ms| line(id, "yes", 0, 200 * DAY_MS + ms);
    let newer = [at(1, 0), at(2, 1000), at(3, -80 * DAY_MS)];
    let older = [at(4, -100 * DAY_MS), at(5, -100 * DAY_MS + 1000)];
    let recording = recording(&[newer.as_slice(), older.as_slice()].concat());
    let repeated = Repeated::new(recording, Some(0), NonZeroU32::new(1).unwrap());
    let times_ms: Vec<_> = repeated.take(5).map(|message| message.mtime_ms).collect();
    assert_eq!(times_ms, [0, 1000, 1000 - 80 * DAY_MS, 3000, 4000]);
}

/// The real recordings beside the workspace, if they exist.
fn real_recordings() -> Option<Vec<PathBuf>> {
    let folder = Path::new("../../../shared/data/rsvps");
    let files = ["wbaa-2017-03-19.jsonl", "linksim-2018-03-29.jsonl", "odd.jsonl"]
        .map(|name| folder.join(name));
    if files.iter().all(|file| file.exists()) {
        return Some(files.to_vec());
    }
    println!("skipped: the recordings are not at `../shared/data`");
    None
}

/// Checks that each pass groups messages into responses as the recording does, and shares no key
/// with another pass.
fn check_echo_relation(recording: &Recording, replayed: &[Generated]) {
    let mut all_keys = BTreeSet::new();
    for pass in replayed.chunks(recording.len()) {
        let mut new_of_old: BTreeMap<Key, Key> = BTreeMap::new();
        let mut pass_keys = BTreeSet::new();
        for (line, message) in recording.lines.iter().zip(pass) {
            let Line::Message(old) = line else { continue };
            let old_key = (old.identity.clone(), rounded_second(old.mtime_ms));
            let new_key = key(&message.payload).unwrap();
            let known = new_of_old.entry(old_key).or_insert_with(|| new_key.clone());
            assert_eq!(*known, new_key, "an echo is none any more");
            pass_keys.insert(new_key);
        }
        assert_eq!(pass_keys.len(), new_of_old.len(), "two responses have become one");
        for key in pass_keys {
            assert!(all_keys.insert(key), "two passes share a response");
        }
    }
}

/// The last state of every RSVP (largest `mtime` of the first of each response, ties to the later one).
fn last_states<'a>(payloads: impl Iterator<Item = &'a str>) -> BTreeMap<i64, (i64, Identity)> {
    let mut seen = BTreeSet::new();
    let mut states: BTreeMap<i64, (i64, Identity)> = BTreeMap::new();
    for message in payloads.filter_map(Message::parse) {
        if seen.insert((message.identity.clone(), rounded_second(message.mtime_ms))) {
            let state = states
                .entry(message.identity.rsvp_id)
                .or_insert((i64::MIN, message.identity.clone()));
            if message.mtime_ms >= state.0 {
                *state = (message.mtime_ms, message.identity);
            }
        }
    }
    states
}

fn repeated(recording: &Recording, per_second: u32, count: usize) -> Vec<Generated> {
    let per_second = NonZeroU32::new(per_second).unwrap();
    Repeated::new(recording.clone(), Some(1_700_000_000_000), per_second).take(count).collect()
}

#[test]
fn a_message_is_cut_at_its_two_numbers_and_keeps_all_other_bytes() {
    let text = r#"{"mtime":1489923634999, "e":"\"rsvp_id\":5", "rsvp_id" : 17,"guests":0,"response":"yes"}"#;
    let message = Message::parse(text).unwrap();
    assert_eq!(message.rewritten(0, message.mtime_ms), text);
    assert_eq!(message.rewritten(3, 5), text.replace("1489923634999", "5").replace(" 17,", " 20,"));
    for opaque in
        ["", "null", r#"{"rsvp_id":1}"#, r#"{"rsvp_id":"1","mtime":2,"guests":0,"response":"yes"}"#]
    {
        assert!(Message::parse(opaque).is_none(), "{opaque}");
    }
}

#[test]
fn the_first_pass_is_the_recording_and_later_passes_are_shifted_by_whole_seconds() {
    let lines = [
        line(10, "yes", 0, 1_000_400),
        line(12, "no", 0, 1_002_700),
        line(10, "yes", 0, 1_000_000),
    ];
    let recording = recording(&lines);
    let played: Vec<Generated> = Playback::new(recording.clone(), true, None).take(9).collect();
    for (line, message) in lines.iter().zip(&played) {
        assert_eq!(*line, message.payload);
    }
    assert_eq!(played[3].payload, line(13, "yes", 0, 1_003_400));
    assert_eq!(played[7].payload, line(18, "no", 0, 1_008_700));
    check_echo_relation(&recording, &played);
    assert_eq!(Playback::new(recording, false, None).count(), 3);
}

#[test]
fn a_playback_can_start_now() {
    let recording = recording(&[line(1, "yes", 0, 1_000_123), line(2, "no", 0, 1_001_456)]);
    let clock = Clock::new(|| 1_700_000_000_999);
    let played: Vec<i64> =
        Playback::new(recording, false, Some(clock)).map(|message| message.mtime_ms).collect();
    assert_eq!(played, [1_699_999_999_123, 1_700_000_000_456]);
}

#[test]
fn quick_changes_of_mind_stay_apart_when_time_is_compressed() {
    let lines = [
        line(1, "yes", 0, 1_000_100),
        line(1, "no", 0, 1_060_200),
        line(1, "yes", 0, 1_120_300),
        "not a message".to_owned(),
        line(1, "yes", 0, 1_000_000),
        line(1, "yes", 0, 1_120_300),
        line(1, "yes", 0, 1_120_000),
        line(1, "yes", 3, 1_120_400),
        line(2, "yes", 0, 1_100_000),
    ];
    let recording = recording(&lines);
    let replayed = repeated(&recording, 1000, 27);
    check_echo_relation(&recording, &replayed);
    assert_eq!(replayed[5].mtime_ms, replayed[2].mtime_ms);
    assert_eq!(replayed[6].mtime_ms, rounded_second(replayed[2].mtime_ms) * 1000);
    assert_eq!(replayed[3].payload, "not a message");
    let ahead_ms =
        replayed.iter().map(|message| message.mtime_ms).max().unwrap() - 1_700_000_000_027;
    assert!(ahead_ms <= 2000, "{ahead_ms} ms ahead");
    // As late as it was: 20.4 s, cut to the second.
    assert_eq!(replayed[8].mtime_ms, 1_699_999_979_000);
}

#[test]
fn repeating_the_real_recordings_keeps_echoes_and_states() {
    let Some(files) = real_recordings() else { return };
    let sets = [&files[..1], &files[1..2], &files[..2], &files[..]];
    for (set, per_second) in sets.iter().flat_map(|set| [1, 500, 100_000].map(|rate| (set, rate))) {
        let recording = Recording::read(set).unwrap();
        let replayed = repeated(&recording, per_second, recording.len() * 3);
        check_echo_relation(&recording, &replayed);
        let original: Vec<String> =
            Playback::new(recording.clone(), false, None).map(|m| m.payload).collect();
        let states = |payloads: &mut dyn Iterator<Item = &str>| -> Vec<(String, i64)> {
            last_states(payloads)
                .into_values()
                .map(|(_, state)| (state.response, state.guests))
                .collect()
        };
        let expected = states(&mut original.iter().map(String::as_str));
        for pass in replayed.chunks(recording.len()) {
            assert_eq!(states(&mut pass.iter().map(|message| message.payload.as_str())), expected);
        }
    }
}

#[test]
fn repeated_event_time_advances_at_the_rate_asked_for() {
    let Some(files) = real_recordings() else { return };
    let recording = Recording::read(&files[..1]).unwrap();
    let replayed = repeated(&recording, 500, 20_000);
    let mut within = 0;
    for (number, message) in (0_i64..).zip(&replayed) {
        let off_ms = message.mtime_ms - (1_700_000_000_000 + number * 2);
        assert!(off_ms <= 3000, "{off_ms} ms ahead");
        within += usize::from(off_ms > -1000);
    }
    assert!(within > 16_000, "{within} of 20000 are near their place");
}

#[test]
fn looping_the_real_recordings_keeps_echoes() {
    let Some(files) = real_recordings() else { return };
    for set in [&files[..1], &files[1..2]] {
        let recording = Recording::read(set).unwrap();
        let looped: Vec<Generated> =
            Playback::new(recording.clone(), true, None).take(recording.len() * 3).collect();
        check_echo_relation(&recording, &looped);
    }
}

#[test]
fn files_that_are_missing_or_empty_are_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "\n  \n").unwrap();
    for file in [folder.path().join("missing.jsonl"), empty] {
        assert_eq!(Recording::read(&[file]).unwrap_err().exit_code(), 4);
    }
}
