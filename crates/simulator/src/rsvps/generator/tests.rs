use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;

use super::*;

const START_MS: i64 = 1_767_225_600_000;

fn config(seed: u64, per_second: u32) -> SyntheticConfig {
    let event_time =
        EventTime::Paced { start_ms: START_MS, per_second: NonZeroU32::new(per_second).unwrap() };
    SyntheticConfig { seed, event_time, ..SyntheticConfig::default() }
}

fn messages(config: SyntheticConfig, count: usize) -> Vec<Generated> {
    Generator::new(config, Clock::new(|| panic!("paced event time reads no clock")))
        .take(count)
        .collect()
}

/// Messages and their parsed form, without the malformed ones.
fn parsed(messages: &[Generated]) -> impl Iterator<Item = (&Generated, Value)> {
    let valid = messages.iter().filter(|message| message.kind != Kind::Malformed);
    valid.map(|message| (message, serde_json::from_str(&message.payload).unwrap()))
}

fn assert_share(what: &str, part: usize, whole: usize, bounds: std::ops::Range<f64>) {
    let share = part as f64 / whole as f64;
    assert!(bounds.contains(&share), "share of {what} is {share:.4}, not in {bounds:?}");
}

fn quantile(sorted: &[usize], permille: usize) -> usize {
    sorted[(sorted.len() - 1) * permille / 1000]
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = messages(config(7, 500), 3000);
    assert_eq!(first, messages(config(7, 500), 3000));
    assert_ne!(first, messages(config(8, 500), 3000));
    assert!(first.iter().all(|message| !message.payload.contains('\n')));
}

#[test]
fn shares_and_sizes_are_those_of_the_recordings() {
    let messages = messages(config(1, 50), 20_000);
    let valid: Vec<_> = parsed(&messages).collect();
    let count = |condition: &dyn Fn(&Value) -> bool| {
        valid.iter().filter(|(_, value)| condition(value)).count()
    };
    let of_kind = |kind| messages.iter().filter(|message| message.kind == kind).count();
    let all = valid.len();
    assert_share("echoes", of_kind(Kind::Echo), messages.len(), 0.14..0.18);
    assert_share("repeats", of_kind(Kind::Repeat), messages.len(), 0.002..0.006);
    assert_share("changes", of_kind(Kind::Change), messages.len(), 0.01..0.08);
    assert_share("late ones", of_kind(Kind::Late), messages.len(), 0.01..0.03);
    assert_share("malformed ones", of_kind(Kind::Malformed), messages.len(), 0.0002..0.003);
    assert_share("yes", count(&|v| v["response"] == "yes"), all, 0.72..0.78);
    assert_share("no guests", count(&|v| v["guests"] == 0), all, 0.91..0.965);
    assert_share("messages without venue", count(&|v| v.get("venue").is_none()), all, 0.14..0.20);
    assert_share(
        "messages without photo",
        count(&|v| v["member"].get("photo").is_none()),
        all,
        0.03..0.07,
    );
    assert_share(
        "messages without event time",
        count(&|v| v["event"].get("time").is_none()),
        all,
        0.0005..0.01,
    );
    assert_share(
        "messages with a state",
        count(&|v| v["group"].get("group_state").is_some()),
        all,
        0.40..0.60,
    );
    assert_share(
        "venues at 0,0",
        count(&|v| v["venue"]["lat"] == 0 && v["venue"]["lon"] == 0),
        all,
        0.02..0.08,
    );
    assert!(count(&|v| v["response"] == "no" && v["guests"] != 0) == 0, "a no brings guests");
    assert!(count(&|v| v["guests"].as_i64().unwrap() > 10) == 0, "more than ten guests");

    let mut sizes: Vec<usize> = valid.iter().map(|(message, _)| message.payload.len()).collect();
    sizes.sort_unstable();
    let median = quantile(&sizes, 500);
    assert!((1250..1550).contains(&median), "median size {median}");
    let (low, high) = (quantile(&sizes, 5), quantile(&sizes, 995));
    assert!(low >= 550 && high <= 2246, "sizes {low} to {high}");
}

#[test]
fn topics_follow_zipf_and_countries_are_many() {
    let messages = messages(config(2, 50), 15_000);
    let mut mentions: BTreeMap<String, usize> = BTreeMap::new();
    let mut per_message = Vec::new();
    let mut countries = BTreeSet::new();
    for (_, value) in parsed(&messages) {
        let topics = value["group"]["group_topics"].as_array().unwrap().clone();
        per_message.push(topics.len());
        for topic in topics {
            *mentions.entry(topic["urlkey"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        countries.insert(value["group"]["group_country"].as_str().unwrap().to_owned());
    }
    per_message.sort_unstable();
    assert_eq!((per_message[0], per_message[per_message.len() - 1]), (1, 20));
    assert!((11..=13).contains(&quantile(&per_message, 500)));
    assert!(mentions.len() > 2000, "{} topics", mentions.len());
    assert!(mentions.keys().any(|key| key.chars().any(char::is_uppercase)), "no upper-case key");
    let mut counts: Vec<usize> = mentions.into_values().collect();
    counts.sort_unstable_by(|left, right| right.cmp(left));
    assert_share("the commonest topic", counts[0], counts.iter().sum(), 0.015..0.04);
    assert!(
        counts[29] * 4 < counts[0] && counts[29] * 12 > counts[0],
        "{} and {}",
        counts[0],
        counts[29]
    );
    assert!(countries.len() >= 50, "{} countries", countries.len());
}

#[test]
fn every_valid_message_has_the_required_fields_and_neutral_names() {
    for (message, value) in parsed(&messages(config(3, 20), 10_000)) {
        let integers = [
            &value["rsvp_id"],
            &value["guests"],
            &value["member"]["member_id"],
            &value["group"]["group_id"],
        ];
        assert!(integers.iter().all(|value| value.as_i64().is_some_and(|number| number >= 0)));
        assert_eq!(value["mtime"].as_i64(), Some(message.mtime_ms));
        assert!(
            value["event"]["event_id"].is_string() && value["group"]["group_country"].is_string()
        );
        assert!(value["group"]["group_lat"].is_number() && value["group"]["group_lon"].is_number());
        assert!(value["member"]["member_name"].as_str().unwrap().starts_with("Member "));
        assert!(
            value["event"]["event_url"].as_str().unwrap().starts_with("https://www.example.org/")
        );
        assert!(message.payload.contains("https:\\/\\/www.example.org\\/"));
    }
}

#[test]
fn malformed_messages_are_malformed() {
    let broken = SyntheticConfig { malformed_share: 1.0, ..config(4, 100) };
    for message in messages(broken, 2000) {
        let Ok(value) = serde_json::from_str::<Value>(&message.payload) else { continue };
        let required = ["rsvp_id", "mtime", "response", "guests", "member", "event", "group"];
        let missing = required.iter().any(|&key| value.get(key).is_none());
        assert!(
            missing || value["guests"].as_i64().is_some_and(|guests| guests < 0),
            "{}",
            message.payload
        );
    }
}

/// Checks the rule of the stream on every message: an echo or a repeat has the key of exactly one
/// earlier message, and its bytes except for the time; every other message has a key of its own.
#[test]
fn echoes_obey_the_rule_exactly() {
    let mut first_of_key: BTreeMap<(i64, String, i64, i64), (i64, String)> = BTreeMap::new();
    let mut delays_ms = Vec::new();
    let mut front_ms = 0;
    let all = messages(config(5, 20), 20_000);
    for (message, value) in parsed(&all) {
        let text = |key: &str| value[key].to_string();
        let number = |key: &str| value[key].as_i64().unwrap();
        let second = rounded_second(message.mtime_ms);
        let key = (number("rsvp_id"), text("response"), number("guests"), second);
        front_ms = front_ms.max(message.mtime_ms);
        match message.kind {
            Kind::Echo | Kind::Repeat => {
                let (mtime_ms, payload) = first_of_key.get(&key).expect("a copy has an original");
                let copied =
                    payload.replace(&format!(":{mtime_ms},"), &format!(":{},", message.mtime_ms));
                assert_eq!(copied, message.payload);
                if message.kind == Kind::Echo {
                    assert_eq!(message.mtime_ms, second * 1000);
                    delays_ms.push(usize::try_from(front_ms - mtime_ms).unwrap());
                } else {
                    assert_eq!(message.mtime_ms, *mtime_ms);
                }
            }
            _ => {
                let old = first_of_key.insert(key, (message.mtime_ms, message.payload.clone()));
                assert_eq!(old, None, "{:?} has the key of an earlier message", message.kind);
            }
        }
    }
    delays_ms.sort_unstable();
    let (p50, p90) = (quantile(&delays_ms, 500), quantile(&delays_ms, 900));
    assert!((3000..4500).contains(&p50) && (8000..29_000).contains(&p90), "delays {p50} and {p90}");
    assert!(*delays_ms.last().unwrap() <= 327_000);
}

#[test]
fn changes_of_mind_change_the_state_and_come_later() {
    let mut states: BTreeMap<i64, (i64, Value, Value)> = BTreeMap::new();
    let all = messages(config(6, 20), 12_000);
    let mut changes = 0;
    for (message, value) in parsed(&all) {
        let state = (message.mtime_ms, value["response"].clone(), value["guests"].clone());
        let id = value["rsvp_id"].as_i64().unwrap();
        if message.kind == Kind::Change {
            let old = &states[&id];
            assert!(state.0 > old.0 && (&state.1, &state.2) != (&old.1, &old.2));
            changes += 1;
        }
        if matches!(message.kind, Kind::Fresh | Kind::Change) {
            states.insert(id, state);
        }
    }
    assert!(changes > 100, "{changes} changes");
}

#[test]
fn a_burst_lifts_its_topic_and_ends() {
    let stream = messages(config(9, 50), 36_000);
    let world = World::new(9, 3000, 4000);
    let (topic, burst) = Bursts::new(9, &world).of_slot(START_MS).unwrap();
    let shown = format!("\"topic_name\":\"{}\"", world.topics[topic].name);
    let count = |from_ms: i64, to_ms: i64| {
        let inside = stream.iter().filter(|message| (from_ms..to_ms).contains(&message.mtime_ms));
        inside.filter(|message| message.payload.contains(&shown)).count()
    };
    let (during, after) = (
        count(burst.begin_ms, burst.begin_ms + 120_000),
        count(burst.end_ms, burst.end_ms + 120_000),
    );
    assert!(during > 150 && during > 5 * after, "{during} during the burst, {after} after it");
}

#[test]
fn live_event_time_is_the_clocks_and_ids_of_two_runs_differ() {
    let now_ms = Arc::new(AtomicI64::new(START_MS));
    let live = |now_ms: &Arc<AtomicI64>| {
        let now_ms = Arc::clone(now_ms);
        let config =
            SyntheticConfig { event_time: EventTime::Live, late_share: 0.0, ..config(1, 1) };
        Generator::new(config, Clock::new(move || now_ms.load(Ordering::Relaxed)))
    };
    let mut first = live(&now_ms);
    assert!((START_MS - JITTER_MS_MAX..=START_MS).contains(&first.next().unwrap().mtime_ms));
    now_ms.store(START_MS - 5000, Ordering::Relaxed);
    assert!(
        first.next().unwrap().mtime_ms >= START_MS - JITTER_MS_MAX,
        "event time goes back with the clock"
    );
    now_ms.store(START_MS + 1000, Ordering::Relaxed);
    assert!(first.next().unwrap().mtime_ms > START_MS);
    let mut second = live(&now_ms);
    let id = |message: Generated| {
        serde_json::from_str::<Value>(&message.payload).unwrap()["rsvp_id"].clone()
    };
    assert_ne!(id(first.next().unwrap()), id(second.next().unwrap()));
}

#[test]
fn some_of_those_who_are_invited_say_yes() {
    let mut generator =
        Generator::new(config(3, 10), Clock::new(|| panic!("paced event time reads no clock")));
    let first = generator.next().unwrap();
    let time_ms = first.mtime_ms + 8 * 86_400_000;
    for member in 1..=100 {
        generator.invitations().add(crate::Invitation {
            member_id: 10_000_000 + member,
            group_id: 1_600_000 + 7 * 5,
            event_time_ms: time_ms,
        });
    }
    let group = "\"group_id\":1600035";
    let invited = |message: &Generated| {
        let member =
            |at: i64| message.payload.contains(&format!("\"member_id\":{},", 10_000_000 + at));
        message.payload.contains(group) && (1..=100).any(member)
    };
    let answers: Vec<_> = generator.take(1_000).filter(invited).collect();
    let yes = answers.iter().filter(|one| one.payload.contains("\"response\":\"yes\"")).count();
    assert!((15..60).contains(&yes), "{yes}");
}
