//! Documents of a view as one Parquet file, for other programs.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder,
    ListBuilder, RecordBatch, StringBuilder, TimestampMillisecondBuilder,
};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, TimeUnit};
use deltalake::parquet::arrow::ArrowWriter;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use pulso_model::{Day, EventTime, Field, FieldType, View};
use serde_json::Value;

use crate::Error;

/// Rows held in memory before they are encoded.
const BATCH_ROWS: usize = 8192;

/// Columns are the view's fields by their dotted names; a location is two columns, `….lat` and
/// `….lon` in degrees, and a histogram two lists, `….values` and `….counts`; times are UTC with milliseconds.
#[derive(Debug)]
pub struct ParquetExport<W: Write + Send> {
    columns: Vec<Column>,
    schema: Arc<Schema>,
    writer: ArrowWriter<W>,
    rows: usize,
}

#[derive(Debug)]
struct Column {
    path: Vec<String>,
    builder: Builder,
}

#[derive(Debug)]
enum Builder {
    Time(TimestampMillisecondBuilder),
    Day(Date32Builder),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    TextList(ListBuilder<StringBuilder>),
    FloatList(ListBuilder<Float64Builder>),
    IntegerList(ListBuilder<Int64Builder>),
}

impl<W: Write + Send> ParquetExport<W> {
    /// # Errors
    /// When the beginning of the file cannot be written.
    pub fn new(view: View, output: W) -> Result<Self, Error> {
        let columns: Vec<Column> = view.fields().iter().flat_map(columns).collect();
        let fields: Vec<ArrowField> = columns.iter().map(Column::field).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = ArrowWriter::try_new(output, Arc::clone(&schema), Some(properties))
            .map_err(|source| Error::Export { source })?;
        Ok(Self { columns, schema, writer, rows: 0 })
    }

    /// Adds documents given as JSON objects.
    ///
    /// # Errors
    /// When the file cannot be written. A field that is absent or of another type is null.
    pub fn write<'a>(&mut self, bodies: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        for body in bodies {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            for column in &mut self.columns {
                let value = column.path.iter().fold(&body, |value, part| &value[part.as_str()]);
                column.builder.append(value);
            }
            self.rows += 1;
            if self.rows == BATCH_ROWS {
                self.encode()?;
            }
        }
        Ok(())
    }

    /// Writes the end of the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        self.encode()?;
        let failed = |source| Error::Export { source };
        self.writer.finish().map_err(failed)?;
        self.writer.inner_mut().flush().map_err(|error| failed(error.into()))
    }

    fn encode(&mut self) -> Result<(), Error> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(|column| column.builder.finish()).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .expect("each builder makes what its field says");
        self.writer.write(&batch).map_err(|source| Error::Export { source })
    }
}

fn columns(field: &Field) -> Vec<Column> {
    let path = |rest: Option<&str>| {
        field.name.split('.').chain(rest).map(str::to_owned).collect::<Vec<_>>()
    };
    let builder = match field.field_type {
        FieldType::Time => Builder::Time(TimestampMillisecondBuilder::new().with_timezone("UTC")),
        FieldType::Day => Builder::Day(Date32Builder::new()),
        FieldType::Boolean => Builder::Boolean(BooleanBuilder::new()),
        FieldType::Integer => Builder::Integer(Int64Builder::new()),
        FieldType::Float => Builder::Float(Float64Builder::new()),
        FieldType::Text => Builder::Text(StringBuilder::new()),
        FieldType::TextList => Builder::TextList(ListBuilder::new(StringBuilder::new())),
        FieldType::Location => {
            let degrees = || Builder::Float(Float64Builder::new());
            return vec![
                Column { path: path(Some("lat")), builder: degrees() },
                Column { path: path(Some("lon")), builder: degrees() },
            ];
        }
        FieldType::Histogram => {
            let values = Builder::FloatList(ListBuilder::new(Float64Builder::new()));
            let counts = Builder::IntegerList(ListBuilder::new(Int64Builder::new()));
            return vec![
                Column { path: path(Some("values")), builder: values },
                Column { path: path(Some("counts")), builder: counts },
            ];
        }
    };
    vec![Column { path: path(None), builder }]
}

impl Column {
    fn field(&self) -> ArrowField {
        let data_type = match &self.builder {
            Builder::Time(_) => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Builder::Day(_) => DataType::Date32,
            Builder::Boolean(_) => DataType::Boolean,
            Builder::Integer(_) => DataType::Int64,
            Builder::Float(_) => DataType::Float64,
            Builder::Text(_) => DataType::Utf8,
            Builder::TextList(_) => DataType::new_list(DataType::Utf8, true),
            Builder::FloatList(_) => DataType::new_list(DataType::Float64, true),
            Builder::IntegerList(_) => DataType::new_list(DataType::Int64, true),
        };
        ArrowField::new(self.path.join("."), data_type, true)
    }
}

impl Builder {
    fn append(&mut self, value: &Value) {
        let text = value.as_str();
        match self {
            Self::Time(builder) => {
                let time = text.and_then(|text| text.parse::<EventTime>().ok());
                builder.append_option(time.map(|time| time.0));
            }
            Self::Day(builder) => {
                let day = text.and_then(|text| text.parse::<Day>().ok());
                builder.append_option(day.map(|day| day.0));
            }
            Self::Boolean(builder) => builder.append_option(value.as_bool()),
            Self::Integer(builder) => builder.append_option(value.as_i64()),
            Self::Float(builder) => builder.append_option(value.as_f64()),
            Self::Text(builder) => builder.append_option(text),
            Self::TextList(builder) => {
                let items = value.as_array();
                for item in items.into_iter().flatten() {
                    builder.values().append_option(item.as_str());
                }
                builder.append(items.is_some());
            }
            Self::FloatList(builder) => {
                let items = value.as_array();
                for item in items.into_iter().flatten() {
                    builder.values().append_option(item.as_f64());
                }
                builder.append(items.is_some());
            }
            Self::IntegerList(builder) => {
                let items = value.as_array();
                for item in items.into_iter().flatten() {
                    builder.values().append_option(item.as_i64());
                }
                builder.append(items.is_some());
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(builder) => ArrayBuilder::finish(builder),
            Self::Day(builder) => ArrayBuilder::finish(builder),
            Self::Boolean(builder) => ArrayBuilder::finish(builder),
            Self::Integer(builder) => ArrayBuilder::finish(builder),
            Self::Float(builder) => ArrayBuilder::finish(builder),
            Self::Text(builder) => ArrayBuilder::finish(builder),
            Self::TextList(builder) => ArrayBuilder::finish(builder),
            Self::FloatList(builder) => ArrayBuilder::finish(builder),
            Self::IntegerList(builder) => ArrayBuilder::finish(builder),
        }
    }
}
