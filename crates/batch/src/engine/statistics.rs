//! `statistics(number, scale)`: an SQL aggregate of whole numbers, in units of 1 / `scale`, as the speed layer adds them
//! up.
//!
//! It gives a struct with a field for each part of a [`Summary`]; no numbers give none.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use pulso_model::{QUANTILES, Statistics, Summary};

/// The function for a session.
pub(super) fn function() -> AggregateUDF {
    let types = vec![DataType::Int64, DataType::Int64];
    AggregateUDF::from(Function { signature: Signature::exact(types, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    signature: Signature,
}

impl AggregateUDFImpl for Function {
    fn name(&self) -> &str {
        "statistics"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Numbers { statistics: Statistics::default(), scale: 1 }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, data_type| {
            Arc::new(Field::new(format!("{}[{name}]", args.name), data_type, true))
        };
        Ok(vec![field("numbers", DataType::Binary), field("scale", DataType::Int64)])
    }
}

#[derive(Debug)]
struct Numbers {
    statistics: Statistics,
    scale: u32,
}

impl Numbers {
    fn set_scale(&mut self, scales: &ArrayRef) -> Result<()> {
        if let Some(scale) = scales.as_primitive::<Int64Type>().iter().flatten().next() {
            let scale = u32::try_from(scale).ok().filter(|scale| *scale > 0);
            let wrong = || DataFusionError::Execution("the scale is not from 1 to 2^32".to_owned());
            self.scale = scale.ok_or_else(wrong)?;
        }
        Ok(())
    }
}

impl Accumulator for Numbers {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.set_scale(&values[1])?;
        let numbers = values[0].as_primitive::<Int64Type>().iter().flatten();
        numbers.for_each(|number| self.statistics.add(number));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.statistics.summary(self.scale) {
            Some(summary) => Ok(ScalarValue::Struct(Arc::new(row(&summary)?))),
            None => ScalarValue::try_from(&DataType::Struct(fields())),
        }
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.statistics.heap_bytes()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let bytes = postcard::to_stdvec(&self.statistics).map_err(external)?;
        Ok(vec![ScalarValue::Binary(Some(bytes)), ScalarValue::Int64(Some(self.scale.into()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.set_scale(&states[1])?;
        for bytes in states[0].as_binary::<i32>().iter().flatten() {
            self.statistics.merge(&postcard::from_bytes(bytes).map_err(external)?);
        }
        Ok(())
    }
}

fn external(error: postcard::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn fields() -> Fields {
    let list = |name: &str, item| Field::new(name, DataType::new_list(item, true), true);
    let mut fields = Vec::new();
    let integers = ["count", "min", "max", "sum"];
    fields.extend(integers.map(|name| Field::new(name, DataType::Int64, true)));
    let floats = ["mean", "variance", "skewness", "kurtosis"];
    let floats = floats.into_iter().chain(QUANTILES.map(|(name, _)| name));
    fields.extend(floats.map(|name| Field::new(name, DataType::Float64, true)));
    fields.push(list("power_sums", DataType::Utf8));
    fields.push(list("values", DataType::Float64));
    fields.push(list("counts", DataType::Int64));
    fields.into()
}

/// One row, in the order of [`fields`].
fn row(summary: &Summary) -> Result<StructArray> {
    let whole = |count: &u64| i64::try_from(*count).unwrap_or(i64::MAX);
    let integer = |number: Option<i64>| Arc::new(Int64Array::from(vec![number])) as ArrayRef;
    let float = |number: Option<f64>| Arc::new(Float64Array::from(vec![number])) as ArrayRef;
    let mut columns = vec![
        integer(Some(whole(&summary.count))),
        integer(Some(summary.min)),
        integer(Some(summary.max)),
        integer(summary.sum.try_into().ok()),
        float(Some(summary.mean)),
        float(Some(summary.variance)),
        float(summary.skewness),
        float(summary.kurtosis),
    ];
    columns.extend(summary.quantiles.map(|quantile| float(Some(quantile))));
    let counts: Vec<i64> = summary.histogram.counts.iter().map(whole).collect();
    columns.push(listed(Arc::new(StringArray::from(summary.power_sums.to_vec())))?);
    columns.push(listed(Arc::new(Float64Array::from(summary.histogram.values.clone())))?);
    columns.push(listed(Arc::new(Int64Array::from(counts)))?);
    Ok(StructArray::try_new(fields(), columns, None)?)
}

/// A list of all items.
fn listed(items: ArrayRef) -> Result<ArrayRef> {
    let item = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([items.len()]);
    Ok(Arc::new(ListArray::try_new(item, offsets, items, None)?))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Int16Type;
    use datafusion::prelude::SessionContext;
    use pulso_model::bucket_of;

    use super::*;

    /// As the definitions give it for those who add up the lake themselves.
    const BUCKETS: &str = "CASE WHEN x < 256 THEN x \
         ELSE 128 * (CAST(floor(log2(x)) AS BIGINT) - 7) + (x >> (CAST(floor(log2(x)) AS BIGINT) - 7)) END";

    async fn rows(sql: &str) -> Vec<datafusion::arrow::array::RecordBatch> {
        let session = SessionContext::new();
        session.register_udaf(function());
        session.sql(sql).await.unwrap().collect().await.unwrap()
    }

    #[tokio::test]
    async fn buckets_are_those_of_plain_sql() {
        let powers = (0..40).map(|power| 1_i64 << power).take_while(|x| *x <= 1_000_000_000_000);
        let around = powers.flat_map(|x| [x - 1, x, x + 1, x + x / 3, x + x / 128]);
        let numbers: Vec<i64> = around.chain([1_000_000_000_000, 100, 0]).collect();
        let values: Vec<_> = numbers.iter().map(|number| format!("({number})")).collect();
        let values = values.join(", ");
        let sql = format!(
            "SELECT x, CAST({BUCKETS} AS SMALLINT) AS bucket FROM (VALUES {values}) AS all_of(x)"
        );
        let mut seen = 0;
        for batch in rows(&sql).await {
            let found = batch.column(0).as_primitive::<Int64Type>().values().iter();
            let buckets = batch.column(1).as_primitive::<Int16Type>().values();
            for (number, bucket) in found.zip(buckets) {
                assert_eq!(bucket_of(*number), *bucket, "{number}");
                seen += 1;
            }
        }
        assert_eq!(seen, numbers.len());
    }

    #[tokio::test]
    async fn no_numbers_give_nothing_and_a_wrong_scale_is_refused() {
        let none = rows("SELECT statistics(CAST(NULL AS BIGINT), 1) IS NULL").await;
        assert!(none[0].column(0).as_boolean().value(0));
        let session = SessionContext::new();
        session.register_udaf(function());
        let wrong = session.sql("SELECT statistics(CAST(1 AS BIGINT), 0)").await.unwrap();
        let error = wrong.collect().await.unwrap_err().to_string();
        assert!(error.contains("the scale is not from 1"), "{error}");
    }
}
