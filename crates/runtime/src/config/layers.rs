//! Puts the layers of a configuration over one another, and refuses keys that are none.
//!
//! The sections of a stream hold only what the layers set: the rest is as it is for all streams.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::{Table, Value};

use super::error::{ConfigError, Problem};
use super::reader::show;

/// The environment variables that are configuration; two underscores stand for a dot.
const ENVIRONMENT_PREFIX: &str = "PULSO__";

/// Where the sections of single streams stand, each under the stream's name.
pub(super) const STREAMS: &str = "streams";

/// The sections that may differ by stream.
const OF_A_STREAM: [&str; 6] = ["echo", "retention", "sessions", "time", "trends", "window"];

/// What is said of single streams only.
const OWN_FLAGS: [&str; 3] = ["facts", "honour_deletions", "show_sessions"];

/// The text of a configuration file.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub text: String,
}

/// Where values come from besides the embedded defaults; later fields override earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    pub file: Option<ConfigFile>,
    /// All of the environment; only `PULSO__…` is looked at.
    pub environment: Vec<(String, String)>,
    /// Dotted keys and values, from flags.
    pub overrides: Vec<(String, String)>,
}

/// The merged layers and what was wrong with their keys.
#[derive(Debug)]
pub(super) struct Layered {
    pub(super) values: Table,
    pub(super) defaults: Table,
    /// What a table of [`STREAMS`] may hold.
    of_a_stream: Table,
    /// Which keys the environment or a flag has set: those that a look into the file does not explain.
    pub(super) origins: BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
}

pub(super) fn merge(layers: &Layers) -> Result<Layered, ConfigError> {
    let defaults: Table =
        super::DEFAULT.parse().expect("the embedded defaults are valid, as a test shows");
    let sections = defaults.iter().filter(|(name, _)| OF_A_STREAM.contains(&name.as_str()));
    let sections = sections.map(|(name, section)| (name.clone(), section.clone()));
    let mut of_a_stream: Table =
        sections.chain(OWN_FLAGS.map(|name| (name.to_owned(), Value::Boolean(true)))).collect();
    // Streams share the journals, whose documents of a day go together.
    if let Some(Value::Table(retention)) = of_a_stream.get_mut("retention") {
        retention.remove("journals");
    }
    let (values, origins, problems) = (defaults.clone(), BTreeMap::new(), Vec::new());
    let mut layered = Layered { values, defaults, of_a_stream, origins, problems };
    if let Some(file) = &layers.file {
        let table = file.text.parse().map_err(|error| syntax(file, &error))?;
        layered.put(table, None);
    }
    // Sorted, so that the same environment gives the same messages.
    let mut environment: Vec<_> = layers.environment.iter().collect();
    environment.sort();
    for (name, text) in environment {
        if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) {
            layered.put_text(&key_of_variable(key), text, name);
        }
    }
    for (key, text) in &layers.overrides {
        layered.put_text(key, text, "a flag");
    }
    Ok(layered)
}

/// Names of streams have hyphens, which a shell does not take in the name of a variable.
fn key_of_variable(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let parts = name.split("__").enumerate();
    let of_streams = name.split("__").next() == Some(STREAMS);
    let parts = parts.map(|(at, part)| match at {
        1 if of_streams => part.replace('_', "-"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(".")
}

fn syntax(file: &ConfigFile, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map_or(0, |span| span.start);
    let before = file.text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ConfigError::Syntax {
        path: file.path.clone(),
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        message: error.message().to_owned(),
    }
}

impl Layered {
    fn put(&mut self, layer: Table, origin: Option<&str>) {
        let Self { values, defaults, of_a_stream, problems, .. } = self;
        let mut overlay = Overlay { of_a_stream, origin, problems };
        overlay.put(values, defaults, layer, "");
    }

    /// Puts one value, given as text: taken literally where the default is text, as TOML elsewhere.
    fn put_text(&mut self, key: &str, text: &str, origin: &str) {
        let value = match self.default(key) {
            Some(Value::String(_)) => Value::String(text.to_owned()),
            _ => text.parse().unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        let mut parts = key.rsplit('.');
        let last = parts.next().unwrap_or_default();
        let table = Table::from_iter([(last.to_owned(), value)]);
        let layer = parts
            .fold(table, |table, part| Table::from_iter([(part.to_owned(), Value::Table(table))]));
        self.put(layer, Some(origin));
        self.origins.insert(key.to_owned(), origin.to_owned());
    }

    fn default(&self, key: &str) -> Option<&Value> {
        let of_a_stream = || {
            let (streams, rest) = key.split_once('.')?;
            let (_, rest) = rest.split_once('.').filter(|_| streams == STREAMS)?;
            find(&self.of_a_stream, rest)
        };
        find(&self.defaults, key).or_else(of_a_stream)
    }

    /// The names of the streams that have a table.
    pub(super) fn streams(&self) -> impl Iterator<Item = &str> {
        let tables = self.values.get(STREAMS).and_then(Value::as_table).into_iter().flatten();
        tables.filter(|(_, value)| value.is_table()).map(|(name, _)| name.as_str())
    }
}

/// The value of a dotted key.
pub(super) fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// One layer on its way over those before it.
struct Overlay<'a> {
    of_a_stream: &'a Table,
    origin: Option<&'a str>,
    problems: &'a mut Vec<Problem>,
}

impl Overlay<'_> {
    /// `known` has every key that may be there.
    fn put(&mut self, base: &mut Table, known: &Table, layer: Table, path: &str) {
        for (name, value) in layer {
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let from = self.origin.map(|origin| format!(", from {origin},")).unwrap_or_default();
            let section = match known.get(&name) {
                None if path == STREAMS => self.of_a_stream,
                None => {
                    let message = format!("`{key}`{from} is not a key of the configuration");
                    let hint = replaced(&key).map_or_else(|| hint(known, path), str::to_owned);
                    self.problems.push(Problem { key, message, hint });
                    continue;
                }
                Some(Value::Table(section)) => section,
                Some(_) => {
                    base.insert(name, value);
                    continue;
                }
            };
            let Value::Table(layer) = value else {
                let message = format!("`{key}`{from} is a section, not {}", show(&value));
                self.problems.push(Problem { hint: hint(section, &key), key, message });
                continue;
            };
            let here = base.entry(name).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(here) = here {
                self.put(here, section, layer, &key);
            }
        }
    }
}

/// What is there instead of a key that there was.
fn replaced(key: &str) -> Option<&'static str> {
    let (section, name) = key.split_once('.')?;
    let names = ["group", "messages_topic", "dead_letters_topic", "lease_topic"];
    (section == "kafka" && names.contains(&name))
        .then_some("topics and groups are named after `kafka.topic_prefix` and their stream")
}

fn hint(section: &Table, path: &str) -> String {
    let place = if path.is_empty() { "the sections are" } else { "the keys here are" };
    let names: Vec<_> = section.keys().map(|name| format!("`{name}`")).collect();
    format!("{place} {}", names.join(", "))
}
