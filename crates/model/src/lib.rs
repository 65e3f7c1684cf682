//! What Pulso knows of messages, whatever stream they are of: times, facts, streams, views, documents.
//!
//! Pure: no IO, no clock, no async, no logging. Everything that two layers must agree on to the last
//! digit (what a fact is, which facts are the same, how a document and its `_id` look) stands here
//! once. It knows no stream by name, and no message: decoders do, one for each stream.

mod comparison;
mod coordinate;
mod dead_letter;
mod decode;
mod document;
pub mod duration;
mod fact;
mod identity;
mod offsets;
mod redact;
mod renaming;
mod scan;
mod statistics;
mod stream;
mod time;
mod view;

pub use comparison::Comparison;
pub use coordinate::{Coordinate, CoordinateSum, Location};
pub use dead_letter::{DeadLetter, Reason};
pub use decode::{Decode, Decoded, Decoder, Head, MAX_MESSAGE_BYTES, StoreOptions, TimeLimits};
pub use document::{
    ActivityDocument, ContactDocument, DeadLetterDocument, EndedTrendDocument, FactWriter,
    HealthDocument, KeyValue, LateFactDocument, Layout, SessionDocument, StatisticsDocument,
    TrendDocument, TrendWindow, ViewDocument, push_float, push_histogram, push_json_text,
};
pub use fact::{FACETS_MAX, Fact, KINDS_MAX, Key, SUM_MAX, SUMS_MAX, Term, UNKNOWN_SCOPE, Value};
pub use identity::Identity;
pub use offsets::Offsets;
pub use redact::redact;
pub use renaming::{OddDocument, Renaming};
pub use scan::any_byte;
pub use statistics::{Histogram, NUMBER_MAX, QUANTILES, Statistics, Summary, bucket_of};
pub use stream::{
    By, Column, ColumnType, Counts, Deletion, Facet, FactsView, Job, KindField, LakeColumn, Names,
    Number, NumberPlace, Part, Personal, Position, SESSIONS_MAX, STATISTICS_MAX, ScopeField,
    ScopeValues, Session, SessionFacet, Statistic, Stream,
};
pub use time::{Day, DayRange, EventTime, WallTime};
pub use view::{Edges, Field, FieldType, KeyField, KeyPart, Layer, View, ViewDescriptor, ViewKind};
