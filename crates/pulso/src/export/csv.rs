//! Documents as rows of CSV (RFC 4180).

use std::io::{self, Write};

use pulso_model::{Field, FieldType, View};
use pulso_pipeline::StoredDocument;
use serde_json::Value;

/// Columns are the view's fields; a location is two, a list or a histogram is a JSON text, an absent field is empty.
pub(super) struct CsvExport<W: Write> {
    view: View,
    writer: csv::Writer<W>,
}

impl<W: Write> CsvExport<W> {
    pub(super) fn new(view: View, output: W) -> anyhow::Result<Self> {
        let mut writer = csv::Writer::from_writer(output);
        for &Field { name, field_type } in view.fields() {
            if field_type == FieldType::Location {
                writer.write_field(format!("{name}.lat"))?;
                writer.write_field(format!("{name}.lon"))?;
            } else {
                writer.write_field(name)?;
            }
        }
        writer.write_record(None::<&[u8]>)?;
        Ok(Self { view, writer })
    }

    pub(super) fn write(&mut self, chunk: &[StoredDocument]) -> anyhow::Result<()> {
        for StoredDocument { document, .. } in chunk {
            let body: Value = serde_json::from_str(&document.body)?;
            for &Field { name, field_type } in self.view.fields() {
                let value = name.split('.').fold(&body, |value, part| &value[part]);
                if field_type == FieldType::Location {
                    self.writer.write_field(cell(&value["lat"]))?;
                    self.writer.write_field(cell(&value["lon"]))?;
                } else {
                    self.writer.write_field(cell(value))?;
                }
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use pulso_model::{EventTime, Layer, ViewDocument};
    use pulso_testkit::view;

    use super::*;

    #[test]
    fn a_row_has_every_field_in_its_column() {
        let body = r#"{"@timestamp":"1970-01-01T00:00:00.000Z","country":"DE","response":"yes",
            "responses":2,"guests":0,"attendees":2,"location":{"lat":1.5,"lon":-2.0}}"#;
        let document = ViewDocument {
            view: view("country-activity"),
            id: "id".into(),
            time: EventTime(0),
            position: 0,
            scope: None,
            body: body.into(),
        };
        let mut bytes = Vec::new();
        let mut csv = CsvExport::new(view("country-activity"), &mut bytes).unwrap();
        csv.write(&[StoredDocument { layer: Layer::Speed, document }]).unwrap();
        csv.finish().unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "@timestamp,country,response,responses,guests,attendees,location.lat,location.lon\n\
             1970-01-01T00:00:00.000Z,DE,yes,2,0,2,1.5,-2.0\n"
        );
    }

    #[test]
    fn text_with_commas_and_quotes_is_quoted() {
        let body = r#"{"group":{"id":1,"name":"Run, \"fast\""}}"#;
        let document = ViewDocument {
            view: view("groups"),
            id: "id".into(),
            time: EventTime(0),
            position: 0,
            scope: None,
            body: body.into(),
        };
        let mut bytes = Vec::new();
        let mut csv = CsvExport::new(view("groups"), &mut bytes).unwrap();
        csv.write(&[StoredDocument { layer: Layer::Batch, document }]).unwrap();
        csv.finish().unwrap();
        assert!(String::from_utf8(bytes).unwrap().contains(r#",1,"Run, ""fast""","#));
    }
}
