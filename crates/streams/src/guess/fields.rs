//! What the messages of a sample have in each of their fields.

use std::collections::BTreeMap;
use std::fmt;

use vrl::value::{ObjectMap, Value};

/// The variable that a program copies the message into.
pub(super) const MESSAGE: &str = "message";

/// How deep objects in objects are looked into.
const DEPTH_MAX: usize = 4;

/// More fields are not looked at.
const FIELDS_MAX: usize = 500;

/// More values of a field are not told apart.
const VALUES_MAX: usize = 4_096;

/// More items of a list than terms of a fact.
const ITEMS_MAX: usize = 256;

/// The parts of a fact: a message's field of such a name cannot be read any more once the part is assigned.
const PARTS: [&str; 8] = ["time", "key", "scope", "kind", "sums", "place", "terms", "columns"];

/// Where a field is: the names of objects, and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    /// The variable that has the message, or nothing for `.`.
    root: &'static str,
    names: Vec<String>,
}

/// What all values of a field are, nulls aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    Integer,
    Float,
    Text,
    /// A timestamp, as parsers of logs give them.
    Time,
    Texts,
    Numbers,
    Objects,
    /// Several of these, or something else.
    Mixed,
}

/// What the messages have in one field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) path: Path,
    /// How many messages have it, and not null.
    pub(super) present: usize,
    pub(super) value_type: Type,
    /// How many values are of which type.
    types: Vec<(Type, usize)>,
    /// How often each value comes, of texts, lists of texts and integers; too many are not told apart.
    pub(super) values: BTreeMap<String, usize>,
    pub(super) too_many: bool,
    /// In bytes, of texts.
    pub(super) longest: usize,
    /// Of lists.
    longest_list: usize,
    /// Of all lists together.
    pub(super) items: usize,
    /// Of numbers.
    pub(super) smallest: f64,
    pub(super) largest: f64,
    /// Of a list of objects: the fields of the items.
    pub(super) of_items: Vec<Field>,
}

impl fmt::Display for Path {
    /// As a program names it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.root)?;
        for name in &self.names {
            // `_` alone is VRL's word for what is thrown away.
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !name.starts_with(|first: char| first.is_ascii_digit())
                && name != "_";
            match plain {
                true => write!(formatter, ".{name}")?,
                false => write!(formatter, ".\"{name}\"")?,
            }
        }
        Ok(())
    }
}

impl Path {
    /// Its own name.
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The object that has it.
    pub(super) fn parent(&self) -> &[String] {
        self.names.split_last().map_or(&[], |(_, parent)| parent)
    }

    pub(super) fn depth(&self) -> usize {
        self.names.len()
    }
}

impl Field {
    fn new(path: Path, value_type: Type) -> Self {
        Self {
            path,
            present: 0,
            value_type,
            types: Vec::new(),
            values: BTreeMap::new(),
            too_many: false,
            longest: 0,
            longest_list: 0,
            items: 0,
            smallest: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            of_items: Vec::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.path.name()
    }

    pub(super) fn distinct(&self) -> usize {
        self.values.len()
    }

    /// How often it has any value; lists have several.
    pub(super) fn mentions(&self) -> usize {
        self.values.values().sum()
    }

    /// What all values are but for fewer than one in twenty.
    pub(super) fn usual_type(&self) -> Type {
        let usual = self.types.iter().find(|(_, count)| count * 20 > self.present * 19);
        usual.map_or(self.value_type, |(usual, _)| *usual)
    }

    fn add(&mut self, value: &Value) {
        let found = type_of(value);
        match self.types.iter_mut().find(|(known, _)| *known == found) {
            Some((_, count)) => *count += 1,
            None => self.types.push((found, 1)),
        }
        let empty = value.as_array().is_some_and(<[_]>::is_empty);
        self.value_type = match (self.value_type, found) {
            (one, other) if one == other => one,
            (Type::Integer, Type::Float) | (Type::Float, Type::Integer) => Type::Float,
            // Nobody knows what is not in an empty list.
            (list @ (Type::Texts | Type::Numbers | Type::Objects), _) if empty => list,
            (Type::Texts, list @ (Type::Numbers | Type::Objects)) if self.longest_list == 0 => list,
            _ => Type::Mixed,
        };
        self.present += 1;
        match value {
            Value::Integer(number) => {
                self.number(*number as f64);
                self.value(&number.to_string());
            }
            Value::Float(number) => self.number(number.into_inner()),
            Value::Array(items) => {
                self.longest_list = self.longest_list.max(items.len());
                self.items += items.len();
                for item in items {
                    match item {
                        Value::Object(object) => collect(object, "", &[], &mut self.of_items),
                        item => self.text(item),
                    }
                }
            }
            value => self.text(value),
        }
    }

    fn number(&mut self, number: f64) {
        self.smallest = self.smallest.min(number);
        self.largest = self.largest.max(number);
    }

    fn text(&mut self, value: &Value) {
        if let Some(text) = value.to_str() {
            self.longest = self.longest.max(text.len());
            self.value(text);
        }
    }

    fn value(&mut self, value: &str) {
        if let Some(count) = self.values.get_mut(value) {
            *count += 1;
        } else if self.values.len() < VALUES_MAX {
            self.values.insert(value.to_owned(), 1);
        } else {
            self.too_many = true;
        }
    }
}

/// The fields of messages, in the order of their paths.
pub(super) fn fields<'m>(messages: impl Iterator<Item = &'m Value>, copied: bool) -> Vec<Field> {
    let root = if copied { MESSAGE } else { "" };
    let mut fields = Vec::new();
    for object in messages.filter_map(Value::as_object) {
        collect(object, root, &[], &mut fields);
    }
    fields
}

/// Whether the program needs a copy of the message.
pub(super) fn need_copy(messages: &[Value]) -> bool {
    let is_part = |object: &ObjectMap| PARTS.iter().any(|part| object.contains_key(*part));
    messages.iter().filter_map(Value::as_object).any(is_part)
}

/// `fields` is in the order of paths.
fn collect(object: &ObjectMap, root: &'static str, parent: &[String], fields: &mut Vec<Field>) {
    for (name, value) in object {
        if value.is_null() || !can_be_named(name) {
            continue;
        }
        let names = parent.iter().cloned().chain([name.to_string()]).collect();
        let path = Path { root, names };
        if let Value::Object(inner) = value
            && path.depth() < DEPTH_MAX
        {
            collect(inner, root, &path.names, fields);
        }
        match fields.binary_search_by(|field| field.path.cmp(&path)) {
            Ok(at) => fields[at].add(value),
            Err(at) if fields.len() < FIELDS_MAX => {
                let mut field = Field::new(path, type_of(value));
                field.add(value);
                fields.insert(at, field);
            }
            Err(_) => {}
        }
    }
}

/// Whether a program can name a field without escapes.
fn can_be_named(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-@$:. /".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Boolean(_) => Type::Boolean,
        Value::Integer(_) => Type::Integer,
        Value::Float(_) => Type::Float,
        Value::Timestamp(_) => Type::Time,
        Value::Array(items) if items.len() <= ITEMS_MAX => type_of_items(items),
        value if value.to_str().is_some() => Type::Text,
        _ => Type::Mixed,
    }
}

/// An empty list may be one of texts.
fn type_of_items(items: &[Value]) -> Type {
    let all = |is: fn(&Value) -> bool| items.iter().all(is);
    if all(|item| item.is_null() || item.to_str().is_some()) {
        Type::Texts
    } else if all(|item| item.is_integer() || item.is_float()) {
        Type::Numbers
    } else if all(Value::is_object) {
        Type::Objects
    } else {
        Type::Mixed
    }
}
