//! The rows of a report as bytes: one column after the other, each number as LEB128, so that it compresses well and a
//! page reads it in a few lines.
//!
//! Order: times (as differences), people (as zigzag differences), one column of sets for each dimension, counts, sums;
//! then, by person, the columns of those dimensions that a person determines.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::dimension::{Dimension, number};
use super::facts::{Amounts, Facts, NOBODY, Place};

/// How much of the facts a report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    /// How long a row's time is, in minutes.
    pub(super) unit: i64,
    /// Terms with fewer facts are one. 0: each stays.
    pub(super) rare_below: u64,
    /// Whether people are told apart, so that a filter knows how many they are.
    pub(super) people: bool,
}

/// What the page needs to read the bytes.
#[derive(Debug, Serialize)]
pub(super) struct Layout {
    unit_minutes: i64,
    rows: usize,
    /// How many people rows tell apart; `None` where they do not.
    people: Option<usize>,
    dimensions: Vec<Column>,
    sums: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: &'static str,
    facet: bool,
    /// The most frequent first.
    values: Vec<String>,
    /// Names of values that are not their keys, by place.
    names: BTreeMap<usize, String>,
    /// The place of the value that stands for rare ones.
    rare: Option<u32>,
    /// How many different ones are in it.
    rare_values: usize,
    /// What facts have together; `None` where each has one value at most: then it is the value's place plus one.
    sets: Option<Vec<Vec<u32>>>,
    by_person: bool,
}

/// Rows with other sets and times than in memory.
struct Recoded {
    columns: Vec<Column>,
    /// By dimension, then by set in memory.
    sets: Vec<Vec<u32>>,
}

pub(super) fn encode(facts: &Facts, detail: Detail) -> (Layout, Vec<u8>) {
    let kept: Vec<_> =
        (0..facts.dimensions.len()).filter(|at| tells_apart(&facts.dimensions[*at])).collect();
    let Recoded { mut columns, sets } = recode(facts, &kept, detail.rare_below);
    let people = detail.people && facts.people().is_some();
    let rows = rows(facts, &kept, &sets, detail.unit, people);
    let count = rows.iter().map(|(place, _)| place.who + 1).max().filter(|_| people);
    let by_person: Vec<_> = match count {
        Some(count) => (0..kept.len()).map(|at| determined(&rows, at, count)).collect(),
        None => kept.iter().map(|_| None).collect(),
    };
    for (column, by_person) in columns.iter_mut().zip(&by_person) {
        column.by_person = by_person.is_some();
    }
    let bytes = write(&rows, &by_person, people, facts.stream.sums.len());
    let layout = Layout {
        unit_minutes: detail.unit,
        rows: rows.len(),
        people: count.map(|count| count as usize),
        dimensions: columns,
        sums: facts.stream.sums.clone(),
    };
    (layout, bytes)
}

/// A column that has one value only says nothing.
fn tells_apart(dimension: &Dimension) -> bool {
    !dimension.dropped && (!dimension.is_column() || dimension.sets.len() > 2)
}

/// Orders values and sets by how frequent they are, as small numbers are short, and puts rare terms together.
fn recode(facts: &Facts, kept: &[usize], rare_below: u64) -> Recoded {
    let mut recoded = Recoded { columns: Vec::new(), sets: Vec::new() };
    for &at in kept {
        let dimension = &facts.dimensions[at];
        let mut of_sets = vec![0_u64; dimension.sets.len()];
        for (place, amounts) in &facts.rows {
            of_sets[place.sets[at] as usize] += amounts.facts;
        }
        let rare_below = if dimension.is_facet() { rare_below } else { 0 };
        let (column, sets) = recode_one(dimension, &of_sets, rare_below);
        recoded.columns.push(column);
        recoded.sets.push(sets);
    }
    recoded
}

fn recode_one(dimension: &Dimension, of_sets: &[u64], rare_below: u64) -> (Column, Vec<u32>) {
    let mut of_values = vec![0_u64; dimension.values.len()];
    for (set, facts) in dimension.sets.iter().zip(of_sets) {
        set.iter().for_each(|value| of_values[*value as usize] += facts);
    }
    let mut order: Vec<_> = (0..dimension.values.len()).collect();
    let key = |at: &usize| dimension.values[*at].key.as_ref();
    order.sort_by(|a, b| {
        Reverse(of_values[*a]).cmp(&Reverse(of_values[*b])).then(key(a).cmp(key(b)))
    });
    let frequent = order.iter().take_while(|at| of_values[**at] >= rare_below).count();
    // One rare value alone may as well have its name.
    let frequent = if order.len() - frequent > 1 { frequent } else { order.len() };
    let rare = (frequent < order.len()).then(|| number(frequent));
    let mut places = vec![0_u32; order.len()];
    for (place, at) in order.iter().enumerate() {
        places[*at] = number(place.min(frequent));
    }
    let shown = order.iter().take(frequent).map(|at| &dimension.values[*at]);
    let mut values: Vec<_> = shown.clone().map(|term| term.key.to_string()).collect();
    values.extend(rare.map(|_| String::new()));
    let names =
        shown.enumerate().filter_map(|(at, term)| Some((at, term.name.as_ref()?.to_string())));
    let names = names.collect();
    let (sets, map) = recode_sets(dimension, &places, of_sets);
    let rare_values = order.len() - frequent;
    let facet = dimension.is_facet();
    let name = dimension.name;
    (Column { name, facet, values, names, rare, rare_values, sets, by_person: false }, map)
}

/// The sets of new places of values, and which of them each set in memory is.
fn recode_sets(
    dimension: &Dimension,
    places: &[u32],
    of_sets: &[u64],
) -> (Option<Vec<Vec<u32>>>, Vec<u32>) {
    let recoded = dimension.sets.iter().map(|set| {
        let mut set: Vec<_> = set.iter().map(|value| places[*value as usize]).collect();
        set.sort_unstable();
        set.dedup();
        set
    });
    let recoded: Vec<_> = recoded.collect();
    if recoded.iter().all(|set| set.len() <= 1) {
        let map = recoded.iter().map(|set| set.first().map_or(0, |place| place + 1)).collect();
        return (None, map);
    }
    let mut frequencies: BTreeMap<&[u32], u64> = BTreeMap::new();
    for (set, facts) in recoded.iter().zip(of_sets) {
        *frequencies.entry(set).or_default() += facts;
    }
    let mut order: Vec<_> = frequencies.into_iter().collect();
    // The empty set is the first, whether there is one or not.
    order.sort_by_key(|(set, facts)| (!set.is_empty(), Reverse(*facts)));
    let ids: FxHashMap<&[u32], u32> =
        order.iter().enumerate().map(|(at, (set, _))| (*set, number(at))).collect();
    let map = recoded.iter().map(|set| ids[set.as_slice()]).collect();
    (Some(order.into_iter().map(|(set, _)| set.to_vec()).collect()), map)
}

/// The rows in order, each once. People have numbers in the order in which they come.
fn rows(
    facts: &Facts,
    kept: &[usize],
    sets: &[Vec<u32>],
    unit: i64,
    people: bool,
) -> Vec<(Place, Amounts)> {
    let time = |place: &Place| (place.time * facts.unit).div_euclid(unit);
    let mut first: FxHashMap<u32, i64> = FxHashMap::default();
    for (place, _) in facts.rows.iter().filter(|_| people) {
        let known = first.entry(place.who).or_insert(i64::MAX);
        *known = time(place).min(*known);
    }
    let mut order: Vec<_> = first.into_iter().map(|(who, time)| (time, who)).collect();
    order.sort_unstable();
    let numbers: FxHashMap<_, _> =
        order.iter().enumerate().map(|(at, (_, who))| (*who, number(at))).collect();
    let recoded = facts.rows.iter().map(|(place, amounts)| {
        let sets = kept.iter().zip(sets).map(|(at, sets)| sets[place.sets[*at] as usize]);
        let who = numbers.get(&place.who).copied().unwrap_or(NOBODY);
        (Place { time: time(place), who, sets: sets.collect() }, *amounts)
    });
    let mut rows: Vec<_> = recoded.collect();
    rows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    rows.dedup_by(|(next, more), (kept, amounts)| {
        let same = next == kept;
        if same {
            amounts.add(more);
        }
        same
    });
    rows
}

/// What each person has in a dimension, if that is one thing for each of them.
fn determined(rows: &[(Place, Amounts)], at: usize, people: u32) -> Option<Vec<u32>> {
    let mut found = vec![u32::MAX; people as usize];
    for (place, _) in rows {
        let known = &mut found[place.who as usize];
        if *known != u32::MAX && *known != place.sets[at] {
            return None;
        }
        *known = place.sets[at];
    }
    Some(found)
}

fn write(
    rows: &[(Place, Amounts)],
    by_person: &[Option<Vec<u32>>],
    people: bool,
    sums: usize,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0;
    for (place, _) in rows {
        zigzag(&mut bytes, place.time - before);
        before = place.time;
    }
    before = 0;
    for (place, _) in rows.iter().filter(|_| people) {
        zigzag(&mut bytes, i64::from(place.who) - before);
        before = i64::from(place.who);
    }
    for (at, _) in by_person.iter().enumerate().filter(|(_, by_person)| by_person.is_none()) {
        rows.iter().for_each(|(place, _)| leb128(&mut bytes, place.sets[at].into()));
    }
    rows.iter().for_each(|(_, amounts)| leb128(&mut bytes, amounts.facts));
    for sum in 0..sums {
        rows.iter().for_each(|(_, amounts)| leb128(&mut bytes, amounts.sums[sum]));
    }
    for sets in by_person.iter().flatten() {
        sets.iter().for_each(|set| leb128(&mut bytes, (*set).into()));
    }
    bytes
}

/// Small numbers of either sign as small ones without.
fn zigzag(bytes: &mut Vec<u8>, number: i64) {
    leb128(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn leb128(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}
