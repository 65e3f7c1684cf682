use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::ops::Range;

use serde_json::Value;

use super::*;
use crate::posts::Protocol;
use crate::posts::world::HASHTAGS_MAX;

const START_MS: i64 = 1_767_225_600_000;

fn config(seed: u64, per_second: u32) -> PostsConfig {
    let per_second = NonZeroU32::new(per_second).unwrap();
    let event_time = EventTime::Paced { start_ms: START_MS, per_second };
    PostsConfig { seed, event_time, ..PostsConfig::default() }
}

fn events(config: PostsConfig, count: usize) -> Vec<Event> {
    Generator::new(config, Clock::new(|| panic!("paced event time reads no clock")))
        .take(count)
        .collect()
}

fn payload(event: &Event) -> Value {
    let frame = event.frame(Protocol::Two).unwrap();
    serde_json::from_str::<Value>(&frame).unwrap()["payload"].take()
}

/// New posts and their records.
fn posts(events: &[Event]) -> impl Iterator<Item = (&Event, Value)> {
    let posts = events.iter().filter(|event| matches!(event.kind, Kind::Post | Kind::Spam));
    posts.map(|event| (event, payload(event)["record"].take()))
}

/// The hashtags of a record, as its author spelled them.
fn hashtags(record: &Value) -> Vec<String> {
    let facets = record["facets"].as_array().into_iter().flatten();
    let in_text = facets.filter_map(|facet| facet["features"][0]["tag"].as_str());
    let beside = record["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    in_text.chain(beside).map(str::to_owned).collect()
}

fn assert_share(what: &str, part: usize, whole: usize, bounds: Range<f64>) {
    let share = part as f64 / whole as f64;
    assert!(bounds.contains(&share), "share of {what} is {share:.4}, not in {bounds:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = events(config(7, 500), 3000);
    assert_eq!(first, events(config(7, 500), 3000));
    assert_ne!(first, events(config(8, 500), 3000));
    for protocol in [Protocol::One, Protocol::Two] {
        let frames = first.iter().filter_map(|event| event.frame(protocol));
        assert!(frames.into_iter().all(|frame| !frame.contains('\n')));
    }
}

#[test]
fn numbers_have_no_gap_and_times_little_disorder() {
    let all = events(config(1, 100), 20_000);
    let mut front_us = i64::MIN;
    let mut late = 0;
    for (number, event) in (FIRST_SEQ..).zip(&all) {
        assert_eq!(event.seq, number);
        late += usize::from(front_us > event.time_us + JITTER_US_MAX);
        front_us = front_us.max(event.time_us);
    }
    assert_share("late events", late, all.len(), 0.001..0.004);
    assert!((START_MS + 199_000..START_MS + 201_000).contains(&(front_us / 1000)));
}

#[test]
fn everything_that_the_network_says_is_mixed_in() {
    let all = events(config(2, 100), 20_000);
    let count = |kind| all.iter().filter(|event| event.kind == kind).count();
    assert_share("posts", count(Kind::Post) + count(Kind::Spam), all.len(), 0.42..0.48);
    assert_share("repeats", count(Kind::Repeat), all.len(), 0.002..0.006);
    assert_share("malformed ones", count(Kind::Malformed), all.len(), 0.0001..0.0015);
    let mut seen: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for event in all.iter().filter(|event| event.kind != Kind::Malformed) {
        let payload = payload(event);
        let text = |name: &str| payload[name].as_str().unwrap_or("").to_owned();
        *seen.entry((text("$type"), text("collection"), text("operation"))).or_default() += 1;
        assert_eq!(payload["record"].is_object(), !matches!(&*text("operation"), "delete" | ""));
        assert_eq!(payload["seq"].as_u64(), Some(event.seq));
    }
    let has = |name: &str, collection: &str, operation: &str| {
        let key = (
            format!("network.bsky.jetstream.subscribeEvents#{name}"),
            collection.to_owned(),
            operation.to_owned(),
        );
        assert!(seen.contains_key(&key), "{key:?} is not in {seen:?}");
    };
    for operation in ["create", "update", "delete"] {
        has("commit", "app.bsky.feed.post", operation);
    }
    for collection in ["feed.like", "feed.repost", "graph.follow", "graph.block"] {
        has("commit", &format!("app.bsky.{collection}"), "create");
        has("commit", &format!("app.bsky.{collection}"), "delete");
    }
    has("commit", "app.bsky.actor.profile", "update");
    for name in ["identity", "account", "sync"] {
        has(name, "", "");
    }
}

#[test]
fn both_versions_say_the_same() {
    for event in events(config(3, 100), 5000) {
        let two = event.frame(Protocol::Two).unwrap();
        let Some(one) = event.frame(Protocol::One) else {
            assert_eq!(event.name(), "sync");
            continue;
        };
        let parsed = |text: &str| serde_json::from_str::<Value>(text);
        let (Ok(one), Ok(two)) = (parsed(&one), parsed(&two)) else {
            assert_eq!(event.kind, Kind::Malformed);
            continue;
        };
        if event.kind == Kind::Malformed {
            continue;
        }
        let two = &two["payload"];
        assert_eq!(one["did"], two["did"]);
        assert_eq!(one["cursor"], two["seq"]);
        assert_eq!(one["time_us"], event.time_us);
        let time = chrono::DateTime::parse_from_rfc3339(two["time"].as_str().unwrap()).unwrap();
        assert_eq!(time.timestamp_micros(), event.time_us);
        if let Some(commit) = one.get("commit") {
            for name in ["rev", "operation", "collection", "rkey", "record", "cid"] {
                assert_eq!(commit.get(name), two.get(name), "{name}");
            }
        } else {
            assert_eq!(one[event.name()], two[event.name()]);
        }
    }
}

#[test]
fn hashtags_follow_zipf_however_many_there_are() {
    for count in [1000, HASHTAGS_MAX] {
        let config =
            PostsConfig { hashtags: count, post_share: 1.0, odd_share: 0.0, ..config(4, 100) };
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for (_, record) in posts(&events(config, 30_000)) {
            for tag in hashtags(&record) {
                *uses.entry(tag.to_lowercase()).or_default() += 1;
            }
        }
        let all: usize = uses.values().sum();
        let mut counts: Vec<_> = uses.values().copied().collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        assert_share("posts with a hashtag", all, 30_000, 0.3..0.7);
        assert_share("the most common hashtag", counts[0], all, 0.005..0.12);
        assert!(counts[0] > 4 * counts[40], "{:?}", &counts[..50]);
        assert!(counts.len() > if count == 1000 { 700 } else { 3000 }, "{} hashtags", counts.len());
    }
}

#[test]
fn spam_repeats_one_hashtag_a_thousand_times_and_a_burst_has_many_authors() {
    let all = events(config(5, 110), 66_000);
    let mut uses: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut authors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (event, record) in posts(&all) {
        for tag in hashtags(&record) {
            let tag = tag.to_lowercase();
            *uses.entry((event.did.clone(), tag.clone())).or_default() += 1;
            if event.kind == Kind::Post {
                authors.entry(tag).or_default().insert(event.did.clone());
            }
        }
    }
    let most = uses.values().max().copied().unwrap();
    assert!(most > 1000, "the same hashtag {most} times by one account");
    let burst = Plan::new(5).of_slot(START_MS);
    let mut tag = String::new();
    let mut random = Random::new(1);
    let world = World::new(50_000, 1);
    crate::posts::world::push_hashtag(&mut tag, &mut random, world.rare_hashtag(burst.key));
    let count = authors[&tag.to_lowercase()].len();
    assert!(count > 300, "{count} authors of `{tag}`");
}

#[test]
fn records_are_as_the_lexicon_has_them() {
    let config = PostsConfig { odd_share: 0.0, ..config(6, 100) };
    let mut kinds = BTreeMap::new();
    let mut languages = BTreeSet::new();
    let all = events(config, 20_000);
    for (_, record) in posts(&all) {
        let text = record["text"].as_str().unwrap();
        assert!(record["createdAt"].is_string());
        languages.insert(record["langs"][0].as_str().unwrap_or("none").to_owned());
        for facet in record["facets"].as_array().into_iter().flatten() {
            let place =
                |name: &str| usize::try_from(facet["index"][name].as_u64().unwrap()).unwrap();
            let stretch = text.get(place("byteStart")..place("byteEnd")).unwrap();
            let feature = &facet["features"][0];
            match feature["$type"].as_str().unwrap().rsplit_once('#').unwrap().1 {
                "tag" => assert_eq!(stretch, format!("#{}", feature["tag"].as_str().unwrap())),
                "mention" => assert!(stretch.ends_with(".example"), "{stretch}"),
                _ => assert!(feature["uri"].is_string()),
            }
        }
        let kind = match (record.get("reply"), record["embed"]["$type"].as_str()) {
            (Some(reply), _) => {
                assert!(reply["root"]["uri"].as_str().unwrap().starts_with("at://did:plc:"));
                "reply"
            }
            (None, Some("app.bsky.embed.record" | "app.bsky.embed.recordWithMedia")) => "quote",
            _ => "post",
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    let count: usize = kinds.values().sum();
    assert_share("replies", kinds["reply"], count, 0.30..0.37);
    assert_share("quotes", kinds["quote"], count, 0.03..0.07);
    assert!(languages.len() > 20 && languages.contains("none"), "{languages:?}");
}

#[test]
fn malformed_messages_are_malformed_in_both_versions() {
    let broken = PostsConfig { malformed_share: 1.0, post_share: 1.0, ..config(7, 100) };
    let usable = |frame: &str| -> Option<()> {
        let frame: Value = serde_json::from_str(frame).ok()?;
        let (envelope, commit) = match frame.get("payload") {
            Some(payload) => (payload, payload),
            None => (&frame, frame.get("commit")?),
        };
        envelope["did"].as_str()?;
        ["rkey", "rev"].into_iter().try_for_each(|name| commit[name].as_str().map(drop))?;
        commit["record"]["text"].as_str()?;
        (commit["operation"] == "create").then_some(())
    };
    let mut count = 0;
    for event in events(broken, 3000).iter().filter(|event| event.kind == Kind::Malformed) {
        count += 1;
        for protocol in [Protocol::One, Protocol::Two] {
            let frame = event.frame(protocol).unwrap();
            assert_eq!(usable(&frame), None, "{frame}");
        }
    }
    assert!(count > 2000, "{count} malformed messages");
}

#[test]
fn a_live_stream_has_the_clocks_time_and_numbers_that_no_run_before_had() {
    let config = PostsConfig { late_share: 0.0, ..PostsConfig::default() };
    let live = |now_ms: i64| Generator::new(config.clone(), Clock::new(move || now_ms));
    let first: Vec<_> = live(START_MS).take(100).collect();
    let range = START_MS * 1000 - JITTER_US_MAX..START_MS * 1000 + 100;
    assert!(first.iter().all(|event| range.contains(&event.time_us)));
    let second = live(START_MS + 1000).next().unwrap();
    assert!(second.seq > first[99].seq && second.seq < 1_000_000_000_000_000);
}
