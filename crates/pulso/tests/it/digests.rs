//! Every document of the stream `rsvps` is byte for byte what it was before Pulso knew other streams; its
//! trends, what they have been since decision 045.

use std::path::Path;

use pulso_model::View;
use pulso_testkit::view;
use serde_json::Value;

use crate::support::{export, recording_from, replay};

/// By view and layer; the first is of the recording itself.
const DIGESTS: &str = include_str!("digests.txt");

/// 2026-01-04T23:20:00Z: the recording goes on for 42 minutes, into the next day.
const START_MS: i64 = 1_767_568_800_000;

/// FNV-1a, which needs no library and is the same on every machine.
fn digest(text: &str) -> String {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
}

/// Some fields of a journal's documents: others say when this replay was, or are newer.
fn projected(journal: View, fields: &[&str], data: &Path) -> String {
    let mut lines = String::new();
    for line in export(journal, "current", data).lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        assert_eq!(document["stream"], "rsvps", "{line}");
        let values = fields.iter().map(|field| match &document[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        lines.push_str(&values.collect::<Vec<_>>().join("\t"));
        lines.push('\n');
    }
    lines
}

fn documents(name: &str, layer: &str, data: &Path) -> String {
    match name {
        "dead-letters" => {
            let fields = ["partition", "offset", "reason", "detail", "payload"];
            projected(View::DEAD_LETTERS, &fields, data)
        }
        "late-facts" => {
            projected(View::LATE_FACTS, &["@timestamp", "partition", "offset", "scope"], data)
        }
        _ => export(view(name), layer, data),
    }
}

#[test]
fn every_document_is_what_it_was_before_there_were_other_streams() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording_from(START_MS, folder.path(), 5, 10_000, 4);
    let data = folder.path().join("data");
    replay(&recording, &data);
    let mut views = Vec::new();
    let mut different = Vec::new();
    for line in DIGESTS.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split(' ').collect();
        let [name, layer, count, expected] = words[..] else { panic!("no digest: {line}") };
        let text = match name {
            "recording" => std::fs::read_to_string(&recording).unwrap(),
            _ => documents(name, layer, &data),
        };
        let found = (text.lines().count().to_string(), digest(&text));
        assert!(
            name != "recording" || found.1 == expected,
            "the simulator makes another recording"
        );
        if found != (count.to_owned(), expected.to_owned()) {
            different.push(format!("{line}: {found:?}"));
        }
        views.push(name);
    }
    assert_eq!(different, [""; 0]);
    let missing = pulso_testkit::stream().views().into_iter().find(|v| !views.contains(&v.name()));
    assert_eq!(missing, None, "a view without a digest");
}
