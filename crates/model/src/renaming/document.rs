//! The documents of views, without the person.

use serde_json::{Map, Value};

use super::Renaming;
use crate::{
    EventTime, Facet, Field, FieldType, KeyField, KeyPart, Layout, Part, View, ViewDocument,
};

/// A document that has the form of its view.
type Body = Map<String, Value>;

/// A document that cannot be renamed: it is not as its view is now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document `{id}` of the view `{view}` is not as the view is described now")]
pub struct OddDocument {
    pub view: View,
    pub id: String,
}

impl Renaming {
    /// Views of the stream that may say something of people.
    pub fn views(&self) -> Vec<View> {
        let mut views = self.stream.views();
        views.retain(|view| !self.stream.personal_fields(*view).is_empty());
        views
    }

    /// The field of a view that has the actor.
    pub fn actor_field(&self, view: View) -> Option<&'static Field> {
        let (stream, column) = (self.stream, self.column);
        let facts = &stream.facts_view;
        let mut shown = facts.view.fields().iter().zip(&facts.parts);
        let shown = shown.find(|(_, part)| **part == Part::Column(column)).map(|(field, _)| field);
        if view == facts.view {
            return shown;
        }
        let names = [Some(stream.columns[column].name), shown.map(|field| field.name)];
        view.fields().iter().find(|field| names.contains(&Some(field.name)))
    }

    /// A document of one of the [`views`](Self::views) without the person; `None` when it says nothing of them.
    ///
    /// # Errors
    /// When the document is not as its view is.
    pub fn document(&self, document: &ViewDocument) -> Result<Option<ViewDocument>, OddDocument> {
        let view = document.view;
        let odd = || OddDocument { view, id: document.id.clone() };
        let body: Body = serde_json::from_str(&document.body).map_err(|_| odd())?;
        let own = self.actor_field(view).and_then(|field| get(&body, field.name));
        let own = own.is_some_and(|value| plain(value) == self.actor);
        let mut renamed = body.clone();
        for (field, _) in self.stream.personal_fields(view) {
            if let Some(value) = get(&body, field.name) {
                let own = own && !self.is_of_terms(view, field);
                put(&mut renamed, field.name, self.json(value, field.field_type, own));
            }
        }
        if renamed == body {
            return Ok(None);
        }
        let id = |body: &Body| id(view, document.time, body);
        if id(&body).as_ref() != Some(&document.id) {
            return Err(odd());
        }
        let id = id(&renamed).ok_or_else(odd)?;
        let written = Layout::new(view).write(|index, json| {
            let value = get(&renamed, view.fields()[index].name);
            value.is_some_and(|value| {
                json.push_str(&value.to_string());
                true
            })
        });
        Ok(Some(ViewDocument { id, body: written, ..document.clone() }))
    }

    /// Terms are what people talk about, whoever does.
    fn is_of_terms(&self, view: View, field: &Field) -> bool {
        let facts = &self.stream.facts_view;
        if view == facts.view {
            let mut shown = facts.view.fields().iter().zip(&facts.parts);
            return shown.any(|(shown, part)| {
                shown.name == field.name && matches!(part, Part::TermKeys(_) | Part::TermNames(_))
            });
        }
        let names = |facet: &Facet| [facet.term.one, facet.term.many, facet.names_column];
        self.stream.facets.iter().any(|facet| names(facet).contains(&field.name))
    }

    /// `None`: left out.
    fn json(&self, value: &Value, field_type: FieldType, own: bool) -> Option<Value> {
        match value {
            Value::String(_) if field_type == FieldType::Time && own => None,
            Value::String(text) => Some(self.text(text, own).into()),
            Value::Number(number) if field_type == FieldType::Integer => {
                let number = number.as_i64()?;
                let new = own || self.is_number(number);
                Some(if new { self.new_integer(number) } else { number }.into())
            }
            Value::Array(list) => {
                list.iter().map(|one| self.json(one, FieldType::Text, own)).collect::<Option<_>>()
            }
            Value::Number(_) | Value::Bool(_) | Value::Object(_) if own => None,
            other => Some(other.clone()),
        }
    }
}

fn get<'b>(body: &'b Body, name: &str) -> Option<&'b Value> {
    match name.split_once('.') {
        Some((parent, name)) => body.get(parent)?.get(name),
        None => body.get(name),
    }
}

fn put(body: &mut Body, name: &str, value: Option<Value>) {
    let (object, name) = match name.split_once('.') {
        Some((parent, name)) => (body.get_mut(parent).and_then(Value::as_object_mut), name),
        None => (Some(body), name),
    };
    let Some(object) = object else { return };
    drop(match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    });
}

/// A value as [`Stream::actor`](crate::Stream::actor) has it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The `_id` that a document must have; `None` where a time of its key is none.
fn id(view: View, time: EventTime, body: &Body) -> Option<String> {
    let mut parts = Vec::new();
    for key in view.key() {
        parts.push(match (key, get(body, key.name())) {
            (KeyField::Second("@timestamp"), _) => KeyPart::Time(time),
            (KeyField::Second(_), Some(value)) => KeyPart::Time(value.as_str()?.parse().ok()?),
            (_, Some(Value::String(text))) => KeyPart::Text(text),
            (_, Some(Value::Bool(boolean))) => KeyPart::Integer(i64::from(*boolean)),
            (_, Some(value)) => KeyPart::Integer(value.as_i64()?),
            (_, None) => KeyPart::Text(""),
        });
    }
    Some(view.id(&parts))
}
