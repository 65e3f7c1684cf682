//! From rows of SQL to documents, as [`View::fields`] lays them out.
//!
//! The JSON is written column by column into text; there is no tree of values in between. Computes
//! nothing: what a field holds is the job's affair.

mod column;
#[cfg(test)]
mod tests;

use datafusion::arrow::array::RecordBatch;
use pulso_model::{KeyPart, Layout, View, ViewDocument};

use crate::BatchError;
use column::Column;

/// Makes documents of one view from record batches.
#[derive(Debug)]
pub(crate) struct Encoder {
    view: View,
    layout: Layout,
    /// The indices of the key's fields.
    key: Vec<usize>,
    time: usize,
    position: Option<usize>,
    scope: Option<usize>,
}

impl Encoder {
    pub(crate) fn new(view: View) -> Self {
        let fields = view.fields();
        let index = |name: &str| {
            let found = fields.iter().position(|field| field.name == name);
            found.expect("key, time, position and scope are fields, as the model's tests show")
        };
        Self {
            view,
            layout: Layout::new(view),
            key: view.key().iter().map(|key| index(key.name())).collect(),
            time: index("@timestamp"),
            position: view.position_field().map(index),
            scope: view.scope_field().map(index),
        }
    }

    /// The documents of all rows, in their order.
    pub(crate) fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<ViewDocument>, BatchError> {
        let fields = self.view.fields();
        let columns: Vec<Column> = fields
            .iter()
            .map(|field| Column::of(batch, field))
            .collect::<Result<_, _>>()
            .map_err(|error| BatchError::Column { view: self.view, source: error })?;
        (0..batch.num_rows()).map(|row| self.document(&columns, row)).collect()
    }

    fn document(&mut self, columns: &[Column], row: usize) -> Result<ViewDocument, BatchError> {
        let missing = |index: usize| BatchError::NoValue {
            view: self.view,
            field: self.view.fields()[index].name,
        };
        let key: Vec<KeyPart<'_>> = self
            .key
            .iter()
            .map(|&index| columns[index].key_part(row).ok_or_else(|| missing(index)))
            .collect::<Result<_, _>>()?;
        let id = self.view.id(&key);
        let time = columns[self.time].time(row).ok_or_else(|| missing(self.time))?;
        let position = self.position.map_or(Some(0), |index| columns[index].position(row));
        let position = position.ok_or_else(|| missing(self.position.unwrap_or_default()))?;
        let scope = self.scope.and_then(|index| columns[index].text(row)).map(str::to_owned);
        let body = self.layout.write(|index, body| {
            let column = &columns[index];
            let there = !column.is_null(row);
            if there {
                column.write(row, body);
            }
            there
        });
        Ok(ViewDocument { view: self.view, id, time, position, scope, body })
    }
}
