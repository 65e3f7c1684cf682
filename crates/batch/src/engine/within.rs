//! SQL window functions over a stretch of values before each row.
//!
//! `sum_within(value, at, before, until) OVER (… ORDER BY at)` is the sum of `value` over the rows whose
//! `at` is from `at - before` to `at - until`, both included; `min_within` is the smallest, and
//! `count_within(…, least)` is the number of those that are at least `least`. The same can
//! be said with a `RANGE` frame, for several times the processor time: finding a frame costs more than
//! what is done with it. Of rows with the same `at` each counts for itself and those after it, not for those
//! before it. 0 <= `until` <= `before`.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::Range;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

/// All functions of this module.
pub(super) fn functions() -> [WindowUDF; 3] {
    [Kind::Sum, Kind::Min, Kind::Count].map(Function::new).map(WindowUDF::from)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Sum,
    Min,
    Count,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    kind: Kind,
    signature: Signature,
}

impl Function {
    fn new(kind: Kind) -> Self {
        let types = vec![DataType::Int64; if kind == Kind::Count { 5 } else { 4 }];
        Self { kind, signature: Signature::exact(types, Volatility::Immutable) }
    }
}

impl WindowUDFImpl for Function {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Sum => "sum_within",
            Kind::Min => "min_within",
            Kind::Count => "count_within",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Field::new(args.name(), DataType::Int64, self.kind == Kind::Min).into())
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(match self.kind {
            Kind::Sum => Box::new(Rows::<Sum>::default()),
            Kind::Min => Box::new(Rows::<Min>::default()),
            Kind::Count => Box::new(Rows::<Count>::default()),
        })
    }
}

/// What is kept of the rows within the stretch.
trait Aggregate: Default + Debug + Send + 'static {
    fn enter(&mut self, at: i64, value: Option<i64>);
    /// Forgets the rows before a time.
    fn leave(&mut self, before: i64);
    /// `least` is the last argument of functions that have it, else NULL.
    fn value(&self, least: Option<i64>) -> Option<i64>;
}

/// The rows of one partition, from the oldest that still counts.
#[derive(Debug, Default)]
struct Rows<A> {
    /// Rows that are too young for the stretch by now.
    waiting: VecDeque<(i64, Option<i64>)>,
    aggregate: A,
}

impl<A: Aggregate> Rows<A> {
    fn step(&mut self, value: Option<i64>, at: i64, before: i64, until: i64) {
        self.waiting.push_back((at, value));
        while let Some((entering, value)) =
            self.waiting.pop_front_if(|(waiting, _)| *waiting <= at - until)
        {
            self.aggregate.enter(entering, value);
        }
        self.aggregate.leave(at - before);
    }
}

impl<A: Aggregate> PartitionEvaluator for Rows<A> {
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let row = range.start;
        let integer = |column: usize| values[column].as_primitive::<Int64Type>().value(row);
        let value = values[0].is_valid(row).then(|| integer(0));
        self.step(value, integer(1), integer(2), integer(3));
        let least = (values.len() > 4).then(|| integer(4));
        Ok(ScalarValue::Int64(self.aggregate.value(least)))
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }
}

#[derive(Debug, Default)]
struct Sum {
    rows: VecDeque<(i64, i64)>,
    sum: i64,
}

impl Aggregate for Sum {
    fn enter(&mut self, at: i64, value: Option<i64>) {
        let value = value.unwrap_or(0);
        self.rows.push_back((at, value));
        self.sum += value;
    }

    fn leave(&mut self, before: i64) {
        while let Some((_, value)) = self.rows.pop_front_if(|(at, _)| *at < before) {
            self.sum -= value;
        }
    }

    fn value(&self, _: Option<i64>) -> Option<i64> {
        Some(self.sum)
    }
}

/// The oldest first, each smaller than all after it: the first is the smallest, the others are once
/// those before them have left.
#[derive(Debug, Default)]
struct Min {
    rows: VecDeque<(i64, i64)>,
}

impl Aggregate for Min {
    fn enter(&mut self, at: i64, value: Option<i64>) {
        let Some(value) = value else { return };
        while self.rows.pop_back_if(|(_, earlier)| *earlier >= value).is_some() {}
        self.rows.push_back((at, value));
    }

    fn leave(&mut self, before: i64) {
        while self.rows.pop_front_if(|(at, _)| *at < before).is_some() {}
    }

    fn value(&self, _: Option<i64>) -> Option<i64> {
        self.rows.front().map(|(_, value)| *value)
    }
}

/// All of them, as each row may ask for another `least`.
#[derive(Debug, Default)]
struct Count {
    rows: VecDeque<(i64, Option<i64>)>,
}

impl Aggregate for Count {
    fn enter(&mut self, at: i64, value: Option<i64>) {
        self.rows.push_back((at, value));
    }

    fn leave(&mut self, before: i64) {
        while self.rows.pop_front_if(|(at, _)| *at < before).is_some() {}
    }

    fn value(&self, least: Option<i64>) -> Option<i64> {
        let counts = |(_, value): &&(i64, Option<i64>)| *value >= least && value.is_some();
        i64::try_from(self.rows.iter().filter(counts).count()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<A: Aggregate>(before: i64, until: i64, expected: &[Option<i64>]) {
        let rows = [(0, 4), (10, 1), (20, 2), (50, 8), (60, 3)];
        let mut aggregate = Rows::<A>::default();
        let found = rows.map(|(at, value)| {
            aggregate.step(Some(value), at, before, until);
            aggregate.aggregate.value(Some(2))
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_stretch_ends_with_the_row_or_before_it() {
        check::<Sum>(20, 0, &[Some(4), Some(5), Some(7), Some(8), Some(11)]);
        check::<Sum>(30, 10, &[Some(0), Some(4), Some(5), Some(2), Some(8)]);
        check::<Min>(20, 0, &[Some(4), Some(1), Some(1), Some(8), Some(3)]);
        check::<Min>(30, 10, &[None, Some(4), Some(1), Some(2), Some(8)]);
        check::<Count>(20, 0, &[Some(1), Some(1), Some(2), Some(1), Some(2)]);
        check::<Count>(30, 10, &[Some(0), Some(1), Some(1), Some(1), Some(1)]);
    }

    #[test]
    fn nothing_is_no_smallest_value() {
        let mut rows = Rows::<Min>::default();
        let mut step = |value, at| {
            rows.step(value, at, 10, 0);
            rows.aggregate.value(None)
        };
        assert_eq!(step(None, 0), None);
        assert_eq!(step(Some(3), 5), Some(3));
        assert_eq!(step(None, 10), Some(3));
        assert_eq!(step(None, 16), None);
    }
}
