//! Reads the list of sources.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Uri;
use toml::{Table, Value};

use super::TICK;
use crate::config::reader::{Reader, Wrong, duration, show, text};
use crate::config::sections::{Protocol, Source, masked_url};
use crate::config::url;
use crate::streams::usual;

const KEY: &str = "acquisition.sources";
const KEYS: [&str; 7] =
    ["name", "stream", "url", "urls", "protocol", "resume_parameter", "resume_margin"];
const FIELDS: &str = "a source has `name`, `url` (or `urls`) and, optionally, `stream`, `protocol`, \
     `resume_parameter` and `resume_margin`";
const URLS: &str = "name the servers of one stream in `urls`, or its only one in `url`";
const RESUME_PARAMETER: &str = "since_mtime";

pub(super) fn read(reader: &mut Reader, served: &[String]) -> Vec<Source> {
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
        let Some(source) = read_one(reader, &key, table, served) else { continue };
        if !names.insert(Arc::clone(&source.name)) {
            let message = format!("`{key}.name` ({}) is also the name of another", source.name);
            reader.problem(&key, message, "give every source a name of its own".to_owned());
        }
        sources.push(source);
    }
    sources
}

fn read_one(reader: &mut Reader, key: &str, table: &Table, served: &[String]) -> Option<Source> {
    for name in table.keys() {
        if !KEYS.contains(&name.as_str()) {
            let origin = reader.origin(KEY);
            let message = format!("`{key}.{name}`{origin} is not a key of the configuration");
            reader.problem(&format!("{key}.{name}"), message, FIELDS.to_owned());
        }
    }
    let name = field(reader, key, table, "name", name);
    let stream = match (table.get("stream"), usual(served)) {
        (None, Some(usual)) => Some(usual.to_owned()),
        _ => field(reader, key, table, "stream", |text| stream(text, served)),
    };
    let protocol = read_protocol(reader, key, table);
    // Where the protocol is wrong, any websocket url will do.
    let plain = Protocol::Websocket { resume_parameter: None };
    let urls = read_urls(reader, key, table, protocol.as_ref().unwrap_or(&plain));
    let resume_margin = match (table.get("resume_margin"), &protocol) {
        (None, Some(Protocol::Jetstream)) => Some(Source::JETSTREAM_MARGIN),
        (None, _) => Some(Source::RESUME_MARGIN),
        (Some(_), _) => field(reader, key, table, "resume_margin", |text| duration(text, TICK)),
    };
    Some(Source {
        name: name?,
        stream: stream?,
        urls: urls?,
        protocol: protocol?,
        resume_margin: resume_margin?,
    })
}

fn read_protocol(reader: &mut Reader, key: &str, table: &Table) -> Option<Protocol> {
    let protocol = match table.get("protocol") {
        None => protocol("websocket").ok(),
        Some(_) => field(reader, key, table, "protocol", protocol),
    };
    if !table.contains_key("resume_parameter") {
        return protocol;
    }
    let resume_parameter = field(reader, key, table, "resume_parameter", parameter);
    if protocol == Some(Protocol::Jetstream) {
        let (key, origin) = (format!("{key}.resume_parameter"), reader.origin(KEY));
        let message = format!("`{key}`{origin} is for the protocol \"websocket\"");
        let hint = "leave it out: with \"jetstream\" a source goes on by itself";
        reader.problem(&key, message, hint.to_owned());
        return None;
    }
    protocol.and(resume_parameter).map(|resume_parameter| Protocol::Websocket { resume_parameter })
}

/// The `url`, or the `urls`.
fn read_urls(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    protocol: &Protocol,
) -> Option<Vec<Uri>> {
    let read = |text: &str| url::read(text, protocol);
    let Some(urls) = table.get("urls") else {
        return field(reader, key, table, "url", read).map(|url| vec![url]);
    };
    let (place, origin) = (format!("{key}.urls"), reader.origin(KEY));
    let list = urls.as_array().filter(|list| !list.is_empty() && !table.contains_key("url"));
    let Some(list) = list else {
        let message = format!("`{place}`{origin} is not a list that stands for `url`");
        reader.problem(&place, message, URLS.to_owned());
        return None;
    };
    let mut read_urls = Vec::new();
    for (index, value) in list.iter().enumerate() {
        match text(value).and_then(read) {
            Ok(url) => read_urls.push(url),
            Err(wrong) => {
                let (place, shown) = (format!("{place}[{index}]"), masked_url(&show(value)));
                let message = format!("`{place}` ({shown}){origin} {}", wrong.text);
                reader.problem(&place, message, wrong.hint);
            }
        }
    }
    (read_urls.len() == list.len()).then_some(read_urls)
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

fn stream(text: &str, served: &[String]) -> Result<String, Wrong> {
    if served.iter().any(|served| served == text) {
        return Ok(text.to_owned());
    }
    let served = served.join("`, `");
    let hint = format!("serve it with a section `[streams.{text}]`, or name one of `{served}`");
    Err(Wrong::new("is not a stream that is served", hint))
}

fn protocol(text: &str) -> Result<Protocol, Wrong> {
    match text {
        "websocket" => {
            Ok(Protocol::Websocket { resume_parameter: Some(RESUME_PARAMETER.to_owned()) })
        }
        "jetstream" => Ok(Protocol::Jetstream),
        _ => Err(Wrong::new("is not a protocol", "use \"websocket\" or \"jetstream\"")),
    }
}

fn parameter(text: &str) -> Result<Option<String>, Wrong> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Ok(Some(text.to_owned()).filter(|text| !text.is_empty()));
    }
    Err(Wrong::new("is not the name of a query parameter", "use letters, digits, `-`, `_` and `.`"))
}
