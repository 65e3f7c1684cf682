//! The parts of a fact, by which identities, columns and documents are described.

use std::borrow::Cow;

use super::Stream;
use crate::identity::IdentityWriter;
use crate::{Fact, Identity, Value};

/// A part of a fact, or of where its message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Time,
    /// The nearest whole second of the time, half up.
    Second,
    Scope,
    Kind,
    /// By index, as all numbers here.
    Sum(usize),
    Latitude,
    Longitude,
    /// The coordinate as a whole.
    Place,
    /// A coordinate of two columns.
    Columns(usize, usize),
    TermKeys(usize),
    TermNames(usize),
    Column(usize),
    /// Of the message in the log.
    Partition,
    Offset,
}

/// Where a message stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub partition: u32,
    pub offset: u64,
}

/// Equal identities mean equal parts, and the other way round. Locations and lists are no parts of
/// an identity; descriptors with such are refused.
pub(super) fn identity(parts: &[Part], stream: &Stream, fact: &Fact<'_>) -> Option<Identity> {
    if parts.is_empty() {
        return None;
    }
    let mut tuple = IdentityWriter::default();
    for part in parts {
        match *part {
            Part::Time => tuple.integer(fact.time.0),
            Part::Second => tuple.integer(fact.time.nearest_second()),
            Part::Scope => tuple.text(&fact.scope),
            Part::Kind => tuple.text(stream.kind.values[usize::from(fact.kind)]),
            Part::Sum(at) => tuple.integer(fact.sum(at)),
            Part::Column(at) => column(&mut tuple, &fact.columns[at]),
            _ => debug_assert!(false, "{part:?} is no part of an identity"),
        }
    }
    Some(tuple.finish())
}

fn column(tuple: &mut IdentityWriter, value: &Value<'_>) {
    match value {
        Value::Null | Value::Texts(_) => tuple.null(),
        Value::Boolean(boolean) => tuple.integer(i64::from(*boolean)),
        Value::Integer(number) => tuple.integer(*number),
        Value::Float(number) => tuple.float(*number),
        Value::Text(text) => tuple.text(text),
        Value::Time(time) => tuple.integer(time.0),
    }
}

/// A value as one text; `None` for a list and for nothing.
pub(crate) fn text<'f>(value: &'f Value<'_>) -> Option<Cow<'f, str>> {
    match value {
        Value::Null | Value::Texts(_) => None,
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Boolean(boolean) => Some(Cow::Borrowed(if *boolean { "true" } else { "false" })),
        Value::Integer(number) => Some(Cow::Owned(number.to_string())),
        Value::Float(number) => Some(Cow::Owned(zmij::Buffer::new().format(*number).to_owned())),
        Value::Time(time) => Some(Cow::Owned(time.to_string())),
    }
}
