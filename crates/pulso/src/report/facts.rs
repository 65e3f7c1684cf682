//! The facts of a report, grouped as finely as it can show them: one row for each combination of a time, a person and
//! what the fact has in each dimension, with counts and sums.
//!
//! What bounds its memory is [`ROWS_MAX`], not the number of messages: every value and every person is in some row.

use std::hash::{DefaultHasher, Hash, Hasher};

use indexmap::IndexMap;
use pulso_model::{EventTime, Fact, SUMS_MAX, Stream, Value};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::dimension::{Dimension, dimensions, number};

/// The most rows in memory: some 150 bytes each. Beyond it, times become coarser.
const ROWS_MAX: usize = 2_000_000;

const MINUTE_MS: i64 = 60_000;

/// How long a row's time is, in minutes. All zones are a whole number of quarters of an hour apart.
pub(super) const UNITS: [i64; 3] = [1, 15, 60];

/// Who did it where nobody is told apart.
pub(super) const NOBODY: u32 = 0;

/// There are too many different facts for one report.
#[derive(Debug)]
pub(super) struct TooMany;

type Rows = IndexMap<Place, Amounts, FxBuildHasher>;

/// A combination: the time in whole [`Facts::unit`]s since the epoch, who, and sets by dimension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) time: i64,
    pub(super) who: u32,
    pub(super) sets: Box<[u32]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) facts: u64,
    pub(super) sums: [u64; SUMS_MAX],
}

impl Amounts {
    pub(super) fn add(&mut self, other: &Self) {
        self.facts += other.facts;
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, more)| *sum += more);
    }
}

#[derive(Debug)]
pub(super) struct Facts {
    pub(super) stream: &'static Stream,
    pub(super) dimensions: Vec<Dimension>,
    /// Left out, as they say who a person is.
    pub(super) personal: Vec<&'static str>,
    pub(super) rows: Rows,
    /// Minutes.
    pub(super) unit: i64,
    pub(super) total: Amounts,
    pub(super) first: EventTime,
    pub(super) last: EventTime,
    people: Option<People>,
    rows_max: usize,
}

/// Persons or visitors by a number, told apart by a hash of 128 bits.
#[derive(Debug, Default)]
struct People {
    numbers: FxHashMap<(u64, u64), u32>,
}

impl Facts {
    pub(super) fn new(stream: &'static Stream) -> Self {
        let (dimensions, personal) = dimensions(stream);
        let told_apart = stream.actor.is_some() || !stream.visitor.is_empty();
        Self {
            stream,
            dimensions,
            personal,
            rows: Rows::default(),
            unit: UNITS[0],
            total: Amounts::default(),
            first: EventTime(i64::MAX),
            last: EventTime(i64::MIN),
            people: told_apart.then(People::default),
            rows_max: ROWS_MAX,
        }
    }

    /// How many persons or visitors there are; `None` where they are not told apart.
    pub(super) fn people(&self) -> Option<usize> {
        self.people.as_ref().map(|people| people.numbers.len())
    }

    /// # Errors
    /// When there are so many different facts that they do not fit into memory.
    pub(super) fn add(&mut self, fact: &Fact<'_>) -> Result<(), TooMany> {
        let Self { stream, dimensions, people, .. } = self;
        let sets = dimensions.iter_mut().map(|dimension| dimension.of(stream, fact)).collect();
        let who = people.as_mut().map_or(NOBODY, |people| people.number(stream, fact));
        let time = fact.time.0.div_euclid(self.unit * MINUTE_MS);
        let amounts = Amounts { facts: 1, sums: fact.sums };
        self.total.add(&amounts);
        self.first = self.first.min(fact.time);
        self.last = self.last.max(fact.time);
        self.rows.entry(Place { time, who, sets }).or_default().add(&amounts);
        if self.rows.len() > self.rows_max { self.make_room() } else { Ok(()) }
    }

    /// Makes rows coarser until half of the room is free again.
    fn make_room(&mut self) -> Result<(), TooMany> {
        loop {
            let finer = self.unit;
            match UNITS.iter().find(|unit| **unit > finer) {
                Some(unit) => self.unit = *unit,
                None if self.people.is_some() => self.people = None,
                None => return Err(TooMany),
            }
            let (unit, nobody) = (self.unit, self.people.is_none());
            let mut rows = Rows::default();
            for (mut place, amounts) in self.rows.drain(..) {
                place.time = (place.time * finer).div_euclid(unit);
                if nobody {
                    place.who = NOBODY;
                }
                rows.entry(place).or_default().add(&amounts);
            }
            self.rows = rows;
            if self.rows.len() <= self.rows_max / 2 {
                return Ok(());
            }
        }
    }
}

impl People {
    fn number(&mut self, stream: &Stream, fact: &Fact<'_>) -> u32 {
        let next = number(self.numbers.len() + 1);
        *self.numbers.entry(hash(stream, fact)).or_insert(next)
    }
}

/// A visitor is one of a UTC day; a person is the same one every day.
fn hash(stream: &Stream, fact: &Fact<'_>) -> (u64, u64) {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        if stream.visitor.is_empty() {
            stream.actor(fact).hash(&mut hasher);
        } else {
            fact.time.day().hash(&mut hasher);
            stream.visitor.iter().for_each(|at| value(&fact.columns[*at], &mut hasher));
        }
        hasher.finish()
    };
    (half(0), half(1))
}

fn value(value: &Value<'_>, hasher: &mut DefaultHasher) {
    match value {
        Value::Text(text) => text.hash(hasher),
        other => format!("{other:?}").hash(hasher),
    }
}

#[cfg(test)]
mod tests {
    use pulso_model::{Decoded, TimeLimits, WallTime};
    use pulso_streams::Streams;

    use super::*;

    fn requests(rows_max: usize, lines: u32) -> Result<Facts, TooMany> {
        let streams = Streams::brought();
        let decoder = streams.get("requests").unwrap().decoder(TimeLimits::NONE);
        let mut facts = Facts::new(decoder.stream());
        facts.rows_max = rows_max;
        for line in 0..lines {
            let (minute, second) = (line / 60 % 60, line % 60);
            let line = format!(
                r#"192.0.2.{} - - [17/May/2015:10:{minute:02}:{second:02} +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl""#,
                line % 50,
                line % 2,
            );
            let Ok(Decoded::Fact(fact)) = decoder.decode(line.as_bytes(), WallTime(0)) else {
                panic!("no fact: {line}")
            };
            facts.add(&fact)?;
        }
        Ok(facts)
    }

    /// Rows are too many for the memory: times become coarser first, then nobody is told apart, and totals stay.
    #[test]
    fn memory_is_bounded_by_rows_and_totals_stay_exact() {
        let fine = requests(10_000, 3000).unwrap();
        assert_eq!((fine.unit, fine.people(), fine.rows.len()), (1, Some(50), 2500));
        let coarse = requests(1000, 3000).unwrap();
        assert_eq!((coarse.unit, coarse.people()), (15, Some(50)));
        let coarser = requests(90, 3000).unwrap();
        assert_eq!((coarser.unit, coarser.people()), (60, None));
        for facts in [fine, coarse, coarser] {
            let rows = facts.rows.values().map(|row| row.facts).sum::<u64>();
            assert_eq!((rows, facts.total.facts, facts.total.sums[0]), (3000, 3000, 15_000));
        }
        assert!(requests(1, 3000).is_err());
    }
}
