use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde_json::Value;

use super::*;

const START_MS: i64 = 1_767_225_600_000;

fn clicks(seed: u64, malformed_share: f64, count: usize) -> Vec<Click> {
    let per_second = NonZeroU32::new(5).unwrap();
    let event_time = EventTime::Paced { start_ms: START_MS, per_second };
    let config = ClicksConfig { seed, event_time, malformed_share, ..ClicksConfig::default() };
    Generator::new(config, Clock::new(|| panic!("time is paced"))).take(count).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = clicks(7, 0.01, 3000);
    assert_eq!(first, clicks(7, 0.01, 3000));
    assert_ne!(first, clicks(8, 0.01, 3000));
    assert!(first.iter().all(|click| !click.line.contains('\n')));
    assert!(first.is_sorted_by_key(|click| click.time_ms));
}

#[test]
fn clicks_are_json_with_heartbeats_between_them() {
    let clicks = clicks(1, 0.0, 5 * 3600);
    let (mut heartbeats, mut countries, mut pages) = (0, BTreeMap::new(), BTreeMap::new());
    for click in &clicks {
        let json: Value = serde_json::from_str(&click.line).unwrap();
        if json["_heartbeat_"].is_i64() {
            heartbeats += 1;
            continue;
        }
        assert_eq!(json["t"], click.time_ms.div_euclid(1000));
        assert!(json["hc"].as_i64() < json["t"].as_i64());
        assert_eq!(json["c"].is_string(), json["ll"].is_array());
        *countries.entry(json["c"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        *pages.entry(json["u"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(heartbeats, 119, "one every half minute of an hour");
    assert!(
        countries["US"] > 9000 && countries["DE"] > 100 && countries[""] > 300,
        "{countries:?}"
    );
    assert!(pages.len() > 60, "{} pages", pages.len());
}

#[test]
fn a_page_that_few_visit_is_linked_to_now_and_then() {
    let clicks = clicks(1, 0.0, 5 * 3600);
    let rare = |click: &&Click| {
        let number = click
            .line
            .split("\"u\":\"http://")
            .nth(1)
            .and_then(|rest| rest.split(['/', '"']).nth(2));
        number.and_then(|number| number.parse().ok()).is_some_and(|page: usize| page >= 60)
    };
    let mut minutes: BTreeMap<(i64, &str), usize> = BTreeMap::new();
    for click in clicks.iter().filter(rare) {
        let page =
            click.line.split("\"u\":").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
        *minutes.entry(((click.time_ms - START_MS) / 60_000, page)).or_default() += 1;
    }
    assert!(minutes.values().any(|count| *count > 15), "{:?}", minutes.values().max());
}

#[test]
fn broken_lines_are_as_many_as_asked() {
    let whole = |line: &str| {
        serde_json::from_str(line).is_ok_and(|json: Value| {
            json["_heartbeat_"].is_i64() || (json["t"].is_i64() && json["u"].is_string())
        })
    };
    let broken = clicks(1, 0.1, 5000).iter().filter(|click| !whole(&click.line)).count();
    assert!((400..600).contains(&broken), "{broken} of 5,000");
}
