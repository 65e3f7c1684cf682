use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use super::*;
use crate::config::ClockBack;
use crate::requests::Format;

const START_MS: i64 = 1_767_225_600_000;

fn config(seed: u64) -> RequestsConfig {
    let per_second = NonZeroU32::new(5).unwrap();
    let event_time = EventTime::Paced { start_ms: START_MS, per_second };
    RequestsConfig { seed, event_time, malformed_share: 0.0, ..RequestsConfig::default() }
}

fn requests(config: RequestsConfig, count: usize) -> Vec<Request> {
    Generator::new(config, Clock::new(|| panic!("paced event time reads no clock")))
        .take(count)
        .collect()
}

/// The words between spaces; those in quotes have more than one.
fn word(line: &str, at: usize) -> &str {
    line.split(' ').nth(at).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = requests(config(7), 3000);
    assert_eq!(first, requests(config(7), 3000));
    assert_ne!(first, requests(config(8), 3000));
    assert!(first.iter().all(|request| !request.line.contains('\n')));
    assert!(first.is_sorted_by_key(|request| request.time_ms));
}

#[test]
fn a_day_has_its_rate_and_a_night() {
    let requests = requests(config(1), 5 * 86_400);
    let seconds = (requests.last().unwrap().time_ms - START_MS) / 1000;
    assert!((80_000..93_000).contains(&seconds), "{seconds} s");
    let mut hours: BTreeMap<i64, usize> = BTreeMap::new();
    for request in &requests {
        *hours.entry((request.time_ms - START_MS) / 3_600_000).or_default() += 1;
    }
    let full = || hours.range(0..23).map(|(_, count)| *count);
    assert!(full().max() > full().min().map(|least| least * 3 / 2), "{hours:?}");
}

#[test]
fn visitors_come_stay_and_go() {
    let requests = requests(config(1), 50_000);
    let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
    for request in &requests {
        *asked.entry(word(&request.line, 0)).or_default() += 1;
    }
    assert!((1_000..20_000).contains(&asked.len()), "{} addresses", asked.len());
    assert!(asked.values().filter(|count| **count > 3).count() > 1_000);
    let statuses: BTreeSet<&str> = requests.iter().map(|request| word(&request.line, 8)).collect();
    for status in ["200", "301", "304", "404", "500"] {
        assert!(statuses.contains(status), "{statuses:?}");
    }
}

#[test]
fn somebody_tries_doors_and_a_page_is_talked_about() {
    let requests = requests(config(1), 5 * 3600);
    let with = |part: &str| requests.iter().filter(|request| request.line.contains(part)).count();
    assert!(with("/wp-login.php") > 20);
    assert!(
        with("https://social.example.com/\"") > 100 || with("https://news.example.com/\"") > 100
    );
}

#[test]
fn formats_say_the_same() {
    let of = |format| requests(RequestsConfig { format, ..config(3) }, 200);
    let (combined, common) = (of(Format::Combined), of(Format::Common));
    let (hosts, common_hosts) = (of(Format::VirtualHost), of(Format::CommonVirtualHost));
    let (caddy, traefik) = (of(Format::Caddy), of(Format::Traefik));
    let asked = of(Format::Asked);
    for at in 0..combined.len() {
        let (combined, common) = (&combined[at].line, &common[at].line);
        assert!(combined.starts_with(common));
        assert_eq!(hosts[at].line, format!("{HOST}:443 {combined}"));
        assert_eq!(common_hosts[at].line, format!("{HOST}:443 {common}"));
        let json: serde_json::Value = serde_json::from_str(&caddy[at].line).unwrap();
        assert_eq!(json["request"]["client_ip"], word(common, 0));
        assert_eq!(json["status"].to_string(), word(common, 8));
        assert_eq!(json["size"].to_string(), word(common, 9));
        let json: serde_json::Value = serde_json::from_str(&traefik[at].line).unwrap();
        assert_eq!(json["ClientHost"], word(common, 0));
        assert_eq!(json["DownstreamStatus"].to_string(), word(common, 8));
        let [_, _, _, from, _, agent] = combined.split('"').collect::<Vec<_>>()[..6] else {
            panic!("{combined}")
        };
        assert_eq!(json["request_User-Agent"], agent);
        assert_eq!(json["request_Referer"].as_str().unwrap_or("-"), from);
        let head = &asked[at].line;
        let (first, path) =
            (format!("{} ", word(common, 5).trim_start_matches('"')), word(common, 6));
        assert!(head.starts_with(&format!("{first}{path} HTTP/1.1\r\nHost: {HOST}\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nUser-Agent: {agent}\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nX-Forwarded-For: {}\r\n", word(common, 0))), "{head}");
        assert_eq!(head.contains(&format!("\r\nReferer: {from}\r\n")), from != "-", "{head}");
        assert!(head.ends_with("\r\nConnection: close\r\n\r\n"), "{head}");
    }
}

#[test]
fn a_clock_is_set_back_and_right_again() {
    let (every, by) = (NonZeroU64::new(50).unwrap(), Duration::from_hours(1));
    let back = RequestsConfig { clock_back: Some(ClockBack { every, by }), ..config(3) };
    for (number, (request, usual)) in
        requests(back, 200).iter().zip(requests(config(3), 200)).enumerate()
    {
        let behind_ms = if number / 50 % 2 == 1 { 3_600_000 } else { 0 };
        assert_eq!(request.time_ms, usual.time_ms - behind_ms, "{number}");
        assert_eq!(request.line == usual.line, behind_ms == 0, "{}", request.line);
        let all_but_time = |line: &str| {
            let (before, rest) = line.split_once('[').unwrap();
            [before, rest.split_once(']').unwrap().1].concat()
        };
        assert_eq!(all_but_time(&request.line), all_but_time(&usual.line));
    }
}

#[test]
fn broken_lines_are_as_many_as_asked() {
    let broken = RequestsConfig { malformed_share: 0.1, ..config(1) };
    let whole: BTreeSet<_> =
        requests(config(1), 10).into_iter().map(|request| request.time_ms).collect();
    assert!(!whole.is_empty());
    let lines = requests(broken, 5_000);
    let intact = |line: &str| line.contains(" - - [") && line.ends_with('"');
    let count = lines.iter().filter(|request| !intact(&request.line)).count();
    assert!((400..600).contains(&count), "{count} of 5,000");
}
