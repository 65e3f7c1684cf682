//! The journals: what all streams tell of themselves.

use super::FieldType::{Day, Float, Integer, Text, TextList, Time};
use super::KeyField::Value;
use super::{Field, FieldType, KeyField, ViewDescriptor, ViewKind};

const fn field(name: &'static str, field_type: FieldType) -> Field {
    Field { name, field_type }
}

macro_rules! fields {
    ($($name:literal: $field_type:expr),* $(,)?) => { &[$(field($name, $field_type)),*] };
}

const fn journal(
    name: &'static str,
    title: &'static str,
    fields: &'static [Field],
    key: &'static [KeyField],
) -> ViewDescriptor {
    ViewDescriptor {
        name,
        title,
        stream: None,
        kind: ViewKind::Journal,
        fields,
        key,
        scope_field: None,
        aliases: &[],
        position_field: None,
        first_write_wins: false,
        edges: None,
    }
}

/// A position means something within its stream's log only.
const POSITION: &[KeyField] = &[Value("stream"), Value("partition"), Value("offset")];

pub(super) static DEAD_LETTERS: ViewDescriptor = journal(
    "dead-letters",
    "Dead letters",
    fields![
        "@timestamp": Time, "stream": Text, "partition": Integer, "offset": Integer, "source": Text,
        "reason": Text, "detail": Text, "payload": Text, "payload_hex": Text,
    ],
    POSITION,
);

pub(super) static LATE_FACTS: ViewDescriptor = ViewDescriptor {
    scope_field: Some("scope"),
    ..journal(
        "late-facts",
        "Late facts",
        fields![
            "@timestamp": Time, "stream": Text, "partition": Integer, "offset": Integer,
            "scope": Text,
        ],
        POSITION,
    )
};

pub(super) static BATCH_RUNS: ViewDescriptor = journal(
    "batch-runs",
    "Batch runs",
    fields![
        "@timestamp": Time, "stream": Text, "run": Text, "job": Text, "ended": Time,
        "first_day": Day, "last_day": Day, "rows": Integer, "outcome": Text, "error": Text,
        "lake_version": Integer, "complete_until": Time, "completed_day": Day,
    ],
    &[Value("stream"), Value("run")],
);

pub(super) static HEALTH: ViewDescriptor = journal(
    "health",
    "Health",
    fields![
        "@timestamp": Time, "stream": Text, "messages": Integer, "received": Integer,
        "counted": Integer, "echoes": Integer, "late": Integer, "skipped": Integer,
        "dead_letters": Integer, "lag": Integer, "watermark_delay_seconds": Float,
    ],
    &[Value("stream"), Value("@timestamp"), Value("messages")],
);

pub(super) static CONTACTS: ViewDescriptor = journal(
    "contacts",
    "Contacts",
    fields![
        "@timestamp": Time, "stream": Text, "event": Text, "event_name": Text, "actor": Text,
        "name": Text, "choice": Text, "by": Text, "note": Text, "reasons": TextList, "km": Float,
        "converted": Time, "converted_event": Text,
    ],
    &[Value("stream"), Value("event"), Value("actor")],
);
