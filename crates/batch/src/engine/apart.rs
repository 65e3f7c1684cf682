//! Rows of the lake that a run sets apart, and the SQL functions that tell whether a row is one.
//!
//! A join with the positions would give the same; a set of bits costs next to nothing, in time and
//! in memory.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use pulso_model::Offsets;

use super::positions::Positions;

/// Positions in any of the sets, those from some offsets on, and those before some.
#[derive(Clone, Debug, Default)]
pub(crate) struct Apart {
    pub(crate) sets: Vec<Arc<Positions>>,
    pub(crate) from: Option<Offsets>,
    pub(crate) before: Offsets,
}

impl Apart {
    fn test(&self, partitions: &[i32], offsets: &[i64]) -> Vec<bool> {
        let mut readers: Vec<_> = self.sets.iter().map(|set| set.reader()).collect();
        let positions = partitions.iter().zip(offsets);
        positions
            .map(|(&partition, &offset)| {
                readers.iter_mut().any(|reader| reader.contains(partition, offset))
                    || self.before.have_passed(partition, offset)
                    || self.from.as_ref().is_some_and(|from| !from.have_passed(partition, offset))
            })
            .collect()
    }
}

/// `name(partition, offset)`: whether the position is set apart.
#[derive(Debug)]
pub(crate) struct ApartFunction {
    name: &'static str,
    apart: Arc<Apart>,
    signature: Signature,
}

impl ApartFunction {
    pub(crate) fn new(name: &'static str, apart: Apart) -> Self {
        let types = vec![DataType::Int32, DataType::Int64];
        let signature = Signature::exact(types, Volatility::Immutable);
        Self { name, apart: Arc::new(apart), signature }
    }
}

impl PartialEq for ApartFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.apart, &other.apart)
    }
}

impl Eq for ApartFunction {}

impl Hash for ApartFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.apart).hash(state);
    }
}

impl ScalarUDFImpl for ApartFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let partitions = arrays[0].as_primitive::<Int32Type>().values();
        let offsets = arrays[1].as_primitive::<Int64Type>().values();
        let apart = BooleanArray::from(self.apart.test(partitions, offsets));
        Ok(ColumnarValue::Array(Arc::new(apart)))
    }
}
