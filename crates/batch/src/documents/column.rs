//! One field of a view as a column of a record batch: reading values and writing them as JSON.

use std::fmt::Write;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray,
    RecordBatch, StringViewArray, TimestampMillisecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMillisecondType,
};
use datafusion::arrow::error::ArrowError;
use pulso_model::{
    Day, EventTime, Field, FieldType, KeyPart, push_float, push_histogram, push_json_text,
};

/// The values of a field. Rows outside the batch panic, as in Arrow.
#[derive(Debug)]
pub(super) enum Column {
    Time(TimestampMillisecondArray),
    /// The days, and the same as text.
    Day(Date32Array, Vec<String>),
    Boolean(BooleanArray),
    Integer(Int64Array),
    Float(Float64Array),
    Text(StringViewArray),
    TextList(ListArray),
    Location(Float64Array, Float64Array),
    /// Middles of buckets, and counts.
    Histogram(ListArray, ListArray),
}

impl Column {
    /// Finds the column named like the field; a location is two columns, `….lat` and `….lon`, and a histogram
    /// `….values` and `….counts`.
    pub(super) fn of(batch: &RecordBatch, field: &Field) -> Result<Self, ArrowError> {
        let column = |name: &str, data_type: &DataType| -> Result<ArrayRef, ArrowError> {
            let found = batch.column_by_name(name);
            let found = found
                .ok_or_else(|| ArrowError::SchemaError(format!("there is no column `{name}`")))?;
            cast(found, data_type)
        };
        let float = |name: &str| {
            Ok::<_, ArrowError>(
                column(name, &DataType::Float64)?.as_primitive::<Float64Type>().clone(),
            )
        };
        Ok(match field.field_type {
            FieldType::Time => {
                let times = column(field.name, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
                Self::Time(times.as_primitive::<TimestampMillisecondType>().clone())
            }
            FieldType::Day => {
                let days = column(field.name, &DataType::Date32)?;
                let days = days.as_primitive::<Date32Type>().clone();
                let texts = days.values().iter().map(|&day| Day(day).to_string()).collect();
                Self::Day(days, texts)
            }
            FieldType::Boolean => {
                Self::Boolean(column(field.name, &DataType::Boolean)?.as_boolean().clone())
            }
            FieldType::Integer => {
                let numbers = column(field.name, &DataType::Int64)?;
                Self::Integer(numbers.as_primitive::<Int64Type>().clone())
            }
            FieldType::Float => Self::Float(float(field.name)?),
            FieldType::Text => {
                Self::Text(column(field.name, &DataType::Utf8View)?.as_string_view().clone())
            }
            FieldType::TextList => {
                let item =
                    datafusion::arrow::datatypes::Field::new_list_field(DataType::Utf8View, true);
                Self::TextList(column(field.name, &DataType::List(item.into()))?.as_list().clone())
            }
            FieldType::Location => {
                let (lat, lon) = (format!("{}.lat", field.name), format!("{}.lon", field.name));
                Self::Location(float(&lat)?, float(&lon)?)
            }
            FieldType::Histogram => {
                let list = |part, item| {
                    let items = DataType::new_list(item, true);
                    let lists = column(&format!("{}.{part}", field.name), &items)?;
                    Ok::<_, ArrowError>(lists.as_list().clone())
                };
                Self::Histogram(
                    list("values", DataType::Float64)?,
                    list("counts", DataType::Int64)?,
                )
            }
        })
    }

    /// A number that JSON cannot show is none.
    pub(super) fn is_null(&self, row: usize) -> bool {
        let float = |floats: &Float64Array| floats.is_null(row) || !floats.value(row).is_finite();
        match self {
            Self::Time(times) => times.is_null(row),
            Self::Day(days, _) => days.is_null(row),
            Self::Boolean(booleans) => booleans.is_null(row),
            Self::Integer(numbers) => numbers.is_null(row),
            Self::Float(floats) => float(floats),
            Self::Text(texts) => texts.is_null(row),
            Self::TextList(lists) => lists.is_null(row),
            Self::Location(lat, lon) => float(lat) || float(lon),
            Self::Histogram(values, counts) => values.is_null(row) || counts.is_null(row),
        }
    }

    pub(super) fn time(&self, row: usize) -> Option<EventTime> {
        match self {
            Self::Time(times) if times.is_valid(row) => Some(EventTime(times.value(row))),
            _ => None,
        }
    }

    pub(super) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Text(texts) if texts.is_valid(row) => Some(texts.value(row)),
            Self::Day(days, texts) if days.is_valid(row) => Some(&texts[row]),
            _ => None,
        }
    }

    pub(super) fn position(&self, row: usize) -> Option<u32> {
        match self {
            Self::Integer(numbers) if numbers.is_valid(row) => numbers.value(row).try_into().ok(),
            _ => None,
        }
    }

    pub(super) fn key_part(&self, row: usize) -> Option<KeyPart<'_>> {
        match self {
            Self::Integer(numbers) if numbers.is_valid(row) => {
                Some(KeyPart::Integer(numbers.value(row)))
            }
            Self::Time(_) => self.time(row).map(KeyPart::Time),
            _ => self.text(row).map(KeyPart::Text),
        }
    }

    /// Writes a value that is not null.
    pub(super) fn write(&self, row: usize, into: &mut String) {
        match self {
            Self::Time(times) => {
                write_display(format_args!("\"{}\"", EventTime(times.value(row))), into)
            }
            Self::Day(_, texts) => push_json_text(into, &texts[row]),
            Self::Boolean(booleans) => {
                into.push_str(if booleans.value(row) { "true" } else { "false" })
            }
            Self::Integer(numbers) => write_display(format_args!("{}", numbers.value(row)), into),
            Self::Float(floats) => push_float(into, floats.value(row)),
            Self::Text(texts) => push_json_text(into, texts.value(row)),
            Self::TextList(lists) => {
                let texts = lists.value(row);
                into.push('[');
                for (index, text) in texts.as_string_view().iter().flatten().enumerate() {
                    if index > 0 {
                        into.push(',');
                    }
                    push_json_text(into, text);
                }
                into.push(']');
            }
            Self::Location(lat, lon) => {
                into.push_str("{\"lat\":");
                push_float(into, lat.value(row));
                into.push_str(",\"lon\":");
                push_float(into, lon.value(row));
                into.push('}');
            }
            Self::Histogram(values, counts) => {
                let (values, counts) = (values.value(row), counts.value(row));
                let values = values.as_primitive::<Float64Type>().values();
                push_histogram(into, values, counts.as_primitive::<Int64Type>().values());
            }
        }
    }
}

fn write_display(arguments: std::fmt::Arguments<'_>, into: &mut String) {
    into.write_fmt(arguments).expect("writing to a string cannot fail");
}
