//! Recordings are not ours to copy; they are read where they lie.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;

fn check(file: &str, expected: &[(&str, usize)], countries: usize) {
    let path = Path::new("../../../shared/data/access-logs").join(file);
    let Ok(text) = std::fs::read(&path) else {
        eprintln!("skipped: no recording at `{}`", path.display());
        return;
    };
    let (mut outcomes, mut scopes) = (BTreeMap::new(), BTreeSet::new());
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line = str::from_utf8(line).unwrap();
        *outcomes.entry(outcome(line)).or_insert(0) += 1;
        let options = StoreOptions { anonymize_addresses: true, host: None };
        let stored = decoder().stored(line.as_bytes(), &options).unwrap();
        assert_eq!(outcome(str::from_utf8(&stored).unwrap()), outcome(line));
        if let Ok(Decoded::Fact(fact)) = decoder().decode(&stored, NOW) {
            scopes.insert(fact.scope.to_string());
        }
    }
    let expected = expected.iter().map(|(outcome, count)| ((*outcome).to_owned(), *count));
    assert_eq!(outcomes, expected.collect(), "{file}");
    assert_eq!(scopes.len(), countries, "{scopes:?}");
}

#[test]
fn every_line_of_the_combined_log_is_a_request() {
    let kinds = [("fact 2xx", 9171), ("fact 3xx", 609), ("fact 4xx", 217), ("fact 5xx", 3)];
    check("elastic-examples.apache_logs", &kinds, 97);
}

#[test]
fn every_line_of_the_common_log_is_a_request() {
    let kinds = [("fact 2xx", 3566), ("fact 3xx", 409), ("fact 4xx", 25)];
    check("nasa-jul95-first4000.common.log", &kinds, 10);
}
