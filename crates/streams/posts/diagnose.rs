//! The slow second look at a message that did not decode: which field, and what is wrong with it.

use pulso_model::{DeadLetter, Reason};
use serde_json::Value;

use super::Problem;
use crate::json::refused;

/// What the parser did not take.
pub(super) fn unreadable(payload: &[u8], error: &sonic_rs::Error) -> DeadLetter {
    match serde_json::from_slice::<Value>(payload) {
        Err(error) => DeadLetter::new(Reason::InvalidJson, error.to_string()),
        // Any value will do in any place, so that it can only be a field that is given twice.
        Ok(_) => refused(error),
    }
}

pub(super) fn explain(payload: &[u8], problem: Problem) -> DeadLetter {
    let (path, expected) = match problem {
        Problem::Value(detail) => return DeadLetter::new(Reason::InvalidValue, detail),
        Problem::Gap { path, expected } => (path, expected),
    };
    let message: Value = serde_json::from_slice(payload).unwrap_or_default();
    let mut value = &message;
    let mut walked = String::new();
    for name in path.split('.') {
        let Some(object) = value.as_object() else {
            return wrong_type(&walked, "an object");
        };
        if !walked.is_empty() {
            walked.push('.');
        }
        walked.push_str(name);
        match object.get(name) {
            Some(inner) => value = inner,
            None => return DeadLetter::new(Reason::MissingField, format!("`{walked}` is missing")),
        }
    }
    wrong_type(&walked, expected)
}

fn wrong_type(path: &str, expected: &str) -> DeadLetter {
    let what = if path.is_empty() { "the message".to_owned() } else { format!("`{path}`") };
    DeadLetter::new(Reason::WrongType, format!("{what} is not {expected}"))
}
