//! Views: their names, fields, keys and kinds, as data that every layer and store reads.

mod journal;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::scan::any_byte;
use crate::time::IsoTime;

/// What a view is.
#[derive(Debug)]
pub struct ViewDescriptor {
    /// Unique over all streams.
    pub name: &'static str,
    /// For headings.
    pub title: &'static str,
    /// The stream whose facts it shows; `None` for a journal of all streams.
    pub stream: Option<&'static str>,
    pub kind: ViewKind,
    /// In the order of exports.
    pub fields: &'static [Field],
    /// The fields that make the `_id`; exports are sorted by them.
    pub key: &'static [KeyField],
    /// The field that a filter by scope compares.
    pub scope_field: Option<&'static str>,
    /// Other names of fields: what other views call the same, so that a filter on it works on both.
    pub aliases: &'static [(&'static str, &'static str)],
    /// The field that orders documents of equal `@timestamp`.
    pub position_field: Option<&'static str>,
    /// Whether the first document written under an `_id` stays, as the first message in log order is
    /// the fact and later ones are its echoes. Elsewhere the last one written stays.
    pub first_write_wins: bool,
    /// Where each document is an edge of a graph: its fields.
    pub edges: Option<Edges>,
}

/// The fields of a document that is a weighted, directed edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    /// A text.
    pub from: &'static str,
    /// A text.
    pub to: &'static str,
    /// A number that can be added up.
    pub weight: &'static str,
}

/// One kind of document that Pulso keeps: a view by its descriptor. Views of one name are equal.
#[derive(Clone, Copy)]
pub struct View(&'static ViewDescriptor);

/// Who made a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Speed,
    Batch,
}

/// How a view's documents come into being, and which layer answers for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewKind {
    /// Both layers write it; each UTC day is answered by one of them.
    Day,
    /// The batch layer writes it, a UTC day at a time.
    BatchDay,
    /// The batch layer writes it as a whole, as of now.
    Now,
    /// A journal that its writer appends to; no layer ever replaces it.
    Journal,
}

/// The type of a field, for exports, API schemas and index mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// UTC, ISO 8601 with milliseconds.
    Time,
    /// A UTC day, `2017-03-19`.
    Day,
    Boolean,
    Integer,
    Float,
    Text,
    TextList,
    /// `{"lat": degrees, "lon": degrees}`.
    Location,
    /// `{"values": [middles of buckets, ascending], "counts": [how many numbers are in each]}`.
    Histogram,
}

impl FieldType {
    /// As descriptors spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Text => "text",
            Self::TextList => "texts",
            Self::Time => "time",
            Self::Day => "day",
            Self::Location => "location",
            Self::Histogram => "histogram",
        }
    }
}

/// One field of a document; a dot in the name means nesting, one level deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub field_type: FieldType,
}

/// One part of a document's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyField {
    /// The field as it is.
    Value(&'static str),
    /// The nearest whole second of a time, half up.
    Second(&'static str),
}

impl KeyField {
    pub fn name(self) -> &'static str {
        match self {
            Self::Value(name) | Self::Second(name) => name,
        }
    }
}

/// The value of one key field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPart<'a> {
    Integer(i64),
    Text(&'a str),
    Time(crate::EventTime),
}

impl View {
    /// Messages that could not be read, with the reason.
    pub const DEAD_LETTERS: Self = Self(&journal::DEAD_LETTERS);
    /// Facts that came after their pane had closed, by log position.
    pub const LATE_FACTS: Self = Self(&journal::LATE_FACTS);
    /// What the batch layer did, when, and how it ended.
    pub const BATCH_RUNS: Self = Self(&journal::BATCH_RUNS);
    /// How the speed layer kept up, every few seconds.
    pub const HEALTH: Self = Self(&journal::HEALTH);

    /// Who was contacted about which event. About people, so it has a retention of its own, and the API
    /// shows it only as far as privacy allows.
    pub const CONTACTS: Self = Self(&journal::CONTACTS);

    /// The journals of all streams.
    pub const JOURNALS: [Self; 5] =
        [Self::DEAD_LETTERS, Self::LATE_FACTS, Self::BATCH_RUNS, Self::HEALTH, Self::CONTACTS];

    /// A view lives as long as the program: its descriptor is read once.
    pub fn new(descriptor: ViewDescriptor) -> Self {
        Self(Box::leak(Box::new(descriptor)))
    }

    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// The stream whose facts it shows; `None` for a journal.
    pub fn stream(self) -> Option<&'static str> {
        self.0.stream
    }

    pub fn kind(self) -> ViewKind {
        self.0.kind
    }

    /// All fields, in the order of exports.
    pub fn fields(self) -> &'static [Field] {
        self.0.fields
    }

    /// The fields that make the `_id`; exports are sorted by them.
    pub fn key(self) -> &'static [KeyField] {
        self.0.key
    }

    /// The field that a filter by scope compares, where the view has one.
    pub fn scope_field(self) -> Option<&'static str> {
        self.0.scope_field
    }

    /// What a filter by scope is called: the last part of its field's name.
    pub fn scope_name(self) -> Option<&'static str> {
        self.scope_field().map(|field| field.rsplit_once('.').map_or(field, |(_, name)| name))
    }

    /// Other names of fields, and the fields: what other views call the same.
    pub fn aliases(self) -> &'static [(&'static str, &'static str)] {
        self.0.aliases
    }

    /// The field that orders documents of equal `@timestamp`, where the view has one.
    pub fn position_field(self) -> Option<&'static str> {
        self.0.position_field
    }

    /// Whether the first document written under an `_id` stays; elsewhere the last one does.
    pub fn first_write_wins(self) -> bool {
        self.0.first_write_wins
    }

    /// The fields of its edges, where each document is one.
    pub fn edges(self) -> Option<Edges> {
        self.0.edges
    }

    /// The `_id` for the values of [`View::key`], in their order: the same in every layer.
    pub fn id(self, parts: &[KeyPart<'_>]) -> String {
        let key = self.key();
        debug_assert_eq!(key.len(), parts.len(), "one value for each field of the key");
        let length = parts.iter().map(|part| part.length_at_most() + 1).sum();
        let mut id = String::with_capacity(length);
        for (index, (part, key)) in parts.iter().zip(key).enumerate() {
            if index > 0 {
                id.push('/');
            }
            push_part(&mut id, *part, *key);
        }
        shorten(id)
    }

    /// Says that the document with this key is no longer there, in the place of a document.
    pub fn removal(self, time: crate::EventTime, key: &[KeyPart<'_>]) -> crate::ViewDocument {
        let id = self.id(key);
        let body = String::new();
        crate::ViewDocument { view: self, id, time, position: 0, scope: None, body }
    }
}

impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.name() == other.name()
    }
}

impl Eq for View {}

impl PartialOrd for View {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for View {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl Hash for View {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "View({})", self.name())
    }
}

impl fmt::Display for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl KeyPart<'_> {
    /// How long its text is, unless characters are escaped.
    fn length_at_most(&self) -> usize {
        match self {
            Self::Integer(_) => INTEGER_BYTES_MAX,
            Self::Text(text) => text.len(),
            Self::Time(_) => size_of::<IsoTime>(),
        }
    }
}

impl From<crate::EventTime> for KeyPart<'_> {
    fn from(time: crate::EventTime) -> Self {
        Self::Time(time)
    }
}

impl<'a> From<&'a str> for KeyPart<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

fn push_part(id: &mut String, part: KeyPart<'_>, key: KeyField) {
    match (part, key) {
        (KeyPart::Time(time), KeyField::Second(_)) => {
            id.push_str(itoa::Buffer::new().format(time.nearest_second()))
        }
        (KeyPart::Time(time), KeyField::Value(_)) => id.push_str(IsoTime::new(time.0).as_str()),
        (KeyPart::Integer(number), _) => id.push_str(itoa::Buffer::new().format(number)),
        // The separator inside a text would make two keys look alike.
        (KeyPart::Text(text), _) if any_byte(text, |byte| (byte == b'/') | (byte == b'%')) => {
            id.push_str(&text.replace('%', "%25").replace('/', "%2F"));
        }
        (KeyPart::Text(text), _) => id.push_str(text),
    }
}

/// As long as that of `i64::MIN`.
const INTEGER_BYTES_MAX: usize = 20;

/// The longest `_id` in bytes; Elasticsearch takes no more than 512.
const MAX_ID_BYTES: usize = 512;

/// Keeps the beginning of an oversized id and puts a hash in place of the rest.
fn shorten(mut id: String) -> String {
    if id.len() > MAX_ID_BYTES {
        let hash = fnv_1a(id.as_bytes());
        id.truncate(id.floor_char_boundary(MAX_ID_BYTES - 33));
        id.push_str(&format!("#{hash:032x}"));
    }
    id
}

/// FNV-1a, 128 bits (<https://www.rfc-editor.org/rfc/rfc9923>): stable across versions and machines.
fn fnv_1a(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0x6c62272e07bb014262b821756295c58d, |hash, &byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000000001000000000000000000013b)
    })
}

impl Layer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Batch => "batch",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
