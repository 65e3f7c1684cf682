//! What Pulso knows about meetup responses: times, decoding, echoes and view documents.
//!
//! Pure: no IO, no clock, no async, no logging. Everything that two layers must agree on to the last
//! digit (what a response is, which messages are echoes, how a document and its `_id` look) stands
//! here once.

mod coordinate;
mod dead_letter;
mod decode;
mod document;
mod echo;
mod response;
mod scan;
mod time;
mod view;

pub use coordinate::{Coordinate, CoordinateSum, Location};
pub use dead_letter::{DeadLetter, Reason};
pub use decode::{MAX_MESSAGE_BYTES, decode, mtime, rsvp_id};
pub use document::{
    ActivityDocument, DeadLetterDocument, HealthDocument, KeyValue, LateResponseDocument,
    ResponseDocument, TrendDocument, ViewDocument, push_json_text,
};
pub use echo::EchoKey;
pub use response::{Event, Group, Member, Response, ResponseKind, Topic, Venue};
pub use time::{Day, DayRange, EventTime, WallTime};
pub use view::{Field, FieldType, KeyField, KeyPart, Layer, Scope, View};
