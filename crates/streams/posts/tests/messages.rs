//! Whole streams of messages: the real network's, the released server's, the simulator's.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;

use pulso_simulator::posts::{Generator, Kind, PostsConfig, Protocol};
use pulso_simulator::{Clock, EventTime as SimulatedTime};

use super::*;

/// Messages of the real network, and those of the released server on a simulated one.
#[test]
fn recorded_messages_decode() {
    let folder = Path::new("../../../shared/data/jetstream");
    if !folder.exists() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
        return;
    }
    let check = |file: &str, expected: &[(&str, usize)]| {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let outcome = match decode(line).unwrap() {
                Decoded::Fact(fact) => {
                    let Value::Text(did) = &fact.columns[0] else { panic!("{line}") };
                    assert_eq!(Posts.head(line.as_bytes()).key, Some(Key::Text(did.clone())));
                    assert_eq!(Posts.head(line.as_bytes()).time, Some(fact.time));
                    KINDS[usize::from(fact.kind)].to_owned()
                }
                Decoded::Skipped(reason) => reason.into_owned(),
            };
            *counts.entry(outcome).or_insert(0) += 1;
        }
        let expected = expected.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count));
        assert_eq!(counts, expected.collect(), "{file}");
    };
    check(
        "golden_v1.jsonl",
        &[("account", 1), ("identity", 1), ("other_collection", 7), ("reply", 1)],
    );
    check(
        "v1-simulated.jsonl",
        &[
            ("delete", 23),
            ("identity", 13),
            ("other_collection", 162),
            ("post", 181),
            ("update", 21),
        ],
    );
    check(
        "v2-simulated.jsonl",
        &[
            ("delete", 31),
            ("identity", 12),
            ("other_collection", 164),
            ("post", 160),
            ("update", 33),
        ],
    );
}

/// The simulator shares no code with the decoder: each checks the other.
#[test]
fn simulated_messages_decode_to_what_their_maker_meant() {
    let per_second = NonZeroU32::new(100).unwrap();
    let config = PostsConfig {
        event_time: SimulatedTime::Paced { start_ms: 1_767_225_600_000, per_second },
        odd_share: 0.1,
        malformed_share: 0.05,
        ..PostsConfig::default()
    };
    let mut kinds = [0; 3];
    let mut terms = [0; 2];
    for event in Generator::new(config, Clock::new(|| 0)).take(20_000) {
        let frames = [Protocol::One, Protocol::Two].map(|protocol| event.frame(protocol));
        let decoded = frames.each_ref().map(|frame| frame.as_deref().map(decode));
        match (event.kind, &decoded) {
            (Kind::Malformed, [Some(Err(_)), Some(Err(_))]) => {}
            (Kind::Other, [one, Some(Ok(two @ Decoded::Skipped(_)))]) => match one {
                None => assert_eq!(two, &Decoded::Skipped("sync".into())),
                Some(one) => assert_eq!(one.as_ref(), Ok(two)),
            },
            (
                Kind::Post | Kind::Spam | Kind::Repeat,
                [Some(Ok(one @ Decoded::Fact(fact))), Some(Ok(two))],
            ) => {
                assert_eq!(one, two);
                assert_eq!(fact.time.0, event.time_us.div_euclid(1000));
                assert_eq!(decoder().stream().actor(fact).as_deref(), Some(&*event.did));
                kinds[usize::from(fact.kind)] += 1;
                terms[0] += fact.terms[0].len();
                terms[1] += fact.terms[1].len();
            }
            (kind, other) => panic!("{kind:?}: {other:?}: {frames:?}"),
        }
    }
    assert!(kinds.iter().all(|count| *count > 100), "posts, replies, quotes: {kinds:?}");
    assert!(terms.iter().all(|count| *count > 1000), "hashtags, domains: {terms:?}");
}

#[test]
fn spellings_that_look_alike_are_one_hashtag() {
    let config = PostsConfig { hashtags: 200, post_share: 1.0, ..PostsConfig::default() };
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in Generator::new(config, Clock::new(|| 0)).take(20_000) {
        let frame = event.frame(Protocol::Two).unwrap();
        if let Ok(Decoded::Fact(fact)) = decode(&frame) {
            for term in &fact.terms[0] {
                names.entry(term.key.to_string()).or_default().push(term.name.to_string());
            }
        }
    }
    let spellings = names.values_mut().map(|names| {
        names.sort();
        names.dedup();
        names.len()
    });
    assert!(spellings.max() > Some(2), "{names:?}");
    assert!(names.len() < 210, "{} keys of 200 hashtags", names.len());
}
