//! What is left of a redacted message, whatever stream it is of: the same fact, and nothing more.

use std::num::NonZeroU32;
use std::path::Path;

use pulso_model::{
    Decoded, Decoder, Fact, Part, Renaming, StoreOptions, TimeLimits, WallTime, redact,
};
use pulso_simulator::posts::{self, PostsConfig, Protocol};
use pulso_simulator::{Clock, EventTime, Generator, SyntheticConfig};
use serde_json::Value as Json;

use crate::{BROUGHT, Streams};

const NOW: WallTime = WallTime(1_800_000_000_000);
const SECRET: &str = "a-word-that-nobody-needs";
const MESSAGES: usize = 200;

/// Some messages of each stream, made up.
fn samples() -> Vec<(Decoder, Vec<String>)> {
    let per_second = NonZeroU32::new(10).unwrap();
    let event_time = EventTime::Paced { start_ms: 1_767_225_600_000, per_second };
    let sample = |stream: &str| match stream {
        "posts" => {
            let config = PostsConfig { event_time, ..PostsConfig::default() };
            let events = posts::Generator::new(config, Clock::system());
            let protocols = [Protocol::One, Protocol::Two].into_iter().cycle();
            let frames = events.zip(protocols).filter_map(|(event, version)| event.frame(version));
            frames.take(MESSAGES).collect()
        }
        "rsvps" => {
            let config = SyntheticConfig { event_time, ..SyntheticConfig::default() };
            Generator::new(config, Clock::system())
                .take(MESSAGES)
                .map(|message| message.payload)
                .collect()
        }
        "requests" => {
            let text = std::fs::read_to_string("requests/sample.log").unwrap();
            let options = StoreOptions { anonymize_addresses: true, host: None };
            let stored = |line: &str| decoder("requests").stored(line.as_bytes(), &options);
            text.lines().map(|line| String::from_utf8(stored(line).unwrap()).unwrap()).collect()
        }
        declared => {
            let text = std::fs::read_to_string(Path::new(declared).join("sample.ndjson")).unwrap();
            text.lines().take(MESSAGES).map(str::to_owned).collect()
        }
    };
    BROUGHT.iter().map(|brought| (decoder(brought.folder), sample(brought.folder))).collect()
}

fn decoder(stream: &str) -> Decoder {
    Streams::brought().get(stream).unwrap().decoder(TimeLimits::NONE)
}

#[track_caller]
fn redacted(decoder: &Decoder, message: &str, renaming: Option<&Renaming>) -> String {
    let redacted = redact(decoder, message.as_bytes(), NOW, renaming);
    let redacted = redacted.unwrap_or_else(|| panic!("{}: {message}", decoder.stream()));
    String::from_utf8(redacted).unwrap()
}

fn fact<'m>(decoder: &Decoder, message: &'m str) -> Option<Fact<'m>> {
    match decoder.decode(message.as_bytes(), NOW) {
        Ok(Decoded::Fact(fact)) => Some(fact),
        _ => None,
    }
}

/// Says the same with less, and cannot be cut again.
#[track_caller]
fn check(decoder: &Decoder, message: &str) -> String {
    let small = redacted(decoder, message, None);
    let outcomes = [message, &small].map(|message| decoder.decode(message.as_bytes(), NOW));
    match &outcomes {
        [Err(before), Err(after)] => assert_eq!(before.reason, after.reason, "{message}"),
        [before, after] => assert_eq!(before, after, "{message}"),
    }
    assert!(small.len() <= message.len(), "{small}: {message}");
    assert_eq!(redacted(decoder, &small, None), small, "{message}");
    small
}

#[test]
fn what_a_fact_does_not_need_is_gone_wherever_it_stood() {
    for (decoder, messages) in samples() {
        let mut facts = 0;
        for message in &messages {
            let Ok(mut json) = serde_json::from_str(message) else {
                check(&decoder, message);
                continue;
            };
            hide_secret(&mut json);
            let message = json.to_string();
            let small = check(&decoder, &message);
            assert!(!small.contains(SECRET), "{}: {small}: {message}", decoder.stream());
            facts += usize::from(fact(&decoder, &message).is_some());
        }
        assert!(facts > 20, "{}: {facts}", decoder.stream());
    }
}

fn hide_secret(json: &mut Json) {
    match json {
        Json::Object(members) => {
            members.values_mut().for_each(hide_secret);
            members.insert("extra".to_owned(), serde_json::json!([{"is": SECRET}, 7]));
        }
        Json::Array(items) => items.iter_mut().for_each(hide_secret),
        _ => {}
    }
}

#[test]
fn whoever_did_it_is_renamed() {
    for (decoder, messages) in samples() {
        let stream = decoder.stream();
        let mut renamed = 0;
        for message in &messages {
            let Some(before) = fact(&decoder, message) else { continue };
            let Some(actor) = stream.actor(&before) else { continue };
            let Some(renaming) = Renaming::new(stream, &actor, [7; 32]) else { continue };
            let small = redacted(&decoder, message, Some(&renaming));
            assert_eq!(fact(&decoder, &small), renaming.fact(&before), "{small}: {message}");
            renamed += 1;
        }
        let of_people = stream.actor.is_some_and(|at| stream.personal.contains(&Part::Column(at)));
        assert_eq!(renamed > 20, of_people, "{stream}: {renamed}");
    }
}

/// A post's own words are in no fact.
#[test]
fn texts_of_posts_are_gone() {
    let (decoder, messages) = samples().swap_remove(1);
    let mut texts = 0;
    for message in &messages {
        let json: Json = serde_json::from_str(message).unwrap_or_default();
        let record = json.pointer("/commit/record").or(json.pointer("/payload/record"));
        let Some(text) = record.and_then(|record| record["text"].as_str()) else { continue };
        let small = redacted(&decoder, message, None);
        for word in text.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic)) {
            texts += usize::from(word.len() > 3);
            assert!(word.len() <= 3 || !small.contains(&format!("{word} ")), "{small}: {message}");
        }
    }
    assert!(texts > 100, "{texts}");
}

/// Recordings are not ours to copy; they are read where they lie.
#[test]
fn recordings_are_redacted() {
    let folder = Path::new("../../../shared/data");
    if !folder.exists() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
        return;
    }
    let files = [
        ("posts", "jetstream/golden_v1.jsonl"),
        ("posts", "jetstream/v1-simulated.jsonl"),
        ("posts", "jetstream/v2-simulated.jsonl"),
        ("rsvps", "rsvps/wbaa-2017-03-19.jsonl"),
        ("rsvps", "rsvps/odd.jsonl"),
        ("requests", "access-logs/elastic-examples.apache_logs"),
        ("requests", "access-logs/nasa-jul95-first4000.common.log"),
        ("clicks", "usagov/pydata-book.example.txt"),
        ("open-events", "meetup-streams/open_events.embedded.jsonl"),
    ];
    for (stream, file) in files {
        let decoder = decoder(stream);
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for line in text.lines().take(MESSAGES) {
            check(&decoder, line);
        }
    }
}
