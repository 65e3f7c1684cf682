//! From rows of SQL to documents, as [`View::fields`] lays them out.
//!
//! The JSON is written column by column into text; there is no tree of values in between. Computes
//! nothing: what a field holds is the job's affair.

mod column;
#[cfg(test)]
mod tests;

use datafusion::arrow::array::RecordBatch;
use pulso_model::{Field, KeyPart, View, ViewDocument};

use crate::BatchError;
use column::Column;

/// Where a field stands in a document, and how it is called there.
#[derive(Debug)]
struct Place {
    /// The object that holds it, as JSON with its colon; documents nest one level deep, locations
    /// apart.
    parent: Option<String>,
    /// As JSON with its colon.
    name: String,
}

/// Makes documents of one view from record batches.
#[derive(Debug)]
pub(crate) struct Encoder {
    view: View,
    places: Vec<Place>,
    /// The indices of the key's fields.
    key: Vec<usize>,
    time: usize,
    position: Option<usize>,
    scope: Option<usize>,
    /// The length of the longest document so far, to allocate once.
    length: usize,
}

impl Encoder {
    pub(crate) fn new(view: View) -> Self {
        let fields = view.fields();
        let index = |name: &str| {
            let found = fields.iter().position(|field| field.name == name);
            found.expect("key, time, position and scope are fields, as the model's tests show")
        };
        let place = |field: &Field| match field.name.split_once('.') {
            Some((parent, name)) => Place { parent: Some(member(parent)), name: member(name) },
            None => Place { parent: None, name: member(field.name) },
        };
        Self {
            view,
            places: fields.iter().map(place).collect(),
            key: view.key().iter().map(|key| index(key.name())).collect(),
            time: index("@timestamp"),
            position: view.position_field().map(index),
            scope: view.scope_field().map(index),
            length: 0,
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
        let mut body = String::with_capacity(self.length);
        self.write(columns, row, &mut body);
        self.length = self.length.max(body.len());
        Ok(ViewDocument { view: self.view, id, time, position, scope, body })
    }

    /// Nulls are left out, and objects that would be empty.
    fn write(&self, columns: &[Column], row: usize, body: &mut String) {
        body.push('{');
        let mut open = None;
        for (place, column) in self.places.iter().zip(columns) {
            if column.is_null(row) {
                continue;
            }
            if open != place.parent.as_deref() {
                if open.is_some() {
                    body.push('}');
                }
                open = place.parent.as_deref();
                if let Some(parent) = open {
                    push_member(parent, body);
                    body.push('{');
                }
            }
            push_member(&place.name, body);
            column.write(row, body);
        }
        body.push_str(if open.is_some() { "}}" } else { "}" });
    }
}

fn member(name: &str) -> String {
    format!("\"{name}\":")
}

fn push_member(member: &str, body: &mut String) {
    if !body.ends_with('{') {
        body.push(',');
    }
    body.push_str(member);
}
