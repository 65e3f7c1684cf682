//! Similar topics, recounted group by group.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{EventTime, Fact, Value as Column};
use pulso_testkit::view;
use serde_json::json;

use crate::naive::Counted;
use crate::support::Bodies;

const GROUPS_MIN: usize = 3;
const TOPICS_MAX: usize = 20;

pub(crate) fn topic_pairs(counted: &[Counted<'_>]) -> Bodies {
    let mut latest: BTreeMap<i64, &Counted<'_>> = BTreeMap::new();
    for counted in counted {
        let known = latest.entry(group(&counted.fact)).or_insert(counted);
        if counted.order() > known.order() {
            *known = counted;
        }
    }
    let mut groups: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for (group, counted) in &latest {
        for term in &counted.fact.terms[0] {
            groups.entry(&term.key).or_default().insert(*group);
        }
    }
    let mut bodies = Bodies::new();
    for (topic, ours) in &groups {
        let mut near: Vec<_> = groups
            .iter()
            .filter(|(other, _)| *other != topic)
            .map(|(other, theirs)| {
                let both: Vec<i64> = ours.intersection(theirs).copied().collect();
                let similarity = both.len() as f64 / ours.union(theirs).count() as f64;
                (similarity, *other, both)
            })
            .filter(|(_, _, both)| both.len() >= GROUPS_MIN)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        for (similarity, other, both) in near.into_iter().take(TOPICS_MAX) {
            let time = both.iter().map(|group| latest[group].fact.time).max();
            let body = json!({
                "@timestamp": time.unwrap_or(EventTime(0)).to_string(),
                "topic": topic, "other": other, "groups": both.len(),
                "similarity": (similarity * 10_000.0).round() / 10_000.0,
            });
            let id = view("topic-pairs").id(&[(*topic).into(), other.into()]);
            bodies.insert(id, body);
        }
    }
    bodies
}

fn group(fact: &Fact<'_>) -> i64 {
    let columns = &pulso_testkit::stream().columns;
    let at = columns.iter().position(|column| column.name == "group_id").unwrap();
    match fact.columns[at] {
        Column::Integer(id) => id,
        ref other => panic!("`{other:?}` is no group"),
    }
}
