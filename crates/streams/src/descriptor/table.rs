//! Reads TOML tables and collects every problem, with its line.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use pulso_model::duration::parse_duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a descriptor, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: {}", self.line, self.message)
    }
}

/// A text of TOML and the problems found in it so far.
#[derive(Debug)]
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<Problem>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A word with a meaning of its own, or a list of names.
#[derive(Clone, Debug)]
pub(super) enum OneOrMany<'t> {
    One(Placed<&'t str>),
    Many(Vec<Placed<&'t str>>),
}

/// A table whose keys are asked for one after the other; one that nobody asks for is a problem.
#[derive(Debug)]
pub(super) struct Table<'t, 'p> {
    table: &'t DeTable<'t>,
    /// In words, for messages: empty for the whole file.
    name: String,
    span: Range<usize>,
    asked: BTreeSet<&'static str>,
    problems: &'p std::cell::RefCell<Problems<'t>>,
}

impl<'t> Problems<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(super) fn add(&mut self, span: &Range<usize>, message: impl Into<String>) {
        let before = self.text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        self.found.push(Problem { line, message: message.into() });
    }

    /// In the order of lines.
    pub(super) fn into_vec(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }
}

impl<'t, 'p> Table<'t, 'p> {
    pub(super) fn new(
        table: &'t DeTable<'t>,
        name: impl Into<String>,
        span: Range<usize>,
        problems: &'p std::cell::RefCell<Problems<'t>>,
    ) -> Self {
        Self { table, name: name.into(), span, asked: BTreeSet::new(), problems }
    }

    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }

    pub(super) fn problem(&self, span: &Range<usize>, message: impl Into<String>) {
        self.problems.borrow_mut().add(span, message);
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<Placed<&'t str>> {
        let value = self.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, value, "a text");
        }
        Some(Placed { value: text?, span: value.span() })
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, key: &'static str) -> Option<Placed<&'t str>> {
        if !self.has(key) {
            let place =
                if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) };
            self.problem(&self.span, format!("`{key}` is missing{place}"));
        }
        self.text(key)
    }

    /// A time that is longer than nothing, such as "1d" or "1h30m".
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Placed<Duration>> {
        let text = self.text(key)?;
        let duration = parse_duration(text.value).filter(|duration| !duration.is_zero());
        if duration.is_none() {
            let message = format!(
                "`{key}` is `{}`, which is no time such as \"1d\" or \"1h30m\"",
                text.value
            );
            self.problem(&text.span, message);
        }
        Some(Placed { value: duration?, span: text.span })
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<Placed<u32>> {
        let value = self.get(key)?;
        let integer = value.get_ref().as_integer();
        let integer =
            integer.and_then(|text| u32::from_str_radix(text.as_str(), text.radix()).ok());
        let integer = integer.filter(|integer| range.contains(integer));
        if integer.is_none() {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            self.problem(&value.span(), format!("`{key}` is not {expected}"));
        }
        Some(Placed { value: integer?, span: value.span() })
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            self.wrong(key, value, "`true` or `false`");
        }
        boolean
    }

    /// A list of texts; empty when there is none.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<Placed<&'t str>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(key, value, "a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Placed { value: text, span: item.span() }),
                None => self.wrong(key, item, "a list of texts"),
            }
        }
        texts
    }

    /// The same; `None` when there is none.
    pub(super) fn optional_texts(&mut self, key: &'static str) -> Option<Vec<Placed<&'t str>>> {
        let listed = self.has(key);
        Some(self.texts(key)).filter(|_| listed)
    }

    /// One text, or several in a list; `None` when there is neither.
    pub(super) fn text_or_texts(&mut self, key: &'static str) -> Option<OneOrMany<'t>> {
        match self.get(key)?.get_ref().is_array() {
            true => Some(OneOrMany::Many(self.texts(key))),
            false => self.text(key).map(OneOrMany::One),
        }
    }

    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'t, 'p>> {
        let value = self.get(key)?;
        match value.get_ref().as_table() {
            Some(table) => {
                Some(Table::new(table, format!("`[{key}]`"), value.span(), self.problems))
            }
            None => {
                self.wrong(key, value, "a table");
                None
            }
        }
    }

    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Table<'t, 'p>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(key, value, "tables, each as `[[…]]`");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in list.iter() {
            match item.get_ref().as_table() {
                Some(table) => {
                    let name = format!("`[[{key}]]`");
                    tables.push(Table::new(table, name, item.span(), self.problems));
                }
                None => self.wrong(key, item, "tables, each as `[[…]]`"),
            }
        }
        tables
    }

    /// All keys with their values, in the order of the file; for tables with any keys.
    pub(super) fn entries(&self) -> Vec<(Placed<&'t str>, &'t Spanned<DeValue<'t>>)> {
        let entry = |(key, value): (&'t Spanned<std::borrow::Cow<'t, str>>, _)| {
            (Placed { value: key.get_ref().as_ref(), span: key.span() }, value)
        };
        let mut entries: Vec<_> = self.table.iter().map(entry).collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }

    /// Names the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.entries() {
            if !self.asked.contains(key.value) {
                let known: Vec<_> = self.asked.iter().map(|name| format!("`{name}`")).collect();
                let place =
                    if self.name.is_empty() { String::new() } else { format!(" in {}", self.name) };
                let message =
                    format!("unknown key `{}`{place}; there are {}", key.value, known.join(", "));
                self.problem(&key.span, message);
            }
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    fn get(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.insert(key);
        self.table.get(key)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        self.problem(&value.span(), format!("`{key}` is not {expected}, but {article} {found}"));
    }
}
