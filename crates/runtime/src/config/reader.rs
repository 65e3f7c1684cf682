//! Reads keys one by one and collects what is wrong with them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Value;

use super::error::Problem;
use super::layers::{Layered, STREAMS, find};
use super::sections::masked_url;
use super::{ByteSize, format_duration, parse_duration};

/// The longest duration: ten years. Far from overflow in any unit.
const DURATION_MAX: Duration = Duration::from_hours(10 * 365 * 24);

/// Keys whose values are never shown, however wrong they are.
const SECRETS: [&str; 4] =
    ["kafka.key_password", "kafka.password", "elasticsearch.password", "elasticsearch.api_key"];

/// Why a value is not what its key needs.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Goes on after "`key` (value) ".
    pub(super) text: String,
    pub(super) hint: String,
}

impl Wrong {
    pub(super) fn new(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: hint.into() }
    }
}

#[derive(Debug)]
pub(super) struct Reader {
    layered: Layered,
    /// The stream whose own values come before those for all.
    stream: Option<String>,
}

impl Reader {
    pub(super) fn new(layered: Layered) -> Self {
        Self { layered, stream: None }
    }

    /// The names of the streams that have a table.
    pub(super) fn streams(&self) -> Vec<String> {
        self.layered.streams().map(str::to_owned).collect()
    }

    /// Reads as for one stream.
    pub(super) fn of_stream<T>(&mut self, stream: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.stream = Some(stream.to_owned());
        let read = read(self);
        self.stream = None;
        read
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.layered.problems
    }

    /// Notes a problem, once: what is set for all streams is read for each.
    pub(super) fn problem(&mut self, key: &str, message: String, hint: String) {
        let problem = Problem { key: key.to_owned(), message, hint };
        if !self.layered.problems.contains(&problem) {
            self.layered.problems.push(problem);
        }
    }

    /// The value of a key; its default after noting a problem.
    pub(super) fn read<T>(&mut self, key: &str, parse: impl Fn(&Value) -> Result<T, Wrong>) -> T {
        match parse(self.value(key)) {
            Ok(parsed) => parsed,
            Err(wrong) => {
                let message = format!("{} {}", self.shown(key), wrong.text);
                self.problem(&self.place(key), message, wrong.hint);
                let default = find(&self.layered.defaults, key).and_then(|value| parse(value).ok());
                default.expect("the embedded defaults are valid, as a test shows")
            }
        }
    }

    /// Whether the stream has something of its own; `None` when it does not say.
    pub(super) fn own_flag(&mut self, key: &str) -> Option<bool> {
        let place = self.own(key)?;
        let flag = find(&self.layered.values, &place).and_then(Value::as_bool);
        if flag.is_none() {
            let message = format!("{} is neither true nor false", self.shown(key));
            self.problem(&place, message, "write `true` or `false`".to_owned());
        }
        flag
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        let wrong = || Wrong::new("is neither true nor false", "write `true` or `false`");
        self.read(key, |value| value.as_bool().ok_or_else(wrong))
    }

    /// One of a few words; `kind` goes on after "is not ".
    pub(super) fn choice<T: Copy>(&mut self, key: &str, kind: &str, choices: &[(&str, T)]) -> T {
        self.read(key, |value| {
            let chosen = choices.iter().find(|(name, _)| value.as_str() == Some(name));
            chosen.map(|(_, choice)| *choice).ok_or_else(|| {
                let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
                Wrong::new(format!("is not {kind}"), format!("use {}", names.join(" or ")))
            })
        })
    }

    /// A whole number in a range.
    pub(super) fn number<T>(&mut self, key: &str, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        self.read(key, |value| {
            let number = value
                .as_integer()
                .ok_or_else(|| Wrong::new("is not a whole number", "write it without quotes"))?;
            T::try_from(number).ok().filter(|number| range.contains(number)).ok_or_else(|| {
                let (from, to) = (range.start(), range.end());
                Wrong::new("is out of range", format!("choose a number from {from} to {to}"))
            })
        })
    }

    pub(super) fn decimal(&mut self, key: &str, range: RangeInclusive<f64>) -> f64 {
        self.read(key, |value| {
            let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
            let number =
                number.ok_or_else(|| Wrong::new("is not a number", "write it without quotes"))?;
            range.contains(&number).then_some(number).ok_or_else(|| {
                let (from, to) = (range.start(), range.end());
                Wrong::new("is out of range", format!("choose a number from {from} to {to}"))
            })
        })
    }

    pub(super) fn duration(&mut self, key: &str, min: Duration) -> Duration {
        // What is not text is no duration either.
        self.read(key, |value| duration(value.as_str().unwrap_or_default(), min))
    }

    pub(super) fn size(&mut self, key: &str) -> ByteSize {
        self.read(key, |value| {
            let size = value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
                Wrong::new("is not a size", "write a number and a unit, like \"64KiB\" or \"1GiB\"")
            })?;
            let wrong = || Wrong::new("is out of range", "choose a size of at least 1B");
            (size > ByteSize(0)).then_some(size).ok_or_else(wrong)
        })
    }

    /// Notes that two keys do not go together, unless one of them is wrong by itself.
    pub(super) fn check_pair(
        &mut self,
        holds: bool,
        (key, other): (&str, &str),
        relation: &str,
        hint: impl FnOnce() -> String,
    ) {
        if holds || self.has_problem(key) || self.has_problem(other) {
            return;
        }
        // The comma after the origin would end the sentence.
        let other = self.shown(other);
        let message = format!("{} {relation} {}", self.shown(key), other.trim_end_matches(','));
        self.problem(&self.place(key), message, hint());
    }

    /// Notes what is wrong with one valid value, unless its key has a problem already.
    pub(super) fn check(&mut self, holds: bool, key: &str, wrong: impl FnOnce() -> Wrong) {
        if !holds && !self.has_problem(key) {
            let Wrong { text, hint } = wrong();
            self.problem(&self.place(key), format!("{} {text}", self.shown(key)), hint);
        }
    }

    fn has_problem(&self, key: &str) -> bool {
        let place = self.place(key);
        self.layered.problems.iter().any(|problem| problem.key == place)
    }

    fn value(&self, key: &str) -> &Value {
        find(&self.layered.values, &self.place(key))
            .expect("merging keeps every key of the defaults")
    }

    /// Where the value of a key stands: among the stream's own, or for all.
    fn place(&self, key: &str) -> String {
        self.own(key).unwrap_or_else(|| key.to_owned())
    }

    fn own(&self, key: &str) -> Option<String> {
        let place = format!("{STREAMS}.{}.{key}", self.stream.as_ref()?);
        find(&self.layered.values, &place).is_some().then_some(place)
    }

    /// A key with its value and, when the file does not show it, where that comes from.
    fn shown(&self, key: &str) -> String {
        let value = match self.value(key) {
            _ if SECRETS.contains(&key) => "***".to_owned(),
            // It may hold a password, and is refused because of that.
            value if key == "kibana.url" => masked_url(&show(value)),
            value => show(value),
        };
        format!("`{}` ({value}){}", self.place(key), self.origin(key))
    }

    /// Goes on after "`key` (value)"; empty for what comes from the file.
    pub(super) fn origin(&self, key: &str) -> String {
        let origin = self.layered.origins.get(&self.place(key));
        origin.map(|origin| format!(", from {origin},")).unwrap_or_default()
    }
}

pub(super) fn duration(text: &str, min: Duration) -> Result<Duration, Wrong> {
    let duration = parse_duration(text).ok_or_else(|| {
        Wrong::new("is not a duration", "write a number and a unit, like \"10s\" or \"5m\"")
    })?;
    if (min..=DURATION_MAX).contains(&duration) {
        return Ok(duration);
    }
    let (from, to) = (format_duration(min), format_duration(DURATION_MAX));
    Err(Wrong::new("is out of range", format!("choose a duration from {from} to {to}")))
}

pub(super) fn text(value: &Value) -> Result<&str, Wrong> {
    value.as_str().ok_or_else(|| Wrong::new("is not text", "write it in double quotes"))
}

/// A value as it is shown in messages: text without its quotes.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(time) => time.to_string(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a section".to_owned(),
    }
}
