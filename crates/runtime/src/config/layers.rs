//! Puts the layers of a configuration over one another, and refuses keys that are none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::{Table, Value};

use super::error::{ConfigError, Problem};
use super::reader::show;

/// The environment variables that are configuration; two underscores stand for a dot.
const ENVIRONMENT_PREFIX: &str = "PULSO__";

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
    /// Which keys the environment or a flag has set: those that a look into the file does not explain.
    pub(super) origins: BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
}

pub(super) fn merge(layers: &Layers) -> Result<Layered, ConfigError> {
    let defaults: Table =
        super::DEFAULT.parse().expect("the embedded defaults are valid, as a test shows");
    let (origins, problems) = (BTreeMap::new(), Vec::new());
    let mut layered = Layered { values: defaults.clone(), defaults, origins, problems };
    if let Some(file) = &layers.file {
        let table = file.text.parse().map_err(|error| syntax(file, &error))?;
        layered.put(table, None);
    }
    // Sorted, so that the same environment gives the same messages.
    let mut environment: Vec<_> = layers.environment.iter().collect();
    environment.sort();
    for (name, text) in environment {
        if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) {
            let key = key.to_ascii_lowercase().replace("__", ".");
            layered.put_text(&key, text, name);
        }
    }
    for (key, text) in &layers.overrides {
        layered.put_text(key, text, "a flag");
    }
    Ok(layered)
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
        put(&mut self.values, layer, "", origin, &mut self.problems);
    }

    /// Puts one value, given as text: taken literally where the default is text, as TOML elsewhere.
    fn put_text(&mut self, key: &str, text: &str, origin: &str) {
        let default = key.split('.').try_fold(None, |table: Option<&Value>, part| match table {
            None => self.defaults.get(part).map(Some),
            Some(value) => value.get(part).map(Some),
        });
        let value = match default.flatten() {
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
}

fn put(
    base: &mut Table,
    layer: Table,
    path: &str,
    origin: Option<&str>,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in layer {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let from = origin.map(|origin| format!(", from {origin},")).unwrap_or_default();
        match (base.get_mut(&name), value) {
            (None, _) => {
                let message = format!("`{key}`{from} is not a key of the configuration");
                let hint = replaced(&key).map_or_else(|| known(base, path), str::to_owned);
                problems.push(Problem { key, message, hint });
            }
            (Some(Value::Table(base)), Value::Table(layer)) => {
                put(base, layer, &key, origin, problems);
            }
            (Some(Value::Table(section)), value) => {
                let message = format!("`{key}`{from} is a section, not {}", show(&value));
                problems.push(Problem { hint: known(section, &key), key, message });
            }
            (Some(base), value) => *base = value,
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

fn known(section: &Table, path: &str) -> String {
    let place = if path.is_empty() { "the sections are" } else { "the keys here are" };
    let names: Vec<_> = section.keys().map(|name| format!("`{name}`")).collect();
    format!("{place} {}", names.join(", "))
}
