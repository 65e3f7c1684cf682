//! What a program sees as `.`: the message, and before it what it has assigned of the fact.

use vrl::compiler::{SecretTarget, Target as VrlTarget};
use vrl::path::{OwnedSegment, OwnedTargetPath, PathPrefix};
use vrl::value::Value;

use super::limits;

/// The parts of a fact that a program may assign.
pub(super) const PARTS: [&str; 8] =
    ["time", "key", "scope", "kind", "sums", "place", "terms", "columns"];

#[derive(Debug)]
pub(super) struct Target {
    message: Value,
    /// A part that was assigned hides the message's field of its name.
    fact: Parts,
}

/// What was assigned of a fact, in the order of [`PARTS`].
#[derive(Debug, Default)]
pub(super) struct Parts([Option<Value>; PARTS.len()]);

impl Parts {
    pub(super) fn take(&mut self, part: &str) -> Value {
        let at = PARTS.iter().position(|name| *name == part);
        at.and_then(|at| self.0[at].take()).unwrap_or(Value::Null)
    }
}

impl Target {
    pub(super) fn new(message: Value) -> Self {
        Self { message, fact: Parts::default() }
    }

    pub(super) fn into_fact(self) -> Parts {
        self.fact
    }
}

/// Whether a path leads into a part of the fact.
pub(super) fn leads_into_part(path: &OwnedTargetPath) -> bool {
    part(path).is_some()
}

/// The part that a path leads into, by its place in [`PARTS`], and the rest of the path.
fn part(path: &OwnedTargetPath) -> Option<(usize, &[OwnedSegment])> {
    let (OwnedSegment::Field(name), within) = path.path.segments.split_first()? else {
        return None;
    };
    let at = PARTS.iter().position(|part| *part == name.as_str())?;
    Some((at, within))
}

impl VrlTarget for Target {
    fn target_insert(&mut self, path: &OwnedTargetPath, value: Value) -> Result<(), String> {
        if path.prefix == PathPrefix::Metadata || !limits::keep(&value) {
            return Ok(());
        }
        if let Some((at, within)) = part(path) {
            self.fact.0[at].get_or_insert(Value::Null).insert(within, value);
        } else {
            // `. = parse_json!(.message)` makes another message; what was assigned before was of the
            // first one.
            if path.path.is_root() {
                self.fact = Parts::default();
            }
            self.message.insert(&path.path, value);
        }
        Ok(())
    }

    fn target_get(&self, path: &OwnedTargetPath) -> Result<Option<&Value>, String> {
        if path.prefix == PathPrefix::Metadata {
            return Ok(None);
        }
        if let Some((at, within)) = part(path)
            && let Some(assigned) = &self.fact.0[at]
        {
            return Ok(assigned.get(within));
        }
        Ok(self.message.get(&path.path))
    }

    fn target_get_mut(&mut self, path: &OwnedTargetPath) -> Result<Option<&mut Value>, String> {
        if path.prefix == PathPrefix::Metadata {
            return Ok(None);
        }
        if let Some((at, within)) = part(path)
            && let Some(assigned) = &mut self.fact.0[at]
        {
            return Ok(assigned.get_mut(within));
        }
        Ok(self.message.get_mut(&path.path))
    }

    fn target_remove(
        &mut self,
        path: &OwnedTargetPath,
        compact: bool,
    ) -> Result<Option<Value>, String> {
        if path.prefix == PathPrefix::Metadata {
            return Ok(None);
        }
        let Some((at, within)) = part(path).filter(|(at, _)| self.fact.0[*at].is_some()) else {
            return Ok(self.message.remove(&path.path, compact));
        };
        let assigned = &mut self.fact.0[at];
        if within.is_empty() {
            return Ok(assigned.take());
        }
        let removed = assigned.as_mut().and_then(|assigned| assigned.remove(within, compact));
        if compact && removed.is_some() {
            assigned.take_if(|assigned| assigned.is_empty());
        }
        Ok(removed)
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
