//! The columns of the master dataset: what the log knows of every message, and what its stream declares.
//!
//! `day` is missing here: it is the partition column, so it stands in a file's path, not in the file.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int32Builder,
    Int64Builder, ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use pulso_model::{
    ColumnType, Coordinate, DeadLetter, Decoded, EventTime, Fact, LakeColumn, Part, Stream, Term,
    Value, WallTime,
};
use pulso_pipeline::Record;

/// The partition column: the UTC day of the event, or of `log_time` for what is no fact.
pub(crate) const DAY: &str = "day";

/// The event time of a fact.
pub(crate) const TIME: &str = "time";

type Times = TimestampMicrosecondBuilder;
type Texts = ListBuilder<StringBuilder>;

/// The columns of one stream's table.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    stream: &'static Stream,
    fact: Arc<[LakeColumn]>,
    schema: SchemaRef,
}

impl Columns {
    pub(crate) fn of(stream: &'static Stream) -> Self {
        let fact: Arc<[LakeColumn]> = stream.lake_columns().into();
        let own =
            fact.iter().map(|column| Field::new(column.name, data_type(column.column_type), true));
        let fields = MessageColumns::fields().into_iter().chain(OutcomeColumns::fields());
        let schema = Arc::new(Schema::new(fields.chain(own).collect::<Vec<_>>()));
        Self { stream, fact, schema }
    }

    pub(crate) fn stream(&self) -> &'static Stream {
        self.stream
    }

    /// The schema of a Parquet file.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The schema of the table: `day`, then the columns of the files.
    pub(crate) fn table_schema(&self) -> Schema {
        let day = Arc::new(Field::new(DAY, DataType::Date32, false));
        let columns = self.schema.fields().iter().cloned();
        Schema::new([day].into_iter().chain(columns).collect::<Vec<_>>())
    }

    /// Columns whose values repeat so often that a dictionary saves more than building it costs, as paths.
    pub(crate) fn repetitive(&self) -> Vec<Vec<&'static str>> {
        let own = self.fact.iter().filter_map(|column| match column.part {
            Part::Kind | Part::Scope => Some(vec![column.name]),
            Part::TermKeys(_) | Part::TermNames(_) => Some(vec![column.name, "list", "element"]),
            _ => None,
        });
        ["source", "outcome", "reason"].map(|name| vec![name]).into_iter().chain(own).collect()
    }

    /// Columns that queries narrow by, pruned by row group. Statistics of text cost a comparison for
    /// each value, so the others have none.
    pub(crate) fn narrowing(&self) -> Vec<&'static str> {
        let scope = self.stream.scope.map(|scope| scope.name);
        ["partition", "log_time", "outcome", "reason"].into_iter().chain(scope).collect()
    }

    /// Columns that are pruned also by page: positions, times, and numbers that tell facts apart.
    pub(crate) fn positions(&self) -> Vec<(&'static str, ColumnType)> {
        let identity = self.fact.iter().filter(|column| {
            column.column_type == ColumnType::Integer
                && matches!(column.part, Part::Column(_))
                && self.stream.identity.contains(&column.part)
        });
        [("offset", ColumnType::Integer), (TIME, ColumnType::Time)]
            .into_iter()
            .chain(identity.map(|column| (column.name, column.column_type)))
            .collect()
    }
}

/// A builder that knows the type of its column and starts without memory of its own, as a segment
/// may touch many days.
trait Column: ArrayBuilder + Sized {
    fn empty() -> Self;
    fn data_type() -> DataType;
}

macro_rules! columns {
    ($(#[$doc:meta])* $set:ident, nullable: $nullable:literal, $($name:ident: $builder:ty,)*) => {
        $(#[$doc])*
        #[derive(Debug)]
        struct $set { $($name: $builder,)* }

        impl $set {
            fn empty() -> Self {
                Self { $($name: <$builder as Column>::empty(),)* }
            }

            fn fields() -> Vec<Field> {
                vec![$(Field::new(stringify!($name), <$builder>::data_type(), $nullable),)*]
            }

            fn finish(&mut self) -> Vec<ArrayRef> {
                vec![$(Arc::new(self.$name.finish()),)*]
            }
        }
    };
}

columns! {
    /// What the log knows of every message.
    MessageColumns, nullable: false,
    partition: Int32Builder,
    offset: Int64Builder,
    log_time: Times,
    received_time: Times,
    source: StringBuilder,
    payload: BinaryBuilder,
}

columns! {
    /// Where the source went on, and what became of the message: `fact`, `skipped` or `dead_letter`. A
    /// fact has no reason.
    OutcomeColumns, nullable: true,
    cursor: StringBuilder,
    outcome: StringBuilder,
    reason: StringBuilder,
    detail: StringBuilder,
}

/// The values of one column of facts; null for what is none.
#[derive(Debug)]
enum FactColumn {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Texts(Texts),
    Time(Times),
}

/// Rows under construction.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Columns,
    message: MessageColumns,
    outcome: OutcomeColumns,
    fact: Vec<FactColumn>,
}

impl Rows {
    pub(crate) fn empty(columns: &Columns) -> Self {
        let fact = columns.fact.iter().map(|column| FactColumn::empty(column.column_type));
        Self {
            columns: columns.clone(),
            message: MessageColumns::empty(),
            outcome: OutcomeColumns::empty(),
            fact: fact.collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.message.offset.len()
    }

    /// Adds the row of one record and what it decodes to.
    pub(crate) fn push(&mut self, record: &Record, decoded: &Result<Decoded<'_>, DeadLetter>) {
        self.message.push(record);
        self.outcome.push(record, decoded);
        let places = self.fact.iter_mut().zip(&*self.columns.fact);
        match decoded {
            Ok(Decoded::Fact(fact)) => {
                let stream = self.columns.stream;
                places.for_each(|(builder, column)| builder.push(column.part, fact, stream));
            }
            _ => places.for_each(|(builder, _)| builder.push_null()),
        }
    }

    /// The rows so far; leaves none.
    pub(crate) fn finish(&mut self) -> RecordBatch {
        let fact = self.fact.iter_mut().map(FactColumn::finish).collect();
        let columns = [self.message.finish(), self.outcome.finish(), fact];
        RecordBatch::try_new(self.columns.file_schema(), columns.concat())
            .expect("schema and columns come from one list, and every push fills every column")
    }
}

impl MessageColumns {
    fn push(&mut self, record: &Record) {
        let partition = i32::try_from(record.partition);
        self.partition.append_value(partition.expect("logs have fewer than 2^31 partitions"));
        let offset = i64::try_from(record.offset);
        self.offset.append_value(offset.expect("logs are shorter than 2^63 messages"));
        self.log_time.append_value(wall_micros(record.log_time));
        self.received_time.append_value(wall_micros(record.headers.received_time));
        self.source.append_value(&record.headers.source);
        self.payload.append_value(&record.payload);
    }
}

impl OutcomeColumns {
    fn push(&mut self, record: &Record, decoded: &Result<Decoded<'_>, DeadLetter>) {
        let (outcome, reason, detail) = match decoded {
            Ok(Decoded::Fact(_)) => ("fact", None, None),
            Ok(Decoded::Skipped(reason)) => ("skipped", Some(&**reason), None),
            Err(dead) => ("dead_letter", Some(dead.reason.name()), Some(&*dead.detail)),
        };
        self.cursor.append_option(record.headers.cursor.as_deref());
        self.outcome.append_value(outcome);
        self.reason.append_option(reason);
        self.detail.append_option(detail);
    }
}

impl FactColumn {
    fn empty(column_type: ColumnType) -> Self {
        match column_type {
            ColumnType::Boolean => Self::Boolean(Column::empty()),
            ColumnType::Integer => Self::Integer(Column::empty()),
            ColumnType::Float => Self::Float(Column::empty()),
            ColumnType::Text => Self::Text(Column::empty()),
            ColumnType::Texts => Self::Texts(Column::empty()),
            ColumnType::Time => Self::Time(Column::empty()),
        }
    }

    /// A part of another type than its column, which decoders do not make, is null.
    fn push(&mut self, part: Part, fact: &Fact<'_>, stream: &Stream) {
        match (part, self) {
            (Part::Time, Self::Time(times)) => times.append_value(micros(fact.time)),
            (Part::Kind, Self::Text(texts)) => {
                texts.append_value(stream.kind.values[usize::from(fact.kind)]);
            }
            (Part::Scope, Self::Text(texts)) => texts.append_value(&fact.scope),
            (Part::Sum(at), Self::Integer(numbers)) => {
                numbers.append_value(fact.sum(at));
            }
            (Part::Latitude, Self::Float(degrees)) => {
                degrees.append_option(fact.place.map(Coordinate::latitude));
            }
            (Part::Longitude, Self::Float(degrees)) => {
                degrees.append_option(fact.place.map(Coordinate::longitude));
            }
            (Part::TermKeys(at), Self::Texts(list)) => {
                append_texts(list, fact.terms[at].iter().map(|Term { key, .. }| &**key));
            }
            (Part::TermNames(at), Self::Texts(list)) => {
                append_texts(list, fact.terms[at].iter().map(|Term { name, .. }| &**name));
            }
            (Part::Column(at), column) => column.push_value(&fact.columns[at]),
            (_, column) => column.push_null(),
        }
    }

    fn push_value(&mut self, value: &Value<'_>) {
        match (self, value) {
            (Self::Boolean(column), Value::Boolean(value)) => column.append_value(*value),
            (Self::Integer(column), Value::Integer(value)) => column.append_value(*value),
            (Self::Float(column), Value::Float(value)) => column.append_value(*value),
            (Self::Text(column), Value::Text(value)) => column.append_value(value),
            (Self::Texts(column), Value::Texts(value)) => {
                append_texts(column, value.iter().map(|text| &**text));
            }
            (Self::Time(column), Value::Time(value)) => column.append_value(micros(*value)),
            (column, _) => column.push_null(),
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Boolean(column) => column.append_null(),
            Self::Integer(column) => column.append_null(),
            Self::Float(column) => column.append_null(),
            Self::Text(column) => column.append_null(),
            Self::Texts(column) => column.append_null(),
            Self::Time(column) => column.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(column) => Arc::new(column.finish()),
            Self::Integer(column) => Arc::new(column.finish()),
            Self::Float(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Texts(column) => Arc::new(column.finish()),
            Self::Time(column) => Arc::new(column.finish()),
        }
    }
}

fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Boolean => BooleanBuilder::data_type(),
        ColumnType::Integer => Int64Builder::data_type(),
        ColumnType::Float => Float64Builder::data_type(),
        ColumnType::Text => StringBuilder::data_type(),
        ColumnType::Texts => Texts::data_type(),
        ColumnType::Time => Times::data_type(),
    }
}

fn append_texts<'a>(list: &mut Texts, texts: impl Iterator<Item = &'a str>) {
    texts.for_each(|text| list.values().append_value(text));
    list.append(true);
}

/// Microseconds since the epoch; the range of event times makes an overflow impossible.
fn micros(time: EventTime) -> i64 {
    time.0 * 1000
}

/// A clock far out of the years 1 to 9999 is kept at their end: other readers could not show it.
fn wall_micros(time: WallTime) -> i64 {
    micros(EventTime(time.0.clamp(*EventTime::RANGE.start(), *EventTime::RANGE.end())))
}

impl Column for BooleanBuilder {
    fn empty() -> Self {
        Self::with_capacity(0)
    }

    fn data_type() -> DataType {
        DataType::Boolean
    }
}

impl Column for Int32Builder {
    fn empty() -> Self {
        Self::with_capacity(0)
    }

    fn data_type() -> DataType {
        DataType::Int32
    }
}

impl Column for Int64Builder {
    fn empty() -> Self {
        Self::with_capacity(0)
    }

    fn data_type() -> DataType {
        DataType::Int64
    }
}

impl Column for Float64Builder {
    fn empty() -> Self {
        Self::with_capacity(0)
    }

    fn data_type() -> DataType {
        DataType::Float64
    }
}

impl Column for Times {
    fn empty() -> Self {
        Self::with_capacity(0).with_timezone("UTC")
    }

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }
}

impl Column for StringBuilder {
    fn empty() -> Self {
        Self::with_capacity(0, 0)
    }

    fn data_type() -> DataType {
        DataType::Utf8
    }
}

impl Column for BinaryBuilder {
    fn empty() -> Self {
        Self::with_capacity(0, 0)
    }

    fn data_type() -> DataType {
        DataType::Binary
    }
}

impl Column for Texts {
    fn empty() -> Self {
        Self::with_capacity(StringBuilder::empty(), 0).with_field(element())
    }

    fn data_type() -> DataType {
        DataType::List(Arc::new(element()))
    }
}

/// Lists never hold nulls, but Delta readers expect that they might.
fn element() -> Field {
    Field::new("element", DataType::Utf8, true)
}
