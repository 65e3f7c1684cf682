//! Sessions read off their definition.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use pulso_batch::{Days, Job};
use pulso_model::{
    EventTime, Layer, Session, SessionDocument, Stream, Value as Column, ViewDocument,
};

use crate::naive::{self, Counted};
use crate::streams::{Note, sessions_of};
use crate::support::{Bodies, TestLake, bodies, records_of, run, small_windows, written};

/// All of them, ended.
pub(crate) fn documents(
    stream: &'static Stream,
    counted: &[Counted<'_>],
    session: &Session,
) -> Vec<ViewDocument> {
    let (gap, half) = (session.gap_ms(), session.half_ms());
    let mut keys: BTreeMap<Vec<String>, Vec<&Counted<'_>>> = BTreeMap::new();
    for fact in counted {
        let part = |at: &usize| match &fact.fact.columns[*at] {
            Column::Text(text) => Some(text.to_string()),
            _ => None,
        };
        let parts: Vec<_> = session.by.iter().map(part).collect();
        if parts.iter().any(Option::is_some) {
            let key = parts.into_iter().map(Option::unwrap_or_default).collect();
            keys.entry(key).or_default().push(fact);
        }
    }
    let mut documents = Vec::new();
    for (key, mut facts) in keys {
        facts.sort_by_key(|fact| fact.order());
        for chain in facts.chunk_by(|one, next| next.fact.time.0 - one.fact.time.0 < gap) {
            let full = chain[0].fact.time.0 + half;
            let first_cut = full + (half - full % half) % half;
            let piece =
                |fact: &Counted<'_>| (fact.fact.time.0 - first_cut).div_euclid(half).max(-1);
            for facts in chain.chunk_by(|one, next| piece(one) == piece(next)) {
                let cut = first_cut + (piece(facts[0]) + 1) * half;
                documents.extend(document(stream, session, &key, facts, cut));
            }
        }
    }
    documents
}

fn document(
    stream: &'static Stream,
    session: &Session,
    key: &[String],
    facts: &[&Counted<'_>],
    cut: i64,
) -> Option<ViewDocument> {
    let (first, last) = (&facts[0].fact, &facts[facts.len() - 1].fact);
    let mut kinds = vec![0; stream.kind.values.len()];
    facts.iter().for_each(|fact| kinds[usize::from(fact.fact.kind)] += 1);
    let sum = |at: usize| facts.iter().map(|fact| fact.fact.sums[at]).sum();
    let sums: Vec<u64> = (0..stream.sums.len()).map(sum).collect();
    let text = |column: &Column<'_>| match column {
        Column::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let columns: Vec<_> = session.columns.iter().map(|at| text(&first.columns[*at])).collect();
    let terms = |at: usize| {
        [first, last].map(|fact| fact.terms[at].iter().map(|term| term.key.to_string()).min())
    };
    let terms: Vec<_> = session.facets.iter().map(|facet| terms(facet.facet)).collect();
    let mut rendered = Vec::new();
    SessionDocument {
        stream,
        session,
        end: EventTime(cut.min(last.time.0 + session.gap_ms())),
        open: false,
        started: first.time,
        ended: last.time,
        key,
        scope: &first.scope,
        columns: &columns,
        kinds: &kinds,
        sums: &sums,
        terms: &terms,
    }
    .render(&mut rendered);
    rendered.pop()
}

/// Of somebody, so many seconds after the one before.
fn note(number: i64, seconds: i64, author: Option<i64>) -> Note {
    let terms = [vec![], vec![], vec![["b", "a"][usize::from(number % 2 == 0)]]];
    let room = Some(["hall", "yard"][usize::from(number % 3 == 0)]);
    Note { number, millis: seconds * 1000, author, room, reply: number % 5 == 0, terms }
}

/// As many seconds as there may be between facts of a chain, and days that many chains last for.
const STEPS: i64 = 3_000;

async fn check(steps: &[(i64, Option<i64>)]) -> usize {
    let decoder = sessions_of("1h", "6h");
    let stream = decoder.stream();
    let mut at = -100_000;
    let mut messages = Vec::new();
    for (number, (step, author)) in (0..).zip(steps) {
        at += step;
        messages.push(note(number, at, *author).bytes());
    }
    let records = records_of(&decoder, &messages, 2);
    let counted = naive::facts(&decoder, &records);
    let expected = bodies(&documents(stream, &counted, &stream.sessions[0]));
    let lake = TestLake::of_stream(&decoder, &records).await;
    let jobs: Vec<_> =
        Job::all(stream).into_iter().filter(|job| job.view == stream.sessions[0].view).collect();
    let view = jobs[0].view;
    let engine = lake.engine(small_windows()).await;
    let days = lake.days();
    let at_once = run(&engine, &jobs, &days).await;
    assert_eq!(bodies(&written(&at_once, view, Layer::Batch).await), expected, "all at once");
    let mut by_day = Bodies::new();
    for day in days.days {
        let one = Days { days: BTreeSet::from([day]), complete_until: None };
        let views = run(&engine, &jobs, &one).await;
        by_day.extend(bodies(&written(&views, view, Layer::Batch).await));
    }
    assert_eq!(by_day, expected, "a day at a time");
    expected.len()
}

/// Days later it is the same where a chain began before what a day looks back to.
#[test]
fn days_are_the_same_one_at_a_time() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: 6, ..Config::default() });
    let author = prop::option::weighted(0.9, prop_oneof![3 => Just(0_i64), 1 => Just(1_i64)]);
    let step = prop_oneof![12 => 0..STEPS, 1 => 3_590..3_610_i64, 1 => STEPS..20_000_i64];
    let result = runner.run(&vec((step, author), 1..250), |steps| {
        runtime.block_on(check(&steps));
        Ok(())
    });
    result.unwrap();
    // One chain of four days, cut every three hours.
    let long: Vec<_> = (0..200).map(|_| (1_800, Some(0))).collect();
    assert_eq!(runtime.block_on(check(&long)), 34);
}
