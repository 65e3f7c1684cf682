//! The slow second look at a message that did not decode: which field, and what is wrong with it.

use pulso_model::{DeadLetter, Reason};
use serde_json::Value;

use crate::json::refused;

#[derive(Clone, Copy)]
enum Expected {
    Integer,
    Text,
    Present,
    Topics,
}

const REQUIRED: [(&str, &str, Expected); 11] = [
    ("", "rsvp_id", Expected::Integer),
    ("", "mtime", Expected::Integer),
    ("", "response", Expected::Text),
    ("", "guests", Expected::Integer),
    ("member", "member_id", Expected::Integer),
    ("event", "event_id", Expected::Text),
    ("group", "group_id", Expected::Integer),
    ("group", "group_country", Expected::Text),
    ("group", "group_lat", Expected::Present),
    ("group", "group_lon", Expected::Present),
    ("group", "group_topics", Expected::Topics),
];

pub(super) fn diagnose(payload: &[u8], error: &sonic_rs::Error) -> DeadLetter {
    let message = match serde_json::from_slice::<Value>(payload) {
        Ok(Value::Object(message)) => Value::Object(message),
        Ok(_) => return DeadLetter::new(Reason::WrongType, "the message is not an object"),
        Err(error) => return DeadLetter::new(Reason::InvalidJson, error.to_string()),
    };
    REQUIRED
        .iter()
        .find_map(|&(parent, field, expected)| check(&message, parent, field, expected))
        .unwrap_or_else(|| refused(error))
}

fn check(message: &Value, parent: &str, field: &str, expected: Expected) -> Option<DeadLetter> {
    let path = if parent.is_empty() { field.to_owned() } else { format!("{parent}.{field}") };
    let object = match parent {
        "" => message,
        _ => match message.get(parent) {
            None => return Some(missing(parent)),
            Some(Value::Object(_)) => &message[parent],
            Some(_) => return Some(wrong_type(parent, "an object")),
        },
    };
    let Some(value) = object.get(field) else { return Some(missing(&path)) };
    match expected {
        Expected::Integer if !value.is_i64() => Some(wrong_type(&path, "a 64-bit integer")),
        Expected::Text if !value.is_string() => Some(wrong_type(&path, "text")),
        Expected::Topics => check_topics(value, &path),
        _ => None,
    }
}

fn check_topics(topics: &Value, path: &str) -> Option<DeadLetter> {
    let Some(topics) = topics.as_array() else { return Some(wrong_type(path, "a list")) };
    topics.iter().enumerate().find_map(|(index, topic)| match topic.get("urlkey") {
        None => Some(missing(&format!("{path}[{index}].urlkey"))),
        Some(Value::String(_)) => None,
        Some(_) => Some(wrong_type(&format!("{path}[{index}].urlkey"), "text")),
    })
}

fn missing(path: &str) -> DeadLetter {
    DeadLetter::new(Reason::MissingField, format!("`{path}` is missing"))
}

fn wrong_type(path: &str, expected: &str) -> DeadLetter {
    DeadLetter::new(Reason::WrongType, format!("`{path}` is not {expected}"))
}
