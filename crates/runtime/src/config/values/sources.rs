//! Reads the list of sources.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Uri;
use pulso_streams::Streams;
use toml::{Table, Value};

use super::TICK;
use crate::config::reader::{Reader, Wrong, duration, show, text};
use crate::config::sections::{FilesFrom, Format, Protocol, Source, masked_url};
use crate::config::url;
use crate::sources::is_name;
use crate::streams::usual;

mod admission;
mod listening;

const KEY: &str = "acquisition.sources";
/// What every source has.
const COMMON: [&str; 5] = ["name", "stream", "protocol", "filter", "sample"];
/// What it has besides, by its protocol.
const KEYS: [(&str, &[&str]); 7] = [
    ("websocket", &["url", "urls", "resume_parameter", "resume_margin"]),
    ("jetstream", &["url", "urls", "resume_margin"]),
    ("http", &["url", "urls", "format", "resume_parameter", "resume_margin"]),
    ("file", &["paths", "from"]),
    ("tcp", &["listen", "connections_max", "tls_certificate", "tls_key"]),
    ("syslog", &["listen", "transport", "connections_max", "tls_certificate", "tls_key"]),
    ("push", &["listen", "token_file", "body_bytes_max"]),
];
const URLS: (&str, &str) = (
    "is not a list that stands for `url`",
    "name the servers of one stream in `urls`, or its only one in `url`",
);
const PATHS: (&str, &str) = (
    "is not a list of files",
    "name files, or patterns of them: `paths = [\"/var/log/app/*.log*\"]`",
);
/// The protocol of a source that names none.
const USUAL: &str = "websocket";
const RESUME_PARAMETER: &str = "since_mtime";

pub(super) fn read(reader: &mut Reader, streams: (&[String], &Streams)) -> Vec<Source> {
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
            reader.problem(&key, message, fields(USUAL));
            continue;
        };
        let Some(source) = read_one(reader, &key, table, streams) else { continue };
        if !names.insert(Arc::clone(&source.name)) {
            let message = format!("`{key}.name` ({}) is also the name of another", source.name);
            reader.problem(&key, message, "give every source a name of its own".to_owned());
        }
        sources.push(source);
    }
    sources
}

fn read_one(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    (served, streams): (&[String], &Streams),
) -> Option<Source> {
    let protocol = match table.get("protocol") {
        None => Some(USUAL),
        Some(_) => field(reader, key, table, "protocol", protocol),
    };
    check_keys(reader, key, table, protocol.unwrap_or(USUAL));
    let name = field(reader, key, table, "name", name);
    let stream = match (table.get("stream"), usual(served)) {
        (None, Some(usual)) => Some(usual.to_owned()),
        _ => field(reader, key, table, "stream", |text| stream(text, served)),
    };
    let definition = stream.as_ref().and_then(|stream| streams.get(stream).ok());
    let admission = admission::read(reader, key, table, definition);
    let protocol_name = protocol;
    let protocol = protocol.map(|protocol| read_protocol(reader, key, table, protocol));
    // Where something is wrong with the protocol, a url of its kind will do.
    let plain = match table.get("protocol").and_then(Value::as_str) {
        Some("http") => Protocol::Http { format: Format::Lines, resume_parameter: None },
        _ => Protocol::Websocket { resume_parameter: None },
    };
    let known = protocol.as_ref().and_then(Option::as_ref);
    let urls = match protocol_name {
        Some("file" | "tcp" | "syslog" | "push") => Some(Vec::new()),
        _ => read_urls(reader, key, table, known.unwrap_or(&plain)),
    };
    let resume_margin = match (table.get("resume_margin"), known) {
        (None, Some(protocol)) => Some(protocol.resume_margin()),
        (None, None) => Some(Source::RESUME_MARGIN),
        (Some(_), _) => field(reader, key, table, "resume_margin", |text| duration(text, TICK)),
    };
    Some(Source {
        name: name?,
        stream: stream?,
        urls: urls?,
        protocol: protocol??,
        admission: admission?,
        resume_margin: resume_margin?,
    })
}

/// Notes the keys that a source with this protocol does not have.
fn check_keys(reader: &mut Reader, key: &str, table: &Table, protocol: &str) {
    for name in table.keys().map(String::as_str) {
        let with: Vec<_> = KEYS.iter().filter(|(_, keys)| keys.contains(&name)).collect();
        if COMMON.contains(&name) || with.iter().any(|(with, _)| *with == protocol) {
            continue;
        }
        let (place, origin) = (format!("{key}.{name}"), reader.origin(KEY));
        let others: Vec<_> = with.iter().map(|(other, _)| format!("\"{other}\"")).collect();
        let message = match others.as_slice() {
            [] => format!("`{place}`{origin} is not a key of the configuration"),
            others => format!("`{place}`{origin} is for the protocol {}", others.join(" or ")),
        };
        reader.problem(&place, message, fields(protocol));
    }
}

/// What a source with this protocol may have.
fn fields(protocol: &str) -> String {
    match protocol {
        "jetstream" => {
            "a source with the protocol \"jetstream\" has `name`, `url` (or `urls`) and, optionally, \
             `stream` and `resume_margin`; it goes on by itself"
        }
        "http" => {
            "a source with the protocol \"http\" has `name`, `url` (or `urls`) and, optionally, \
             `stream`, `format`, `resume_parameter` and `resume_margin`"
        }
        "file" => {
            "a source with the protocol \"file\" has `name`, `paths` and, optionally, `stream` and `from`"
        }
        "tcp" => {
            "a source with the protocol \"tcp\" has `name`, `listen` and, optionally, `stream`, \
             `connections_max`, and `tls_certificate` with `tls_key`"
        }
        "syslog" => {
            "a source with the protocol \"syslog\" has `name`, `listen` and, optionally, `stream`, \
             `transport` and, with the transport \"tcp\", `connections_max`, and `tls_certificate` with `tls_key`"
        }
        "push" => {
            "a source with the protocol \"push\" has `name`, `listen` and, optionally, `stream`, \
             `token_file` and `body_bytes_max`"
        }
        _ => {
            "a source has `name`, `url` (or `urls`) and, optionally, `stream`, `protocol`, \
             `resume_parameter` and `resume_margin`"
        }
    }
    .to_owned()
        + "; any source may have `filter` and `sample`"
}

fn read_protocol(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    protocol: &str,
) -> Option<Protocol> {
    let mut resume_parameter = |usual: Option<&str>| match table.get("resume_parameter") {
        None => Some(usual.map(str::to_owned)),
        Some(_) => field(reader, key, table, "resume_parameter", parameter),
    };
    match protocol {
        "jetstream" => Some(Protocol::Jetstream),
        "http" => {
            let resume_parameter = resume_parameter(None);
            let format = match table.get("format") {
                None => Some(Format::Lines),
                Some(_) => field(reader, key, table, "format", format),
            };
            Some(Protocol::Http { format: format?, resume_parameter: resume_parameter? })
        }
        "file" => {
            let from = match table.get("from") {
                None => Some(FilesFrom::Start),
                Some(_) => field(reader, key, table, "from", from),
            };
            let paths = read_list(reader, key, table, ("paths", PATHS), path);
            Some(Protocol::File { paths: paths?, from: from? })
        }
        "tcp" => listening::tcp(reader, key, table).map(Protocol::Tcp),
        "syslog" => listening::syslog(reader, key, table).map(Protocol::Syslog),
        "push" => listening::push(reader, key, table),
        _ => {
            let resume_parameter = resume_parameter(Some(RESUME_PARAMETER));
            resume_parameter.map(|resume_parameter| Protocol::Websocket { resume_parameter })
        }
    }
}

/// The `url`, or the `urls`.
fn read_urls(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    protocol: &Protocol,
) -> Option<Vec<Uri>> {
    let read = |text: &str| url::read(text, protocol);
    if !table.contains_key("urls") {
        return field(reader, key, table, "url", read).map(|url| vec![url]);
    }
    if table.contains_key("url") {
        let (place, origin) = (format!("{key}.urls"), reader.origin(KEY));
        let (wrong, hint) = URLS;
        reader.problem(&place, format!("`{place}`{origin} {wrong}"), hint.to_owned());
        return None;
    }
    read_list(reader, key, table, ("urls", URLS), read)
}

/// A list of texts with at least one; the rest of the message and the hint for what is none.
fn read_list<T>(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    (name, (wrong, hint)): (&str, (&str, &str)),
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<Vec<T>> {
    let (place, origin) = (format!("{key}.{name}"), reader.origin(KEY));
    let list = table.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
    let Some(list) = list else {
        reader.problem(&place, format!("`{place}`{origin} {wrong}"), hint.to_owned());
        return None;
    };
    let mut parsed = Vec::new();
    for (index, value) in list.iter().enumerate() {
        match text(value).and_then(&parse) {
            Ok(value) => parsed.push(value),
            Err(wrong) => {
                let (place, shown) = (format!("{place}[{index}]"), masked_url(&show(value)));
                let message = format!("`{place}` ({shown}){origin} {}", wrong.text);
                reader.problem(&place, message, wrong.hint);
            }
        }
    }
    (parsed.len() == list.len()).then_some(parsed)
}

fn field<T>(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    name: &str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<T> {
    value_field(reader, key, table, name, |value| text(value).and_then(&parse))
}

/// The same for what need not be text.
fn value_field<T>(
    reader: &mut Reader,
    key: &str,
    table: &Table,
    name: &str,
    parse: impl Fn(&Value) -> Result<T, Wrong>,
) -> Option<T> {
    let key = format!("{key}.{name}");
    let Some(value) = table.get(name) else {
        let origin = reader.origin(KEY);
        let protocol = table.get("protocol").and_then(Value::as_str).unwrap_or(USUAL);
        reader.problem(&key, format!("`{key}`{origin} is missing"), fields(protocol));
        return None;
    };
    match parse(value) {
        Ok(parsed) => Some(parsed),
        Err(wrong) => {
            let (shown, origin) = (masked_url(&show(value)), reader.origin(KEY));
            reader.problem(&key, format!("`{key}` ({shown}){origin} {}", wrong.text), wrong.hint);
            None
        }
    }
}

fn name(text: &str) -> Result<Arc<str>, Wrong> {
    if is_name(text) {
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

fn protocol(text: &str) -> Result<&'static str, Wrong> {
    let names = KEYS.map(|(name, _)| name);
    names.into_iter().find(|name| *name == text).ok_or_else(|| {
        let names = names.map(|name| format!("\"{name}\""));
        Wrong::new("is not a protocol", format!("use {}", names.join(" or ")))
    })
}

fn format(text: &str) -> Result<Format, Wrong> {
    match text {
        "lines" => Ok(Format::Lines),
        "events" => Ok(Format::Events),
        _ => Err(Wrong::new("is not a format", "use \"lines\" or \"events\"")),
    }
}

fn from(text: &str) -> Result<FilesFrom, Wrong> {
    match text {
        "start" => Ok(FilesFrom::Start),
        "end" => Ok(FilesFrom::End),
        _ => Err(Wrong::new("is not a place to begin at", "use \"start\" or \"end\"")),
    }
}

fn path(text: &str) -> Result<String, Wrong> {
    let hint = "write it like \"/var/log/app/*.log*\"; `*`, `?`, `[…]` and `**` have a meaning";
    match glob::Pattern::new(text) {
        Ok(_) if text.is_empty() => Err(Wrong::new("is empty", hint)),
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Wrong::new(format!("is not a pattern: {}", error.msg), hint)),
    }
}

fn parameter(text: &str) -> Result<Option<String>, Wrong> {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Ok(Some(text.to_owned()).filter(|text| !text.is_empty()));
    }
    Err(Wrong::new("is not the name of a query parameter", "use letters, digits, `-`, `_` and `.`"))
}
