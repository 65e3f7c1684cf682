//! Reads which messages of a source come in.

use pulso_streams::Definition;
use pulso_streams::program::Condition;
use toml::{Table, Value};

use super::{KEY, value_field};
use crate::config::reader::{Reader, Wrong, text};
use crate::config::sections::{Admission, Share};

/// Without its stream, of which there is a problem then, a filter is not looked at.
pub(super) fn read(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    definition: Option<&Definition>,
) -> Option<Admission> {
    let filter = match (table.get("filter"), definition) {
        (None, _) | (Some(_), None) => Some(None),
        (Some(value), Some(definition)) => filter(reader, key, value, definition).map(Some),
    };
    let sample = match table.get("sample") {
        None => Some(None),
        Some(_) => value_field(reader, key, table, "sample", share).map(Some),
    };
    Some(Admission { filter: filter?, sample: sample? })
}

fn filter(
    reader: &mut Reader,
    key: &str,
    value: &Value,
    definition: &Definition,
) -> Option<Condition> {
    let (place, origin) = (format!("{key}.filter"), reader.origin(KEY));
    let found = match text(value) {
        Ok(source) => match definition.condition(&place, source) {
            Ok(condition) => return Some(condition),
            Err(problems) => {
                let problems: Vec<_> = problems.into_iter().map(|found| found.message).collect();
                format!("is not a condition in VRL: {}", problems.join("\n"))
            }
        },
        Err(wrong) => wrong.text,
    };
    let message = format!("`{place}`{origin} {found}");
    let hint = "write what holds for the messages that are kept, like `filter = '.status < 500'`; \
                see docs/declared-streams.md";
    reader.problem(&place, message, hint.to_owned());
    None
}

fn share(value: &Value) -> Result<Share, Wrong> {
    let part = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
    let hint = "write how many of all actors are kept, like 0.1 for a tenth; at most 1";
    part.and_then(Share::new).ok_or_else(|| Wrong::new("is not a share", hint))
}
