//! How fast messages decode, beside what parsing alone takes.
//!
//! `parse` reads the fields of a fact with sonic-rs into structs that borrow from the message, and does
//! nothing with them: the limit for everything that reads messages. A program in VRL may ask for any
//! field: its limit is parsing the message into a value that holds all of them. `decode` makes facts.
//! Lines of access logs are no JSON; `parse` cuts them at their spaces and quotes.
//!
//! `cargo bench -p pulso-streams --bench decode` measures time; with `-- cpu` it prints CPU seconds per
//! million messages, for comparing with whole programs; with `-- cpu visits`, of one stream. Messages are
//! the simulator's, the same in each run.

use std::hint::black_box;
use std::num::NonZeroU32;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use pulso_model::{Decoder, TimeLimits, WallTime};
use pulso_simulator::posts::{self, PostsConfig, Protocol};
use pulso_simulator::{Clock, EventTime, Generator, SyntheticConfig};
use pulso_streams::{Folder, Streams};

#[path = "decode/wire.rs"]
mod wire;

/// The last is decoded by a program in VRL.
const STREAMS: [&str; 4] = ["posts", "rsvps", "requests", "visits"];

/// How many different messages there are.
const MESSAGES: usize = 10_000;

/// How often the ways to read messages take turns, and how many messages a turn is: the kernel counts
/// CPU time in steps of some milliseconds.
const ROUNDS: usize = 15;
const TURN: usize = 100_000;

/// Not compared with anything: there are no limits.
const LOG_TIME: WallTime = WallTime(0);

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    if arguments.next().as_deref() != Some("cpu") {
        return divan::main();
    }
    let only = arguments.next();
    let asked = |stream: &&str| only.as_ref().is_none_or(|only| only == stream);
    STREAMS.into_iter().filter(asked).for_each(cpu);
}

#[divan::bench(args = STREAMS)]
fn parse(bencher: Bencher<'_, '_>, stream: &str) {
    measure(bencher, &messages(stream), |message| parses(stream, message));
}

#[divan::bench(args = STREAMS)]
fn decode(bencher: Bencher<'_, '_>, stream: &str) {
    let decoder = decoder(stream);
    measure(bencher, &messages(stream), |message| decodes(&decoder, message));
}

/// What acquisition reads of each message.
#[divan::bench(args = STREAMS)]
fn head(bencher: Bencher<'_, '_>, stream: &str) {
    let decoder = decoder(stream);
    measure(bencher, &messages(stream), |message| has_head(&decoder, message));
}

fn measure(bencher: Bencher<'_, '_>, messages: &[String], read: impl Fn(&[u8]) -> bool) {
    let bytes: usize = messages.iter().map(String::len).sum();
    bencher
        .counter(ItemsCount::new(messages.len()))
        .counter(BytesCount::new(bytes))
        .bench_local(|| messages.iter().filter(|message| read(message.as_bytes())).count());
}

/// Whether a message can be read in some way.
type Reads<'r> = dyn Fn(&[u8]) -> bool + 'r;

/// The ways to read messages take turns, so that a machine that is slow for a while is so for all of
/// them, and each is worth its median round.
fn cpu(stream: &str) {
    let (messages, decoder) = (messages(stream), decoder(stream));
    let ways: [(&str, &Reads<'_>); 3] = [
        ("parse", &|message| parses(stream, message)),
        ("head", &|message| has_head(&decoder, message)),
        ("decode", &|message| decodes(&decoder, message)),
    ];
    let mut rounds = ways.map(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for ((_, read), rounds) in ways.iter().zip(&mut rounds) {
            let begin = cpu_seconds();
            let turn = messages.iter().cycle().take(TURN);
            let read = turn.filter(|message| read(message.as_bytes())).count();
            rounds.push(cpu_seconds() - begin);
            assert_eq!(read, TURN, "every message of {stream} can be read");
        }
    }
    for ((way, _), mut rounds) in ways.into_iter().zip(rounds) {
        rounds.sort_by(f64::total_cmp);
        let seconds = rounds[ROUNDS / 2] * (1e6 / TURN as f64);
        println!("{stream}, {way}: {seconds:.3} CPU seconds for 1 million messages");
    }
}

fn parses(stream: &str, message: &[u8]) -> bool {
    match stream {
        "posts" => black_box(sonic_rs::from_slice::<wire::Frame<'_>>(message)).is_ok(),
        "requests" => {
            let fields = message.split(|byte| matches!(byte, b' ' | b'"' | b'[' | b']'));
            black_box(fields.map(<[u8]>::len).max()).is_some()
        }
        "visits" => black_box(serde_json::from_slice::<vrl::value::Value>(message)).is_ok(),
        _ => black_box(sonic_rs::from_slice::<wire::Rsvp<'_>>(message)).is_ok(),
    }
}

fn decodes(decoder: &Decoder, message: &[u8]) -> bool {
    black_box(decoder.decode(message, LOG_TIME)).is_ok()
}

fn has_head(decoder: &Decoder, message: &[u8]) -> bool {
    black_box(decoder.head(message)).key.is_some()
}

fn decoder(stream: &str) -> Decoder {
    let files = [
        ("stream.toml", include_str!("decode/visits/stream.toml")),
        ("decode.vrl", include_str!("decode/visits/decode.vrl")),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    let visits = Folder { path: "visits".into(), files };
    let (streams, problems) = Streams::brought().with_folders(&[visits]);
    assert_eq!(problems, []);
    streams.get(stream).expect("it is one of `STREAMS`").decoder(TimeLimits::NONE)
}

fn messages(stream: &str) -> Vec<String> {
    let per_second = NonZeroU32::new(500).expect("it is not zero");
    let event_time = EventTime::Paced { start_ms: 1_489_924_800_000, per_second };
    match stream {
        "posts" => {
            let config = PostsConfig {
                event_time,
                post_share: 1.0,
                odd_share: 0.0,
                malformed_share: 0.0,
                ..PostsConfig::default()
            };
            let events = posts::Generator::new(config, Clock::system());
            let new = events.filter(|event| event.kind != posts::Kind::Other);
            new.filter_map(|event| event.frame(Protocol::Two)).take(MESSAGES).collect()
        }
        "requests" => (0..MESSAGES).map(request).collect(),
        "visits" => (0..MESSAGES).map(visit).collect(),
        _ => {
            let config =
                SyntheticConfig { event_time, malformed_share: 0.0, ..SyntheticConfig::default() };
            let messages = Generator::new(config, Clock::system());
            messages.map(|message| message.payload).take(MESSAGES).collect()
        }
    }
}

/// A line of the combined format as it is stored, 240 bytes each, of some hundred user agents.
fn request(number: usize) -> String {
    let (page, agent, second) = (number % 1009, number % 127, number / 50 % 60);
    format!(
        r#"country:DE 192.0.{}.0 - - [19/Mar/2017:12:11:{second:02} +0000] "GET /pages/{page}.html?id={number} HTTP/1.1" 200 {} "http://www.site{}.example/pages/{page}" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{agent}.0.0.0 Safari/537.36""#,
        number % 251,
        number * 7,
        number % 97,
    )
}

/// As a shortener of links tells of them, 500 bytes each.
fn visit(number: usize) -> String {
    let (site, page) = (number % 97, number % 1009);
    let referrer = if number.is_multiple_of(3) {
        "direct".to_owned()
    } else {
        format!(r"https:\/\/social{}.example\/l\/7AQEFzjSi\/go.example\/{page}", number % 31)
    };
    format!(
        r#"{{ "a": "Mozilla\/5.0 (X11; Linux x86_64) AppleWebKit\/535.11 (KHTML, like Gecko) Chrome\/17.0.963.78 Safari\/535.11", "c": "DE", "nk": {}, "tz": "Europe\/Berlin", "gr": "16", "g": "A6qO{page}", "h": "wfLQ{page}", "l": "orofrog", "al": "en-US,en;q=0.8", "hh": "go.example", "r": "{referrer}", "u": "http:\/\/www.site{site}.example\/pages\/{page}?id={number}", "t": {}, "hc": 1331822918, "cy": "Jena", "ll": [ 50.{page}, 11.{site} ] }}"#,
        number % 2,
        1_331_923_247 + number / 50,
    )
}

/// What this thread has used. Other programs on the machine do not change it, as they do time.
fn cpu_seconds() -> f64 {
    let used = std::fs::read_to_string("/proc/thread-self/schedstat");
    let used = used.expect("CPU seconds are known on Linux only");
    let nanoseconds = used.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.expect("the first field is a number") / 1e9
}
