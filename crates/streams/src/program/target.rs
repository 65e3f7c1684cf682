//! What a program sees as `.`: the message, and before it what it has assigned of the fact.

use vrl::compiler::{SecretTarget, Target as VrlTarget};
use vrl::path::{OwnedSegment, OwnedTargetPath, PathPrefix};
use vrl::value::{ObjectMap, Value};

use super::limits;

/// The parts of a fact that a program may assign.
pub(super) const PARTS: [&str; 8] =
    ["time", "key", "scope", "kind", "sums", "place", "terms", "columns"];

#[derive(Debug)]
pub(super) struct Target {
    message: Value,
    /// Parts that were assigned; a part hides the message's field of its name.
    fact: Value,
}

impl Target {
    pub(super) fn new(message: Value) -> Self {
        Self { message, fact: Value::Object(ObjectMap::new()) }
    }

    pub(super) fn into_fact(self) -> ObjectMap {
        self.fact.into_object().unwrap_or_default()
    }

    /// Whether a path is one of a part that was assigned.
    fn in_fact(&self, path: &OwnedTargetPath) -> bool {
        let assigned = |part| self.fact.as_object().is_some_and(|fact| fact.contains_key(part));
        part(path).is_some_and(assigned)
    }
}

/// The part that a path leads into.
pub(super) fn part(path: &OwnedTargetPath) -> Option<&str> {
    match path.path.segments.first() {
        Some(OwnedSegment::Field(name)) => PARTS.contains(&name.as_str()).then_some(name),
        _ => None,
    }
}

impl VrlTarget for Target {
    fn target_insert(&mut self, path: &OwnedTargetPath, value: Value) -> Result<(), String> {
        if path.prefix == PathPrefix::Metadata || !limits::keep(&value) {
            return Ok(());
        }
        if part(path).is_some() {
            self.fact.insert(&path.path, value);
        } else {
            // `. = parse_json!(.message)` makes another message; what was assigned before was of the
            // first one.
            if path.path.is_root() {
                self.fact = Value::Object(ObjectMap::new());
            }
            self.message.insert(&path.path, value);
        }
        Ok(())
    }

    fn target_get(&self, path: &OwnedTargetPath) -> Result<Option<&Value>, String> {
        if path.prefix == PathPrefix::Metadata {
            return Ok(None);
        }
        let from = if self.in_fact(path) { &self.fact } else { &self.message };
        Ok(from.get(&path.path))
    }

    fn target_get_mut(&mut self, path: &OwnedTargetPath) -> Result<Option<&mut Value>, String> {
        if path.prefix == PathPrefix::Metadata {
            return Ok(None);
        }
        let from = if self.in_fact(path) { &mut self.fact } else { &mut self.message };
        Ok(from.get_mut(&path.path))
    }

    fn target_remove(
        &mut self,
        path: &OwnedTargetPath,
        compact: bool,
    ) -> Result<Option<Value>, String> {
        if path.prefix == PathPrefix::Metadata {
            return Ok(None);
        }
        let from = if self.in_fact(path) { &mut self.fact } else { &mut self.message };
        Ok(from.remove(&path.path, compact))
    }
}

/// There are no secrets.
impl SecretTarget for Target {
    fn get_secret(&self, _: &str) -> Option<&str> {
        None
    }

    fn insert_secret(&mut self, _: &str, _: &str) {}

    fn remove_secret(&mut self, _: &str) {}
}
