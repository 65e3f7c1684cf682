//! The documents of single facts, laid out as the stream's descriptor says.

use super::ViewDocument;
use super::json::{push_float, push_integer, push_json_text, push_location, push_texts, push_time};
use crate::view::{KeyField, KeyPart};
use crate::{Coordinate, Fact, Part, Position, Stream, Value, View};

/// Writes the documents of one stream's facts.
#[derive(Clone, Debug)]
pub struct FactWriter {
    stream: &'static Stream,
    view: View,
    places: Vec<Place>,
    key: Vec<Part>,
    /// The length of the longest document so far: room for the next, as one too small is copied.
    length: usize,
}

/// Where a part of a fact stands in a document, and how it is called there.
#[derive(Clone, Debug)]
struct Place {
    part: Part,
    /// The object that holds it, as JSON with its colon; documents nest one level deep, locations
    /// apart.
    parent: Option<String>,
    /// As JSON with its colon.
    name: String,
}

impl FactWriter {
    pub fn new(stream: &'static Stream) -> Self {
        let facts = &stream.facts_view;
        let fields = || facts.view.fields().iter().zip(&facts.parts);
        let place = |name: &str, part: Part| match name.split_once('.') {
            Some((parent, name)) => {
                Place { part, parent: Some(member(parent)), name: member(name) }
            }
            None => Place { part, parent: None, name: member(name) },
        };
        let key = |key: &KeyField| {
            let found = fields().find(|(field, _)| field.name == key.name());
            *found.expect("the fields of a key are fields of the view").1
        };
        Self {
            stream,
            view: facts.view,
            places: fields().map(|(field, part)| place(field.name, *part)).collect(),
            key: facts.view.key().iter().map(key).collect(),
            length: 0,
        }
    }

    /// The document of the fact in the message at a position of the log.
    pub fn render(&mut self, fact: &Fact<'_>, position: Position) -> ViewDocument {
        let key: Vec<_> =
            self.key.iter().map(|part| self.key_part(*part, fact, position)).collect();
        let id = self.view.id(&key);
        let mut body = String::with_capacity(self.length);
        self.write(fact, position, &mut body);
        self.length = self.length.max(body.len());
        let scope = self.view.scope_field().map(|_| fact.scope.clone().into_owned());
        ViewDocument { view: self.view, id, time: fact.time, position: 0, scope, body }
    }

    /// Parts without a value are left out, and objects that would be empty.
    fn write(&self, fact: &Fact<'_>, position: Position, body: &mut String) {
        body.push('{');
        let mut open: Option<&str> = None;
        for place in &self.places {
            let before = (body.len(), open);
            if open != place.parent.as_deref() {
                if open.is_some() {
                    body.push('}');
                }
                open = place.parent.as_deref();
                if let Some(parent) = open {
                    push_member(parent, body);
                    body.push('{');
                }
            }
            push_member(&place.name, body);
            if !self.push_part(place.part, fact, position, body) {
                body.truncate(before.0);
                open = before.1;
            }
        }
        body.push_str(if open.is_some() { "}}" } else { "}" });
    }

    /// Writes the value; false, and nothing, when there is none.
    fn push_part(
        &self,
        part: Part,
        fact: &Fact<'_>,
        position: Position,
        body: &mut String,
    ) -> bool {
        match part {
            Part::Time => push_time(body, fact.time),
            Part::Second => push_integer(body, fact.time.nearest_second()),
            Part::Scope => push_json_text(body, &fact.scope),
            Part::Kind => push_json_text(body, self.stream.kind.values[usize::from(fact.kind)]),
            Part::Sum(at) => push_integer(body, fact.sums[at].into()),
            Part::TermKeys(at) => push_texts(body, fact.terms[at].iter().map(|term| &*term.key)),
            Part::TermNames(at) => push_texts(body, fact.terms[at].iter().map(|term| &*term.name)),
            Part::Partition => push_integer(body, position.partition.into()),
            Part::Offset => push_integer(body, super::signed(position.offset)),
            Part::Column(at) => return push_value(body, &fact.columns[at]),
            Part::Latitude | Part::Longitude => {
                let Some(place) = fact.place else { return false };
                let latitude = part == Part::Latitude;
                push_float(body, if latitude { place.latitude() } else { place.longitude() });
            }
            Part::Place => return push_place(body, fact.place),
            Part::Columns(latitude, longitude) => {
                let degrees = |at: usize| match fact.columns[at] {
                    Value::Float(degrees) => Some(degrees),
                    _ => None,
                };
                let place = degrees(latitude).zip(degrees(longitude));
                return push_place(body, place.and_then(|(lat, lon)| Coordinate::new(lat, lon)));
            }
        }
        true
    }

    fn key_part<'a>(&self, part: Part, fact: &'a Fact<'_>, position: Position) -> KeyPart<'a> {
        match part {
            Part::Time => KeyPart::Time(fact.time),
            Part::Second => KeyPart::Integer(fact.time.nearest_second()),
            Part::Scope => KeyPart::Text(&fact.scope),
            Part::Kind => KeyPart::Text(self.stream.kind.values[usize::from(fact.kind)]),
            Part::Sum(at) => KeyPart::Integer(fact.sums[at].into()),
            Part::Partition => KeyPart::Integer(position.partition.into()),
            Part::Offset => KeyPart::Integer(super::signed(position.offset)),
            Part::Column(at) => match &fact.columns[at] {
                Value::Integer(number) => KeyPart::Integer(*number),
                Value::Boolean(boolean) => KeyPart::Integer(i64::from(*boolean)),
                Value::Text(text) => KeyPart::Text(text),
                Value::Time(time) => KeyPart::Time(*time),
                Value::Null | Value::Float(_) | Value::Texts(_) => KeyPart::Text(""),
            },
            _ => KeyPart::Text(""),
        }
    }
}

fn push_value(body: &mut String, value: &Value<'_>) -> bool {
    match value {
        Value::Null => return false,
        Value::Boolean(boolean) => body.push_str(if *boolean { "true" } else { "false" }),
        Value::Integer(number) => push_integer(body, *number),
        Value::Float(number) => push_float(body, *number),
        Value::Text(text) => push_json_text(body, text),
        Value::Texts(texts) => push_texts(body, texts.iter().map(|text| &**text)),
        Value::Time(time) => push_time(body, *time),
    }
    true
}

fn push_place(body: &mut String, place: Option<Coordinate>) -> bool {
    place.inspect(|place| push_location(body, place.location())).is_some()
}

fn member(name: &str) -> String {
    format!("\"{name}\":")
}

fn push_member(member: &str, body: &mut String) {
    if !body.ends_with('{') {
        body.push(',');
    }
    body.push_str(member);
}
