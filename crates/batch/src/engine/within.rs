//! SQL window functions over a stretch of values before each row.
//!
//! `sum_within(value, at, before, until) OVER (… ORDER BY at)` is the sum of `value` over the rows whose
//! `at` is from `at - before` to `at - until`, both included; `min_within` is the smallest, and
//! `count_within(…, least)` is the number of those that are at least `least`. The same can
//! be said with a `RANGE` frame, for several times the processor time: finding a frame costs more than
//! what is done with it. Of rows with the same `at` each counts for itself and those after it, not for those
//! before it. `before` and `until` are constants, 0 <= `until` <= `before`.
//!
//! The rows may be sorted by anything that puts them in the order of `at`; others are an error. Sorted the
//! other way round, as another function of the query needs them, they are not sorted again.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{
    ExpressionArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    PartitionEvaluator, ReversedUDWF, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;

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

    fn expressions(&self, args: ExpressionArgs<'_>) -> Vec<Arc<dyn PhysicalExpr>> {
        let (values, stretch) = args.input_exprs().split_at(2);
        values.iter().chain(stretch.iter().skip(2)).map(Arc::clone).collect()
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        let millis = |at: usize| match args.input_exprs()[at].downcast_ref::<Literal>() {
            Some(number) if let ScalarValue::Int64(Some(number)) = number.value() => Ok(*number),
            _ => plan_err!("how far `{}` looks back must be a number", self.name()),
        };
        let (before, until) = (millis(2)?, millis(3)?);
        Ok(match self.kind {
            Kind::Sum => Rows::<Sum>::evaluator(before, until, args.is_reversed()),
            Kind::Min => Rows::<Min>::evaluator(before, until, args.is_reversed()),
            Kind::Count => Rows::<Count>::evaluator(before, until, args.is_reversed()),
        })
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        ReversedUDWF::Reversed(Arc::new(Self::new(self.kind).into()))
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
#[derive(Debug)]
struct Rows<A> {
    before: i64,
    until: i64,
    newest: i64,
    /// Rows that are too young for the stretch by now.
    waiting: VecDeque<(i64, Option<i64>)>,
    aggregate: A,
}

impl<A: Aggregate> Rows<A> {
    fn new(before: i64, until: i64) -> Self {
        let (newest, waiting, aggregate) = (i64::MIN, VecDeque::new(), A::default());
        Self { before, until, newest, waiting, aggregate }
    }

    fn evaluator(before: i64, until: i64, reversed: bool) -> Box<dyn PartitionEvaluator> {
        let rows = Self::new(before, until);
        if reversed { Box::new(Reversed { rows, results: Vec::new() }) } else { Box::new(rows) }
    }

    fn step(&mut self, value: Option<i64>, at: i64) -> Result<()> {
        if at < self.newest {
            return exec_err!("rows of a stretch are not in its order: {at} after {}", self.newest);
        }
        self.newest = at;
        if self.until == 0 {
            self.aggregate.enter(at, value);
        } else {
            self.waiting.push_back((at, value));
            let enters = at - self.until;
            while let Some((entering, value)) =
                self.waiting.pop_front_if(|(waiting, _)| *waiting <= enters)
            {
                self.aggregate.enter(entering, value);
            }
        }
        self.aggregate.leave(at - self.before);
        Ok(())
    }

    /// What is next in a partition.
    fn next(&mut self, values: &[ArrayRef], row: usize) -> Result<Option<i64>> {
        let integer = |column: usize| values[column].as_primitive::<Int64Type>().value(row);
        let value = values[0].is_valid(row).then(|| integer(0));
        self.step(value, integer(1))?;
        Ok(self.aggregate.value((values.len() > 2).then(|| integer(2))))
    }
}

impl<A: Aggregate> PartitionEvaluator for Rows<A> {
    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        Ok(ScalarValue::Int64(self.next(values, range.start)?))
    }

    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }
}

/// The rows of a partition that come in reverse. It has to be there as a whole.
#[derive(Debug)]
struct Reversed<A> {
    rows: Rows<A>,
    /// Those that are still to be told, from the last row to the first.
    results: Vec<Option<i64>>,
}

impl<A: Aggregate> PartitionEvaluator for Reversed<A> {
    fn get_range(&self, row: usize, rows: usize) -> Result<Range<usize>> {
        Ok(row..rows)
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        if self.results.is_empty() {
            let next = |row| self.rows.next(values, row);
            self.results = range.clone().rev().map(next).collect::<Result<_>>()?;
        }
        Ok(ScalarValue::Int64(self.results.pop().flatten()))
    }

    fn is_causal(&self) -> bool {
        false
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
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::{DataFrame, SessionContext};

    use super::*;

    fn check<A: Aggregate>(before: i64, until: i64, expected: &[Option<i64>]) {
        let mut aggregate = Rows::<A>::new(before, until);
        let rows = [(0, 4), (10, 1), (20, 2), (50, 8), (60, 3)];
        let found = rows.map(|(at, value)| {
            aggregate.step(Some(value), at).unwrap();
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
        let mut rows = Rows::<Min>::new(10, 0);
        let mut step = |value, at| {
            rows.step(value, at).unwrap();
            rows.aggregate.value(None)
        };
        assert_eq!(step(None, 0), None);
        assert_eq!(step(Some(3), 5), Some(3));
        assert_eq!(step(None, 10), Some(3));
        assert_eq!(step(None, 16), None);
    }

    async fn query(columns: &str) -> Result<DataFrame> {
        let session = SessionContext::new();
        functions().into_iter().for_each(|function| session.register_udwf(function));
        let rows = "(VALUES (1, 0, 4), (2, 0, 5), (1, 10, 1), (1, 20, 2), (2, 20, 6), (1, 50, 8))";
        session.sql(&format!("SELECT *, {columns} FROM {rows} AS rows(key, at, value)")).await
    }

    #[tokio::test]
    async fn a_stretch_after_the_row_needs_no_other_order() {
        let over = "OVER (PARTITION BY key ORDER BY";
        let columns = format!(
            "sum_within(value, at, 20, 0) {over} at) AS before,
             sum_within(value, -at, 20, 0) {over} at DESC) AS after,
             sum_within(value, -at, 20, 10) {over} at DESC) AS later"
        );
        let sums = query(&columns).await.unwrap();
        let plan = sums.clone().create_physical_plan().await.unwrap();
        let plan = displayable(plan.as_ref()).indent(false).to_string();
        assert_eq!(plan.matches("SortExec").count(), 1, "{plan}");

        let mut found = Vec::new();
        for batch in sums.collect().await.unwrap() {
            let column = |name: &str| batch[name].as_primitive::<Int64Type>().values().to_vec();
            let columns = ["key", "at", "before", "after", "later"].map(column);
            found.extend((0..batch.num_rows()).map(|row| columns.each_ref().map(|it| it[row])));
        }
        found.sort_unstable();
        let first = [[1, 0, 4, 7, 3], [1, 10, 5, 3, 2], [1, 20, 7, 2, 0], [1, 50, 8, 8, 0]];
        let second = [[2, 0, 5, 11, 6], [2, 20, 11, 6, 0]];
        assert_eq!(found, [&first[..], &second].concat());
    }

    #[tokio::test]
    async fn rows_in_another_order_are_refused() {
        let sums = query("sum_within(value, at, 20, 0) OVER (ORDER BY value)").await.unwrap();
        let error = sums.collect().await.unwrap_err().to_string();
        assert!(error.contains("not in its order: 0 after 20"), "{error}");
    }

    #[tokio::test]
    async fn how_far_a_stretch_goes_is_a_constant() {
        let sums = query("sum_within(value, at, value, 0) OVER (ORDER BY at)").await.unwrap();
        let error = sums.collect().await.unwrap_err().to_string();
        assert!(error.contains("must be a number"), "{error}");
    }
}
