//! What one valid message says, true for ever (Marz's fact-based model), whatever stream it is of.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Coordinate, EventTime};

/// The most kinds of facts that a stream may have.
pub const KINDS_MAX: usize = 16;

/// The most numbers of a fact that are added up.
pub const SUMS_MAX: usize = 4;

/// The largest such number: millions of them can be added up.
pub const SUM_MAX: u64 = 1_000_000_000_000;

/// The most facets of a stream.
pub const FACETS_MAX: usize = 4;

/// A scope that is not known.
pub const UNKNOWN_SCOPE: &str = "??";

/// One fact, borrowed from its message where possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact<'a> {
    pub time: EventTime,
    /// What "by …" means: a country, a language. [`UNKNOWN_SCOPE`] where there is none.
    pub scope: Cow<'a, str>,
    /// By place in the stream's list of kinds.
    pub kind: u8,
    /// The numbers that are added up, in the stream's order; zeros after those that it has. At most
    /// [`SUM_MAX`] each.
    pub sums: [u64; SUMS_MAX],
    pub place: Option<Coordinate>,
    /// By facet: distinct, sorted by key.
    pub terms: [Vec<Term<'a>>; FACETS_MAX],
    /// In the order of the stream's columns.
    pub columns: Vec<Value<'a>>,
}

impl Fact<'_> {
    /// One of the numbers that are added up, as stores have it.
    pub fn sum(&self, at: usize) -> i64 {
        i64::try_from(self.sums[at]).unwrap_or(i64::MAX)
    }
}

/// Something that can trend: a topic, a hashtag, a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term<'a> {
    pub key: Cow<'a, str>,
    /// The name that people see.
    pub name: Cow<'a, str>,
}

impl Term<'_> {
    /// Puts terms in order, one for each key that is not empty; of several names the smallest.
    pub fn distinct(terms: &mut Vec<Self>) {
        terms.retain(|term| !term.key.is_empty());
        terms.sort_unstable();
        terms.dedup_by(|next, kept| next.key == kept.key);
    }
}

/// The value of a column.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    #[default]
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Texts(Vec<Cow<'a, str>>),
    Time(EventTime),
}

impl<'a> From<Option<Cow<'a, str>>> for Value<'a> {
    fn from(text: Option<Cow<'a, str>>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Integer)
    }
}

impl From<Option<f64>> for Value<'_> {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Float)
    }
}

impl From<Option<EventTime>> for Value<'_> {
    fn from(time: Option<EventTime>) -> Self {
        time.map_or(Self::Null, Self::Time)
    }
}

/// What decides the partition of a message: all messages that may be the same fact have one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Key<'a> {
    Integer(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl Key<'_> {
    /// The same, independent of the message.
    pub fn into_owned(self) -> Key<'static> {
        match self {
            Self::Integer(number) => Key::Integer(number),
            Self::Text(text) => Key::Text(Cow::Owned(text.into_owned())),
        }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(formatter),
            Self::Text(text) => text.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_distinct_and_in_order_with_the_smallest_name() {
        let term =
            |key: &'static str, name: &'static str| Term { key: key.into(), name: name.into() };
        let mut terms =
            vec![term("b", "B"), term("", "?"), term("a", "Z"), term("b", "A"), term("a", "Z")];
        Term::distinct(&mut terms);
        assert_eq!(terms, [term("a", "Z"), term("b", "A")]);
    }

    #[test]
    fn keys_read_back_and_show_what_they_are() {
        let all = [Key::Integer(-7), Key::Text("a \"b\"".into()), Key::Text("-7".into())];
        for key in &all {
            let text = serde_json::to_string(key).unwrap();
            let read: Key<'_> = serde_json::from_str(&text).unwrap();
            assert_eq!(&read.into_owned(), key);
        }
        assert_eq!(all.map(|key| key.to_string()), ["-7", "a \"b\"", "-7"]);
        assert_ne!(Key::Integer(-7), Key::Text("-7".into()));
    }
}
