use std::path::Path;
use std::time::Duration;

use super::*;

const MARGIN: Duration = Duration::from_secs(10);

/// A time in 2026.
const TIME: EventTime = EventTime(1_795_685_363_208);

fn url(address: &str) -> Uri {
    address.parse().unwrap()
}

fn one() -> Uri {
    url("wss://one.example/subscribe?wantedCollections=app.bsky.feed.post")
}

fn two(host: &str) -> Uri {
    url(&format!("wss://{host}{}?kinds=commit", Protocol::JETSTREAM_2))
}

fn numbered() -> Place {
    Place { time: TIME, number: Some(Number { seq: 4000, host: "two.example".into() }), id: None }
}

/// The cursor that a server is asked for.
fn asked(url: &Uri, start: Start<'_>) -> Option<String> {
    let request = request(url, start);
    let query = request.url.query()?.to_owned();
    let (before, cursor) = query.split_once("&cursor=")?;
    assert_eq!(Some(before), url.query(), "the rest stays");
    Some(cursor.to_owned())
}

#[test]
fn version_1_goes_on_by_time_in_microseconds() {
    let place = numbered();
    assert_eq!(asked(&one(), Start::Before(&place, MARGIN)).unwrap(), "1795685353208000");
    assert_eq!(asked(&one(), Start::After(&place)).unwrap(), "1795685363208000");
    assert_eq!(request(&one(), Start::Live).url, one());
    assert_eq!(request(&one(), Start::Live).subprotocol, None);
    let bare = request(&url("ws://a/subscribe"), Start::After(&place)).url;
    assert_eq!(bare, "ws://a/subscribe?cursor=1795685363208000");
}

#[test]
fn version_2_goes_on_by_number_on_the_same_host_and_by_time_on_another() {
    let place = numbered();
    let (same, other) = (two("two.example"), two("three.example"));
    assert_eq!(asked(&same, Start::Before(&place, MARGIN)).unwrap(), "4000", "inclusive");
    assert_eq!(asked(&same, Start::After(&place)).unwrap(), "4001");
    assert!(request(&same, Start::Before(&place, MARGIN)).by_number);
    for url in [&other, &two("two.example:444")] {
        assert_eq!(asked(url, Start::Before(&place, MARGIN)).unwrap(), "1795685353208000");
        assert!(!request(url, Start::Before(&place, MARGIN)).by_number);
    }
    let unnumbered = Place { number: None, ..place };
    assert_eq!(asked(&same, Start::Before(&unnumbered, MARGIN)).unwrap(), "1795685353208000");
    let early = Place { time: EventTime(5), number: None, id: None };
    let first = asked(&same, Start::After(&early)).unwrap();
    assert_eq!(first, "1000000000000000", "no time that would be taken for a number");
    assert_eq!(request(&same, Start::Live).url, same);
    assert_eq!(request(&same, Start::Live).subprotocol, Some("xrpc.v1.json"));
}

#[test]
fn cursors_read_back_and_other_text_does_not() {
    for known in [numbered(), Place { number: None, ..numbered() }] {
        assert_eq!(place(&cursor(&known)), Some(known));
    }
    assert_eq!(&*cursor(&numbered()), "1795685363208 4000 two.example");
    for text in ["", "x", "1 x two.example", "-"] {
        assert_eq!(place(text), None, "{text}");
    }
}

fn mark(time: EventTime, seq: Option<u64>) -> Frame {
    Frame::Message(Some(Mark { time, seq }))
}

#[test]
fn a_frame_is_a_message_unless_it_speaks_of_the_connection() {
    let event = |name: &str, rest: &str| {
        let event_type = format!("network.bsky.jetstream.subscribeEvents#{name}");
        format!(r#"{{"payload":{{"$type":"{event_type}"{rest}}},"$type":"message"}}"#)
    };
    let place = r#","seq":4000,"time":"2026-11-26T09:29:23.208344Z""#;
    for name in ["commit", "identity", "account", "sync", "new"] {
        assert_eq!(read(event(name, place).as_bytes()), mark(TIME, Some(4000)), "{name}");
    }
    let said = read(event("info", r#","name":"OutdatedCursor","message":"too old""#).as_bytes());
    assert_eq!(said, Frame::Info("OutdatedCursor: too old".to_owned()));
    let said = read(br#"{"$type":"error","error":"ConsumerTooSlow","message":"read faster"}"#);
    let farewell =
        Farewell { error: CONSUMER_TOO_SLOW.to_owned(), message: "read faster".to_owned() };
    assert_eq!(said, Frame::Error(farewell));
    let first = br#"{"did":"did:plc:a","time_us":1795685363208344,"cursor":1,"kind":"account"}"#;
    assert_eq!(read(first), mark(TIME, None));
}

/// It is stored as it came.
#[test]
fn what_cannot_be_read_is_a_message_without_a_place() {
    let deep = "[".repeat(100_000);
    let frames: [&[u8]; 6] = [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        deep.as_bytes(),
        br#"{"$type":"message","payload":{"$type":"x#commit","seq":"4","time":"now"}}"#,
    ];
    for frame in frames {
        assert_eq!(read(frame), Frame::Message(None), "{frame:?}");
    }
}

#[test]
fn recorded_frames_have_places() {
    let folder = Path::new("../../../shared/data/jetstream");
    if !folder.exists() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
        return;
    }
    for (file, numbered) in
        [("golden_v1.jsonl", false), ("v1-simulated.jsonl", false), ("v2-simulated.jsonl", true)]
    {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for line in text.lines() {
            let Frame::Message(Some(Mark { time, seq })) = read(line.as_bytes()) else {
                panic!("{line}")
            };
            assert!(time.0 > 1_700_000_000_000, "{line}");
            assert_eq!(seq.is_some(), numbered, "{line}");
        }
    }
}
