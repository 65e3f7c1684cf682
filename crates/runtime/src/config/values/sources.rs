//! Reads the list of sources.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Uri;
use toml::{Table, Value};

use super::TICK;
use crate::config::reader::{Reader, Wrong, duration, show, text};
use crate::config::sections::{Source, masked_url};

const KEY: &str = "acquisition.sources";
const FIELDS: &str =
    "a source has `name`, `url` and, optionally, `resume_parameter` and `resume_margin`";
const RESUME_PARAMETER: &str = "since_mtime";

pub(super) fn read(reader: &mut Reader) -> Vec<Source> {
    let tables: Vec<Value> = reader.read(KEY, |value| {
        let wrong =
            || Wrong::new("is not a list", "begin each source with `[[acquisition.sources]]`");
        value.as_array().cloned().ok_or_else(wrong)
    });
    let mut names = BTreeSet::new();
    let mut sources = Vec::new();
    for (index, value) in tables.iter().enumerate() {
        let key = format!("{KEY}[{index}]");
        let Some(table) = value.as_table() else {
            let origin = reader.origin(KEY);
            let message = format!("`{key}` ({}){origin} is not a section", show(value));
            reader.problem(&key, message, FIELDS.to_owned());
            continue;
        };
        let Some(source) = read_one(reader, &key, table) else { continue };
        if !names.insert(Arc::clone(&source.name)) {
            let message = format!("`{key}.name` ({}) is also the name of another", source.name);
            reader.problem(&key, message, "give every source a name of its own".to_owned());
        }
        sources.push(source);
    }
    sources
}

fn read_one(reader: &mut Reader, key: &str, table: &Table) -> Option<Source> {
    for name in table.keys() {
        if !["name", "url", "resume_parameter", "resume_margin"].contains(&name.as_str()) {
            let origin = reader.origin(KEY);
            let message = format!("`{key}.{name}`{origin} is not a key of the configuration");
            reader.problem(&format!("{key}.{name}"), message, FIELDS.to_owned());
        }
    }
    let name = field(reader, key, table, "name", name);
    let url = field(reader, key, table, "url", url);
    let resume_parameter = match table.get("resume_parameter") {
        None => Some(Some(RESUME_PARAMETER.to_owned())),
        Some(_) => field(reader, key, table, "resume_parameter", parameter),
    };
    let resume_margin = match table.get("resume_margin") {
        None => Some(Source::RESUME_MARGIN),
        Some(_) => field(reader, key, table, "resume_margin", |text| duration(text, TICK)),
    };
    Some(Source {
        name: name?,
        url: url?,
        resume_parameter: resume_parameter?,
        resume_margin: resume_margin?,
    })
}

fn field<T>(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    name: &str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<T> {
    let key = format!("{key}.{name}");
    let Some(value) = table.get(name) else {
        let origin = reader.origin(KEY);
        reader.problem(&key, format!("`{key}`{origin} is missing"), FIELDS.to_owned());
        return None;
    };
    match text(value).and_then(parse) {
        Ok(parsed) => Some(parsed),
        Err(wrong) => {
            let (shown, origin) = (masked_url(&show(value)), reader.origin(KEY));
            reader.problem(&key, format!("`{key}` ({shown}){origin} {}", wrong.text), wrong.hint);
            None
        }
    }
}

fn name(text: &str) -> Result<Arc<str>, Wrong> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && text.len() <= 64 && text.chars().all(plain) {
        return Ok(text.into());
    }
    let hint = "use up to 64 letters, digits, `-`, `_` and `.`";
    Err(Wrong::new("is not a name for a source", hint))
}

fn url(text: &str) -> Result<Uri, Wrong> {
    let hint = "write it like \"wss://stream.example.org/rsvps\"";
    let url: Uri = text.parse().map_err(|_| Wrong::new("is not a url", hint))?;
    let host = url.host().filter(|host| !host.is_empty());
    let (Some("ws" | "wss"), Some(host)) = (url.scheme_str(), host) else {
        return Err(Wrong::new("is not a websocket url", hint));
    };
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        let hint =
            "name what the source asks for in the query, like \"wss://stream.example.org/?key=…\"";
        return Err(Wrong::new("has a user name, which a websocket does not send", hint));
    }
    // Of a port that is none the library would silently make the usual one.
    if url.port().is_none() && authority != host {
        return Err(Wrong::new("has a port that is not a number from 0 to 65535", hint));
    }
    Ok(url)
}

fn parameter(text: &str) -> Result<Option<String>, Wrong> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Ok(Some(text.to_owned()).filter(|text| !text.is_empty()));
    }
    Err(Wrong::new("is not the name of a query parameter", "use letters, digits, `-`, `_` and `.`"))
}
