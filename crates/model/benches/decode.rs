//! How fast messages are parsed: the limit for everything that reads them.
//!
//! Each parser reads the same fields, those that [`pulso_model::decode`] uses, into owned text or text
//! that borrows from the message where it can. `decode` itself is beside them.
//!
//! `cargo bench -p pulso-model --bench decode` measures time; with `-- cpu [FILE]` it prints CPU
//! seconds per million messages, for comparing with whole programs. Without a file the recording
//! beside the repository is read, and a made-up stream where there is none.

use std::borrow::Cow;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::path::Path;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use pulso_model::{WallTime, decode};
use pulso_simulator::{Clock, EventTime, Generator, SyntheticConfig};
use serde::Deserialize;

/// How many messages the CPU seconds are of.
const MILLION: usize = 1_000_000;

/// After the times of all messages.
const LOG_TIME: WallTime = WallTime(4_000_000_000_000);

const RECORDING: &str = "../../../shared/data/rsvps/wbaa-2017-03-19.jsonl";

type Parse = fn(&[u8]) -> bool;

const PARSERS: [(&str, Parse); 5] = [
    ("serde_json, owned", |message| {
        let parsed = serde_json::from_slice::<Message<String>>(message);
        black_box(parsed).is_ok()
    }),
    ("serde_json, borrowed", |message| {
        let parsed = serde_json::from_slice::<Message<Text<'_>>>(message);
        black_box(parsed).is_ok()
    }),
    ("sonic-rs, owned", |message| {
        let parsed = sonic_rs::from_slice::<Message<String>>(message);
        black_box(parsed).is_ok()
    }),
    ("sonic-rs, borrowed", |message| {
        let parsed = sonic_rs::from_slice::<Message<Text<'_>>>(message);
        black_box(parsed).is_ok()
    }),
    ("decode", |message| black_box(decode(message, LOG_TIME)).is_ok()),
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    if arguments.next().as_deref() != Some("cpu") {
        return divan::main();
    }
    let messages = messages(arguments.next().as_deref().map(Path::new));
    for (name, parse) in PARSERS {
        let begin = cpu_seconds();
        let parsed = messages.iter().cycle().take(MILLION).filter(|message| parse(message)).count();
        let seconds = cpu_seconds() - begin;
        println!("{name}: {seconds:.3} CPU seconds for 1 million messages ({parsed} are valid)");
    }
}

#[divan::bench(args = PARSERS.iter().map(|(name, _)| *name))]
fn parse(bencher: Bencher<'_, '_>, name: &str) {
    let found = PARSERS.iter().find(|(other, _)| *other == name);
    let (_, parse) = found.expect("the names are from the list");
    let messages = messages(None);
    let bytes: usize = messages.iter().map(Vec::len).sum();
    bencher
        .counter(ItemsCount::new(messages.len()))
        .counter(BytesCount::new(bytes))
        .bench_local(|| messages.iter().filter(|message| parse(message)).count());
}

/// At most a million, one per line of the file.
fn messages(file: Option<&Path>) -> Vec<Vec<u8>> {
    let recording = Path::new(RECORDING);
    let path = file.unwrap_or(recording);
    match std::fs::read(path) {
        Ok(text) => {
            let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            lines.take(MILLION).map(<[u8]>::to_vec).collect()
        }
        Err(error) if file.is_none() => {
            eprintln!("made up, as there is no recording `{}`: {error}", path.display());
            made_up().take(10_000).collect()
        }
        Err(error) => panic!("failed to read `{}`: {error}", path.display()),
    }
}

fn made_up() -> impl Iterator<Item = Vec<u8>> {
    let per_second = NonZeroU32::new(500).expect("it is not zero");
    let event_time = EventTime::Paced { start_ms: 1_489_924_800_000, per_second };
    let config = SyntheticConfig { event_time, malformed_share: 0.0, ..SyntheticConfig::default() };
    Generator::new(config, Clock::system()).map(|message| message.payload.into_bytes())
}

/// What this thread has used. Other programs on the machine do not change it, as they do time.
fn cpu_seconds() -> f64 {
    let used = std::fs::read_to_string("/proc/thread-self/schedstat");
    let used = used.expect("CPU seconds are known on Linux only");
    let nanoseconds = used.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.expect("the first field is a number") / 1e9
}

#[expect(dead_code, reason = "reading a field takes its time whether it is used or not")]
#[derive(Debug, Deserialize)]
struct Message<T> {
    rsvp_id: i64,
    mtime: i64,
    response: T,
    guests: i64,
    member: Member<T>,
    event: Event<T>,
    group: Group<T>,
    venue: Option<Venue<T>>,
}

#[expect(dead_code, reason = "as above")]
#[derive(Debug, Deserialize)]
struct Member<T> {
    member_id: i64,
    member_name: Option<T>,
}

#[expect(dead_code, reason = "as above")]
#[derive(Debug, Deserialize)]
struct Event<T> {
    event_id: T,
    event_name: Option<T>,
    event_url: Option<T>,
    time: Option<i64>,
}

#[expect(dead_code, reason = "as above")]
#[derive(Debug, Deserialize)]
struct Group<T> {
    group_id: i64,
    group_name: Option<T>,
    group_urlname: Option<T>,
    group_city: Option<T>,
    group_state: Option<T>,
    group_country: T,
    group_lat: f64,
    group_lon: f64,
    group_topics: Vec<Topic<T>>,
}

#[expect(dead_code, reason = "as above")]
#[derive(Debug, Deserialize)]
struct Topic<T> {
    urlkey: T,
    topic_name: Option<T>,
}

#[expect(dead_code, reason = "as above")]
#[derive(Debug, Deserialize)]
struct Venue<T> {
    venue_id: Option<i64>,
    venue_name: Option<T>,
    lat: Option<f64>,
    lon: Option<f64>,
}

/// `Cow` by itself never borrows.
#[expect(dead_code, reason = "as above")]
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
