//! The columns of the master dataset: one table that gives the builders, the schema and their order.
//!
//! `day` is missing here: it is the partition column, so it stands in a file's path, not in the file.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, Float64Builder, Int32Builder, Int64Builder, ListBuilder,
    RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use pulso_model::{Coordinate, DeadLetter, EventTime, Response, WallTime};
use pulso_pipeline::Record;

/// The partition column: the UTC day of the event, or of `log_time` for a dead letter.
pub(crate) const DAY: &str = "day";

type Times = TimestampMicrosecondBuilder;
type Texts = ListBuilder<StringBuilder>;

/// A builder that knows the type of its column and starts without memory of its own, as a segment
/// may touch many days.
trait Column: ArrayBuilder + Sized {
    fn empty() -> Self;
    fn data_type() -> DataType;
}

/// Columns that are filled together.
trait ColumnSet {
    fn empty() -> Self;
    fn fields() -> Vec<Field>;
    fn push_null(&mut self);
    fn finish(&mut self) -> Vec<ArrayRef>;
}

macro_rules! columns {
    ($(#[$doc:meta])* $set:ident, nullable: $nullable:literal, $($name:ident: $builder:ty,)*) => {
        $(#[$doc])*
        #[derive(Debug)]
        struct $set { $($name: $builder,)* }

        impl ColumnSet for $set {
            fn empty() -> Self {
                Self { $($name: <$builder as Column>::empty(),)* }
            }

            fn fields() -> Vec<Field> {
                vec![$(Field::new(stringify!($name), <$builder>::data_type(), $nullable),)*]
            }

            fn push_null(&mut self) {
                $(self.$name.append_null();)*
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
    /// Why a message is a dead letter; null for a response.
    DeadLetterColumns, nullable: true,
    reason: StringBuilder,
    detail: StringBuilder,
}

columns! {
    /// The decoded response; null for a dead letter.
    ResponseColumns, nullable: true,
    mtime: Times,
    rsvp_id: Int64Builder,
    response: StringBuilder,
    guests: Int32Builder,
    country: StringBuilder,
    topics: Texts,
    topic_names: Texts,
    member_id: Int64Builder,
    member_name: StringBuilder,
    event_id: StringBuilder,
    event_name: StringBuilder,
    event_url: StringBuilder,
    event_time: Times,
    group_id: Int64Builder,
    group_name: StringBuilder,
    group_urlname: StringBuilder,
    group_city: StringBuilder,
    group_state: StringBuilder,
    group_lat: Float64Builder,
    group_lon: Float64Builder,
    venue_id: Int64Builder,
    venue_name: StringBuilder,
    venue_lat: Float64Builder,
    venue_lon: Float64Builder,
}

/// The schema of a Parquet file.
pub(crate) fn file_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = [MessageColumns::fields(), DeadLetterColumns::fields()];
        let fields = fields.into_iter().flatten().chain(ResponseColumns::fields());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

/// The schema of the table: `day`, then the columns of the files.
pub(crate) fn table_schema() -> Schema {
    let day = Arc::new(Field::new(DAY, DataType::Date32, false));
    let columns = file_schema();
    Schema::new([day].into_iter().chain(columns.fields().iter().cloned()).collect::<Vec<_>>())
}

/// Rows under construction.
#[derive(Debug)]
pub(crate) struct Rows {
    message: MessageColumns,
    dead_letter: DeadLetterColumns,
    response: ResponseColumns,
}

impl Rows {
    pub(crate) fn empty() -> Self {
        Self {
            message: MessageColumns::empty(),
            dead_letter: DeadLetterColumns::empty(),
            response: ResponseColumns::empty(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.message.offset.len()
    }

    /// Adds the row of one record and what it decodes to.
    pub(crate) fn push(&mut self, record: &Record, decoded: &Result<Response<'_>, DeadLetter>) {
        self.message.push(record);
        match decoded {
            Ok(response) => {
                self.dead_letter.push_null();
                self.response.push(response);
            }
            Err(dead_letter) => {
                self.dead_letter.reason.append_value(dead_letter.reason.name());
                self.dead_letter.detail.append_value(&dead_letter.detail);
                self.response.push_null();
            }
        }
    }

    /// The rows so far; leaves none.
    pub(crate) fn finish(&mut self) -> RecordBatch {
        let columns = [self.message.finish(), self.dead_letter.finish(), self.response.finish()];
        RecordBatch::try_new(file_schema(), columns.concat())
            .expect("schema and columns come from one table, and every push fills every column")
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

impl ResponseColumns {
    fn push(&mut self, response: &Response<'_>) {
        let Response { rsvp_id, event_time, kind, guests, member, event, group, venue, topics } =
            response;
        self.mtime.append_value(micros(*event_time));
        self.rsvp_id.append_value(*rsvp_id);
        self.response.append_value(kind.name());
        self.guests.append_value(i32::try_from(*guests).unwrap_or(i32::MAX));
        self.country.append_value(&group.country);
        append_texts(&mut self.topics, topics.iter().map(|topic| &*topic.key));
        append_texts(&mut self.topic_names, topics.iter().map(|topic| &*topic.name));
        self.member_id.append_value(member.id);
        self.member_name.append_option(member.name.as_deref());
        self.event_id.append_value(&event.id);
        self.event_name.append_option(event.name.as_deref());
        self.event_url.append_option(event.url.as_deref());
        self.event_time.append_option(event.time.map(micros));
        self.group_id.append_value(group.id);
        self.group_name.append_option(group.name.as_deref());
        self.group_urlname.append_option(group.urlname.as_deref());
        self.group_city.append_option(group.city.as_deref());
        self.group_state.append_option(group.state.as_deref());
        self.group_lat.append_option(group.coordinate.map(Coordinate::latitude));
        self.group_lon.append_option(group.coordinate.map(Coordinate::longitude));
        let place = venue.as_ref().and_then(|venue| venue.coordinate);
        self.venue_id.append_option(venue.as_ref().and_then(|venue| venue.id));
        self.venue_name.append_option(venue.as_ref().and_then(|venue| venue.name.as_deref()));
        self.venue_lat.append_option(place.map(Coordinate::latitude));
        self.venue_lon.append_option(place.map(Coordinate::longitude));
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
