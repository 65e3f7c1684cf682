//! Numbers of facts that statistics are made of.

use serde::{Deserialize, Serialize};

use super::Stream;
use crate::{Fact, NUMBER_MAX, Part, Value, View};

/// The most statistics of a stream.
pub const STATISTICS_MAX: usize = 8;

/// Statistics of one number, as a stream declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistic {
    /// The lake's column.
    pub field: &'static str,
    pub number: Number,
    pub by: By,
    /// Of each pane.
    pub view: View,
    /// Of each day.
    pub days_view: View,
}

/// Where a fact has a number, and in which units it is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    pub place: NumberPlace,
    /// How many units make 1.
    pub scale: u32,
}

/// A sum or a column, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NumberPlace {
    Sum(usize),
    Column(usize),
}

/// Which facts have their numbers in one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    Nothing,
    Scope,
    Kind,
}

impl Statistic {
    /// The field that says which facts a document is about.
    pub fn by_field(&self, stream: &Stream) -> Option<&'static str> {
        match self.by {
            By::Nothing => None,
            By::Scope => stream.scope.map(|scope| scope.name),
            By::Kind => Some(stream.kind.name),
        }
    }

    /// The part of a fact that has the number.
    pub fn part(&self) -> Part {
        match self.number.place {
            NumberPlace::Sum(at) => Part::Sum(at),
            NumberPlace::Column(at) => Part::Column(at),
        }
    }
}

impl Number {
    /// In whole units, a half away from zero. `None` where a fact has no number, or one that is more than
    /// [`NUMBER_MAX`] units up or down.
    pub fn of(self, fact: &Fact<'_>) -> Option<i64> {
        let number = match self.place {
            NumberPlace::Sum(at) => fact.sum(at),
            NumberPlace::Column(at) => match *fact.columns.get(at)? {
                Value::Integer(number) => number.checked_mul(self.scale.into())?,
                Value::Float(number) => whole(number * f64::from(self.scale))?,
                _ => return None,
            },
        };
        (number.unsigned_abs() <= NUMBER_MAX.unsigned_abs()).then_some(number)
    }
}

fn whole(number: f64) -> Option<i64> {
    let number = number.round();
    #[expect(clippy::cast_possible_truncation, reason = "it is a whole number that fits")]
    (number.abs() <= NUMBER_MAX as f64).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::tests::sighting;

    #[test]
    fn a_number_is_a_sum_or_a_column_in_whole_units() {
        let number = |place, scale, value: Option<Value<'static>>| {
            let mut fact = sighting();
            if let Some(value) = value {
                fact.columns[4] = value;
            }
            Number { place, scale }.of(&fact)
        };
        assert_eq!(number(NumberPlace::Sum(0), 1, None), Some(sighting().sum(0)));
        let column = |scale, value| number(NumberPlace::Column(4), scale, Some(value));
        assert_eq!(column(1, Value::Integer(-7)), Some(-7));
        assert_eq!(column(1000, Value::Float(1.0625)), Some(1063));
        assert_eq!(column(1000, Value::Float(-0.0005)), Some(-1));
        for none in [
            Value::Null,
            Value::Text("7".into()),
            Value::Integer(NUMBER_MAX + 1),
            Value::Integer(i64::MIN),
            Value::Float(f64::NAN),
            Value::Float(f64::NEG_INFINITY),
            Value::Float(1e13),
        ] {
            assert_eq!(column(1, none.clone()), None, "{none:?}");
        }
        assert_eq!(number(NumberPlace::Column(99), 1, None), None);
    }
}
