//! A message of JSON, as far as its program can see it.
//!
//! Most messages have more fields than their program asks for. A value is made of those that it names;
//! the others are checked to be JSON and passed over, which is most of what reading them costs.

use std::fmt;

use rustc_hash::FxHashSet;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Error;
use vrl::compiler::Program;
use vrl::path::{OwnedSegment, PathPrefix};
use vrl::value::{KeyString, ObjectMap, Value};

use super::limits;

/// The fields of a message that a program can see.
#[derive(Debug)]
pub(super) enum Fields {
    All,
    Named(FxHashSet<String>),
}

impl Fields {
    pub(super) fn of(program: &Program) -> Self {
        let mut names = FxHashSet::default();
        let queries = program.info().target_queries.iter();
        for query in queries.filter(|query| query.prefix == PathPrefix::Event) {
            let Some(OwnedSegment::Field(name)) = query.path.segments.first() else {
                return Self::All;
            };
            names.insert(name.to_string());
        }
        Self::Named(names)
    }
}

/// A message, and the room that it would take with all its fields.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub(super) value: Value,
    pub(super) size: usize,
}

impl Message {
    pub(super) fn new(value: Value) -> Self {
        Self { size: limits::size(&value), value }
    }
}

/// Reads a message; `None` for one that is no object.
///
/// # Errors
/// When it is no JSON.
pub(super) fn read(payload: &[u8], fields: &Fields) -> Result<Option<Message>, Error> {
    if let Fields::Named(names) = fields {
        let mut parser = serde_json::Deserializer::from_slice(payload);
        let mut passed_over = 0;
        let object = Object { names, passed_over: &mut passed_over };
        match parser.deserialize_map(object) {
            Ok(object) => {
                parser.end()?;
                let mut message = Message::new(Value::Object(object));
                message.size += passed_over;
                return Ok(Some(message));
            }
            // It may be something else, and then may be wrong further on.
            Err(error) if error.is_data() => {}
            Err(error) => return Err(error),
        }
    }
    let value: Value = serde_json::from_slice(payload)?;
    Ok(value.is_object().then(|| Message::new(value)))
}

struct Object<'n> {
    names: &'n FxHashSet<String>,
    /// The room that the other fields would take.
    passed_over: &'n mut usize,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ObjectMap;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ObjectMap, M::Error> {
        let Self { names, passed_over } = self;
        let mut object = ObjectMap::new();
        while let Some(name) = map.next_key_seed(Name { names, passed_over })? {
            match name {
                Some(name) => {
                    object.insert(name, map.next_value()?);
                }
                None => map.next_value_seed(PassOver(passed_over))?,
            }
        }
        Ok(object)
    }
}

/// A name of a field, if the program asks for it.
struct Name<'n> {
    names: &'n FxHashSet<String>,
    passed_over: &'n mut usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<KeyString>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Self::Value, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<KeyString>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        if self.names.contains(name) {
            return Ok(Some(name.into()));
        }
        *self.passed_over += limits::name_size(name);
        Ok(None)
    }
}

/// Checks a value and adds the room that it would take.
struct PassOver<'s>(&'s mut usize);

impl PassOver<'_> {
    fn leaf<E>(self, text: &str) -> Result<(), E> {
        *self.0 += limits::leaf_size(text);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for PassOver<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PassOver<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.leaf("")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.leaf("")
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.leaf("")
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.leaf("")
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.leaf("")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.leaf(text)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        *self.0 += limits::leaf_size("");
        while list.next_element_seed(PassOver(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        *self.0 += limits::leaf_size("");
        let names = FxHashSet::default();
        while map.next_key_seed(Name { names: &names, passed_over: self.0 })?.is_some() {
            map.next_value_seed(PassOver(self.0))?;
        }
        Ok(())
    }
}
