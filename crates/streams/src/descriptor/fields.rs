//! The fields of views and where they come from.

use pulso_model::{
    ColumnType, Edges, Facet, FactsView, Field, FieldType, KeyField, Part, View, ViewDescriptor,
    ViewKind,
};
use toml::Spanned;
use toml::de::DeValue;

use super::RawFact;
use super::parts::Parts;
use super::table::{Placed, Table};
use super::words::{capitalised, field_type, leak, shown_as, view_name};

pub(super) fn list(fields: &[(&'static str, FieldType)]) -> Vec<Field> {
    fields.iter().map(|&(name, field_type)| Field { name, field_type }).collect()
}

pub(super) fn values(names: &[&'static str]) -> Vec<KeyField> {
    names.iter().copied().map(KeyField::Value).collect()
}

/// The fields of a job's view; every document has a time.
pub(super) fn declared(table: &Table<'_, '_>) -> Vec<Field> {
    let mut fields = list(&[("@timestamp", FieldType::Time)]);
    for (name, value) in table.entries() {
        if check_field(table, &name)
            && check_place(table, fields.iter().map(|field| field.name), &name)
        {
            // A wrong type has been told; the key may name the field.
            let field_type = field_type(table, &name, value).unwrap_or(FieldType::Text);
            fields.push(Field { name: leak(name.value), field_type });
        }
    }
    fields
}

/// The key of a job's view: some of its fields.
pub(super) fn key(job: &mut Table<'_, '_>, fields: &[Field]) -> Vec<KeyField> {
    let names = job.texts("key");
    if names.is_empty() {
        let message = "`key` is missing in `[[jobs]]`: the fields that tell its documents apart";
        job.problem(&job.span().clone(), message);
    }
    let mut key = Vec::new();
    for name in names {
        match fields.iter().find(|field| field.name == name.value) {
            Some(field) => key.push(KeyField::Value(field.name)),
            None => job.problem(&name.span, format!("`{}` is not one of `fields`", name.value)),
        }
    }
    key
}

/// The fields of a job's view that say who a person is, beside those that are called as a personal column.
pub(super) fn personal(job: &mut Table<'_, '_>, fields: &[Field]) -> Vec<&'static str> {
    let mut personal = Vec::new();
    for name in job.texts("personal") {
        match fields.iter().find(|field| field.name == name.value) {
            Some(field) => personal.push(field.name),
            None => job.problem(&name.span, format!("`{}` is not one of `fields`", name.value)),
        }
    }
    personal
}

/// The fields that make each document of a job an edge of a graph.
pub(super) fn edges(job: &mut Table<'_, '_>, fields: &[Field]) -> Option<Edges> {
    let mut table = job.table("edges")?;
    let mut field = |key, wanted| {
        let name = table.required_text(key)?;
        let found = fields.iter().find(|field| field.name == name.value);
        let message = match found {
            Some(field) if field.field_type == wanted => return Some(field.name),
            Some(field) => {
                let (is, wanted) = (field.field_type.name(), wanted.name());
                format!("`{}` is of the type `{is}`; `{key}` needs `{wanted}`", name.value)
            }
            None => format!("`{}` is not one of `fields`", name.value),
        };
        table.problem(&name.span, message);
        None
    };
    let (from, to) = (field("from", FieldType::Text), field("to", FieldType::Text));
    let weight = field("weight", FieldType::Integer);
    table.finish();
    Some(Edges { from: from?, to: to?, weight: weight? })
}

/// The field that a filter by scope compares: that of its name, or one that ends with it.
pub(super) fn scope_field(fields: &[Field], scope: &str) -> Option<&'static str> {
    let named = |field: &&Field| field.name == scope;
    let nested =
        |field: &&Field| field.name.rsplit_once('.').is_some_and(|(_, name)| name == scope);
    fields.iter().find(named).or_else(|| fields.iter().find(nested)).map(|field| field.name)
}

/// A scope within an object is found under its own name, too.
pub(super) fn scope_alias(field: &'static str) -> Option<(&'static str, &'static str)> {
    field.rsplit_once('.').map(|(_, name)| (name, field))
}

/// The view of single facts: as `[fields]` says, else all columns under their names.
pub(super) fn facts_view(
    stream: &'static str,
    fact: &RawFact,
    fields: Option<Table<'_, '_>>,
    parts: &Parts,
    facets: &[Facet],
    identity: &[Part],
) -> Option<FactsView> {
    let mut shown = vec![("@timestamp", FieldType::Time, Part::Time)];
    if identity.is_empty() {
        // Each message is a fact of its own, told apart by its position.
        shown.push(("partition", FieldType::Integer, Part::Partition));
        shown.push(("offset", FieldType::Integer, Part::Offset));
    }
    match &fields {
        Some(table) => {
            for (name, value) in table.entries() {
                let before = shown.iter().map(|(name, ..)| *name);
                if check_field(table, &name) && check_place(table, before, &name) {
                    shown.extend(chosen(table, &name, value, parts));
                }
            }
        }
        None => shown.extend(by_default(parts)),
    }
    let key_field = |part: &Part| match part {
        Part::Second => Some(KeyField::Second("@timestamp")),
        part => {
            shown.iter().find(|(.., from)| from == part).map(|(name, ..)| KeyField::Value(name))
        }
    };
    let position = [Part::Partition, Part::Offset];
    let identity = if identity.is_empty() { &position } else { identity };
    let mut key = Vec::new();
    for part in identity {
        match (key_field(part), &fields) {
            (Some(field), _) => key.push(field),
            (None, Some(table)) => {
                let name = parts.all().iter().find(|(_, known, _)| known == part);
                let name = name.map_or("time", |(name, ..)| name);
                let message = format!("`{name}` is part of the identity, but no field shows it");
                table.problem(table.span(), message);
            }
            (None, None) => return None,
        }
    }
    let scope = fact.scope.map(|scope| scope.name);
    let list: Vec<_> = shown.iter().map(|&(name, field_type, _)| (name, field_type)).collect();
    let list = self::list(&list);
    let scope_field = scope.and_then(|scope| scope_field(&list, scope));
    let mut aliases: Vec<_> = scope_field.and_then(scope_alias).into_iter().collect();
    for (at, facet) in facets.iter().enumerate() {
        let keys = shown.iter().find(|(.., part)| *part == Part::TermKeys(at));
        let alias = keys.map(|(name, ..)| (facet.term.one, *name));
        aliases.extend(alias.filter(|(alias, _)| list.iter().all(|field| field.name != *alias)));
    }
    let view = View::new(ViewDescriptor {
        name: leak(&view_name(fact.names.many)),
        title: leak(&capitalised(fact.names.many)),
        stream: Some(stream),
        kind: ViewKind::Day,
        scope_field,
        aliases: aliases.leak(),
        fields: list.leak(),
        key: key.leak(),
        position_field: None,
        first_write_wins: true,
        edges: None,
    });
    Some(FactsView {
        view,
        shown: fact.shown,
        parts: shown.iter().map(|(.., part)| *part).collect(),
    })
}

/// One line of `[fields]`: a field and the column that it shows, or the two of a location.
fn chosen(
    table: &Table<'_, '_>,
    name: &Placed<&str>,
    value: &Spanned<DeValue<'_>>,
    parts: &Parts,
) -> Option<(&'static str, FieldType, Part)> {
    let field = leak(name.value);
    let placed = |value: &'_ Spanned<DeValue<'_>>| {
        value.get_ref().as_str().map(|text| text.to_owned()).map(|text| (text, value.span()))
    };
    if let Some((text, span)) = placed(value) {
        if text == "place" && parts.has_place() {
            return Some((field, FieldType::Location, Part::Place));
        }
        let (part, column_type) = parts.named(table, &Placed { value: &text, span })?;
        return Some((field, shown_as(column_type), part));
    }
    let pair: Vec<_> =
        value.get_ref().as_array().into_iter().flat_map(|list| list.iter()).collect();
    let columns: Vec<_> = pair
        .iter()
        .filter_map(|item| placed(item))
        .filter_map(|(text, span)| parts.named(table, &Placed { value: &text, span }))
        .collect();
    match columns[..] {
        [
            (Part::Column(latitude), ColumnType::Float),
            (Part::Column(longitude), ColumnType::Float),
        ] if pair.len() == 2 => {
            Some((field, FieldType::Location, Part::Columns(latitude, longitude)))
        }
        _ => {
            let message = format!(
                "`{field}` is the name of a column, or `[latitude, longitude]`: two columns of floats"
            );
            table.problem(&value.span(), message);
            None
        }
    }
}

fn by_default(parts: &Parts) -> Vec<(&'static str, FieldType, Part)> {
    let mut shown = Vec::new();
    for &(name, part, column_type) in parts.all() {
        match part {
            Part::Time | Part::Longitude => {}
            Part::Latitude => shown.push(("location", FieldType::Location, Part::Place)),
            part => shown.push((name, shown_as(column_type), part)),
        }
    }
    shown
}

/// A column's name, or two with a dot between: documents nest one level deep.
fn check_field(table: &Table<'_, '_>, name: &Placed<&str>) -> bool {
    let part = |part: &str| {
        part.starts_with(|letter: char| letter.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let parts: Vec<_> = name.value.split('.').collect();
    let valid = (1..=2).contains(&parts.len()) && parts.into_iter().all(part);
    if !valid {
        let message = format!(
            "`{}` is not the name of a field: lower-case letters, digits and underscores, with one dot at \
             most",
            name.value
        );
        table.problem(&name.span, message);
    }
    valid
}

fn check_place(
    table: &Table<'_, '_>,
    before: impl Iterator<Item = &'static str>,
    name: &Placed<&str>,
) -> bool {
    let clash = clash(&before.collect::<Vec<_>>(), name.value);
    clash.map(|clash| table.problem(&name.span, clash)).is_none()
}

/// Why a field cannot follow others: documents are written field by field, an object's in a row.
pub(super) fn clash(before: &[&str], name: &str) -> Option<String> {
    let parent = |name: &str| name.split_once('.').map(|(parent, _)| parent.to_owned());
    if before.contains(&name) {
        return Some(format!("there are two fields `{name}`"));
    }
    let Some(object) = parent(name) else {
        let holds = before.iter().any(|other| parent(other).is_some_and(|object| object == name));
        return holds.then(|| format!("`{name}` cannot be a field: it holds others"));
    };
    if before.contains(&&*object) {
        return Some(format!("`{name}` cannot be a field: `{object}` is one"));
    }
    let last = before.iter().rposition(|other| parent(other).as_ref() == Some(&object));
    let apart = last.is_some_and(|last| last + 1 < before.len());
    apart.then(|| format!("`{name}` stands apart from the other fields of `{object}`"))
}
