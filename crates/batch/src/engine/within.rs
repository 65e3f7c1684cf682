//! A SQL window function over a stretch of values before each row.
//!
//! `sum_within(value, at, before, until) OVER (… ORDER BY at)` is the sum of `value` over the rows whose
//! `at` is from `at - before` to `at - until`, both included. The same can be said with a `RANGE` frame,
//! for several times the processor time: finding a frame costs more than what is done with it. Within a
//! partition `at` must differ from row to row; 0 <= `until` <= `before`.

use std::collections::VecDeque;
use std::ops::Range;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

pub(super) fn sum_within() -> WindowUDF {
    let types = vec![DataType::Int64; 4];
    SumWithin { signature: Signature::exact(types, Volatility::Immutable) }.into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SumWithin {
    signature: Signature,
}

impl WindowUDFImpl for SumWithin {
    fn name(&self) -> &str {
        "sum_within"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Field::new(args.name(), DataType::Int64, false).into())
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Stretch::default()))
    }
}

/// The rows of one partition, from the oldest that still counts.
#[derive(Debug, Default)]
struct Stretch {
    /// Rows that are too young for the stretch by now: at, value.
    waiting: VecDeque<(i64, i64)>,
    within: VecDeque<(i64, i64)>,
    sum: i64,
}

impl Stretch {
    fn step(&mut self, value: i64, at: i64, before: i64, until: i64) -> i64 {
        self.waiting.push_back((at, value));
        while let Some(row) = self.waiting.pop_front_if(|(waiting, _)| *waiting <= at - until) {
            self.sum += row.1;
            self.within.push_back(row);
        }
        while let Some((_, value)) = self.within.pop_front_if(|(within, _)| *within < at - before) {
            self.sum -= value;
        }
        self.sum
    }
}

impl PartitionEvaluator for Stretch {
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let row = range.start;
        let integer = |column: usize| values[column].as_primitive::<Int64Type>().value(row);
        let value = if values[0].is_valid(row) { integer(0) } else { 0 };
        Ok(ScalarValue::Int64(Some(self.step(value, integer(1), integer(2), integer(3)))))
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_ends_with_the_row_or_before_it() {
        let check = |before: i64, until: i64, expected: [i64; 5]| {
            let rows = [(0, 4), (10, 1), (20, 2), (50, 8), (60, 3)];
            let mut stretch = Stretch::default();
            let found = rows.map(|(at, value)| stretch.step(value, at, before, until));
            assert_eq!(found, expected);
        };
        check(20, 0, [4, 5, 7, 8, 11]);
        check(30, 10, [0, 4, 5, 2, 8]);
    }
}
