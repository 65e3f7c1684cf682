//! The documents of single facts, laid out as the stream's descriptor says.

use super::json::{push_float, push_integer, push_json_text, push_location, push_texts, push_time};
use super::{Layout, ViewDocument};
use crate::view::{KeyField, KeyPart};
use crate::{Coordinate, Fact, Part, Position, Stream, Value};

/// Writes the documents of one stream's facts.
#[derive(Clone, Debug)]
pub struct FactWriter {
    stream: &'static Stream,
    layout: Layout,
    key: Vec<Part>,
}

impl FactWriter {
    pub fn new(stream: &'static Stream) -> Self {
        let facts = &stream.facts_view;
        let key = |key: &KeyField| {
            let mut fields = facts.view.fields().iter().zip(&facts.parts);
            let found = fields.find(|(field, _)| field.name == key.name());
            *found.expect("the fields of a key are fields of the view").1
        };
        let key = facts.view.key().iter().map(key).collect();
        Self { stream, layout: Layout::new(facts.view), key }
    }

    /// The document of the fact in the message at a position of the log.
    pub fn render(&mut self, fact: &Fact<'_>, position: Position) -> ViewDocument {
        let (stream, facts) = (self.stream, &self.stream.facts_view);
        let key: Vec<_> =
            self.key.iter().map(|part| self.key_part(*part, fact, position)).collect();
        let id = facts.view.id(&key);
        let body = self
            .layout
            .write(|index, body| push_part(stream, facts.parts[index], fact, position, body));
        let scope = facts.view.scope_field().map(|_| fact.scope.clone().into_owned());
        ViewDocument { view: facts.view, id, time: fact.time, position: 0, scope, body }
    }

    fn key_part<'a>(&self, part: Part, fact: &'a Fact<'_>, position: Position) -> KeyPart<'a> {
        match part {
            Part::Time => KeyPart::Time(fact.time),
            Part::Second => KeyPart::Integer(fact.time.nearest_second()),
            Part::Scope => KeyPart::Text(&fact.scope),
            Part::Kind => KeyPart::Text(self.stream.kind.values[usize::from(fact.kind)]),
            Part::Sum(at) => KeyPart::Integer(fact.sum(at)),
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

/// Writes the value; false, and nothing, when there is none.
fn push_part(
    stream: &Stream,
    part: Part,
    fact: &Fact<'_>,
    position: Position,
    body: &mut String,
) -> bool {
    match part {
        Part::Time => push_time(body, fact.time),
        Part::Second => push_integer(body, fact.time.nearest_second()),
        Part::Scope => push_json_text(body, &fact.scope),
        Part::Kind => push_json_text(body, stream.kind.values[usize::from(fact.kind)]),
        Part::Sum(at) => push_integer(body, fact.sum(at)),
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
