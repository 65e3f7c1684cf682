use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray, new_null_array,
};
use datafusion::arrow::datatypes::DataType;
use pulso_model::FieldType;
use pulso_testkit::view;

use super::*;

/// A row of groups with few values, and one column in place of the usual; `None` leaves it out.
fn groups(name: &str, column: Option<ArrayRef>) -> RecordBatch {
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for field in view("groups").fields() {
        let array: ArrayRef = match field.field_type {
            FieldType::Time => Arc::new(TimestampMillisecondArray::from(vec![-1])),
            FieldType::Text => new_null_array(&DataType::Utf8, 1),
            FieldType::Location => {
                let degrees = new_null_array(&DataType::Float64, 1);
                columns.push((format!("{}.lat", field.name), Arc::clone(&degrees)));
                columns.push((format!("{}.lon", field.name), degrees));
                continue;
            }
            _ => Arc::new(Int64Array::from(vec![7])),
        };
        columns.push((field.name.to_owned(), array));
    }
    let place = columns.iter().position(|(found, _)| found == name).unwrap();
    match column {
        Some(column) => columns[place].1 = column,
        None => drop(columns.remove(place)),
    }
    RecordBatch::try_from_iter(columns).unwrap()
}

fn body(batch: &RecordBatch) -> String {
    Encoder::new(view("groups")).encode(batch).unwrap().remove(0).body
}

#[test]
fn nulls_are_left_out_and_objects_without_members() {
    let expected = "{\"@timestamp\":\"1969-12-31T23:59:59.999Z\",\"group\":{\"id\":7},\"events\":7,\
        \"members\":7,\"responses\":7,\"yes\":7,\"no\":7,\"guests\":7,\"attendees\":7,\
        \"first_response\":\"1969-12-31T23:59:59.999Z\"}";
    let half = groups("group.location.lat", Some(Arc::new(Float64Array::from(vec![1.0]))));
    assert_eq!(body(&half), expected, "half a place is none");
}

#[test]
fn text_of_any_kind_reads_back() {
    let texts =
        ["", "\"", "\\", "\u{1}\u{1f}\t\r\n\u{7f}", "日本 🎉 \u{feff}", "a/b", "\"a\"\nb\\c"];
    for text in texts {
        let batch = groups("group.name", Some(Arc::new(StringArray::from(vec![text]))));
        let value: serde_json::Value = serde_json::from_str(&body(&batch)).unwrap();
        assert_eq!(value["group"]["name"], text);
    }
}

#[test]
fn a_missing_column_and_a_missing_key_are_errors_that_name_them() {
    let mut encoder = Encoder::new(view("groups"));
    let error = encoder.encode(&groups("members", None)).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("`members`"), "{source}");
    let null = new_null_array(&DataType::Int64, 1);
    let error = encoder.encode(&groups("group.id", Some(null))).unwrap_err();
    assert_eq!(error.to_string(), "job `groups` returned a row without `group.id`");
}
