//! What can trend: lists of texts, addresses of pages, texts that come again and again.

use std::collections::BTreeSet;

use pulso_model::FACETS_MAX;

use super::fields::{Field, Path, Type};
use super::names::of_path;

/// Longer texts are no terms.
const TERM_BYTES_MAX: usize = 256;

/// Facets that are neither lists nor addresses: nobody asked for them.
const TEXTS_MAX: usize = 2;

/// Fields of the items of a list that tell them apart, most telling first.
const ITEM_KEYS: [&str; 9] =
    ["urlkey", "slug", "key", "tag", "id", "name", "text", "title", "value"];

/// Words in the names of fields whose texts trend.
const NAMES: [&str; 15] = [
    "tag", "topic", "category", "product", "path", "page", "url", "query", "city", "domain",
    "keyword", "symbol", "item", "referrer", "title",
];

/// Fields whose texts are read rather than counted.
const PROSE: [&str; 6] = ["message", "msg", "text", "body", "description", "comment"];

/// A field whose values trend.
#[derive(Debug)]
pub(super) struct FacetField {
    pub(super) path: Path,
    pub(super) form: Form,
    pub(super) distinct: usize,
}

/// Where the terms are in the field.
#[derive(Debug)]
pub(super) enum Form {
    List,
    /// A list of objects that have the term, and perhaps a name to show.
    Items {
        key: Path,
        name: Option<Path>,
    },
    /// The host of an address.
    Host,
    /// A path without its query.
    Page,
    Text,
}

impl FacetField {
    /// The terms are less than what the field has.
    pub(super) fn is_part(&self) -> bool {
        matches!(self.form, Form::Host)
    }

    /// What the terms are called.
    pub(super) fn name(&self) -> String {
        let name = of_path(&self.path);
        let says = ["host", "domain", "referrer"].iter().any(|word| name.contains(word));
        if self.is_part() && !says { format!("{name}_host") } else { name }
    }

    /// The list of terms, as a program assigns it.
    pub(super) fn expression(&self) -> String {
        let path = &self.path;
        match &self.form {
            Form::List => path.to_string(),
            Form::Items { key, name: None } => {
                format!("map_values(array({path}) ?? []) -> |item| {{ item{key} }}")
            }
            Form::Items { key, name: Some(name) } => format!(
                "map_values(array({path}) ?? []) -> |item| {{ {{ \"key\": item{key}, \"name\": item{name} }} }}"
            ),
            Form::Host => format!("[get!(parse_url({path}) ?? {{}}, [\"host\"])]"),
            Form::Page => format!("[split(string({path}) ?? \"\", \"?\")[0]]"),
            Form::Text => format!("[{path}]"),
        }
    }
}

pub(super) fn find(fields: &[&Field], messages: usize) -> Vec<FacetField> {
    let mut found: Vec<_> = fields.iter().filter_map(|field| facet(field, messages)).collect();
    // Lists were made to be counted; other texts are guessed to be worth it.
    found.sort_by_key(|(order, ..)| *order);
    let mut texts = 0;
    found.retain(|(_, facet)| {
        texts += usize::from(matches!(facet.form, Form::Text));
        !matches!(facet.form, Form::Text) || texts <= TEXTS_MAX
    });
    found.truncate(FACETS_MAX);
    found.into_iter().map(|(_, facet)| facet).collect()
}

/// A facet, and what decides which come first.
fn facet(field: &Field, messages: usize) -> Option<((u8, usize), FacetField)> {
    let named = is_named(field);
    let form = form(field, messages, named)?;
    let rank = match (&form, named) {
        (Form::List | Form::Items { .. }, _) => 0,
        (Form::Host | Form::Page, _) => 1,
        (Form::Text, true) => 2,
        (Form::Text, false) => 3,
    };
    let distinct = match &form {
        Form::Items { key, .. } => item(field, key).map_or(0, Field::distinct),
        _ => field.distinct(),
    };
    let facet = FacetField { path: field.path.clone(), form, distinct };
    Some(((rank, usize::MAX - field.mentions()), facet))
}

fn form(field: &Field, messages: usize, named: bool) -> Option<Form> {
    match field.value_type {
        Type::Texts if field.distinct() >= 2 && field.longest <= TERM_BYTES_MAX => Some(Form::List),
        Type::Objects => items(field),
        Type::Text => text(field, messages, named),
        _ => None,
    }
}

fn items(field: &Field) -> Option<Form> {
    let key = ITEM_KEYS.iter().find_map(|name| {
        let fits = |item: &&Field| {
            item.name().eq_ignore_ascii_case(name)
                && item.path.depth() == 1
                && item.value_type == Type::Text
                && item.longest <= TERM_BYTES_MAX
                && item.present == field.items
                && item.distinct() >= 2
        };
        field.of_items.iter().find(fits)
    })?;
    let shown = |item: &&Field| {
        item.path != key.path
            && item.path.depth() == 1
            && item.name().to_ascii_lowercase().contains("name")
            && item.value_type == Type::Text
            && item.longest <= TERM_BYTES_MAX
    };
    let name = field.of_items.iter().find(shown).map(|item| item.path.clone());
    Some(Form::Items { key: key.path.clone(), name })
}

fn text(field: &Field, messages: usize, named: bool) -> Option<Form> {
    let all = |is: fn(&str) -> bool| field.values.keys().all(|value| value.is_empty() || is(value));
    let most = |is: fn(&str) -> bool| {
        field.values.keys().filter(|value| is(value)).count() * 10 >= field.distinct() * 9
    };
    let seldom = field.present * 4 < messages || field.distinct() < 3;
    if seldom {
        return None;
    }
    if most(|value| host(value).is_some()) {
        let hosts: BTreeSet<_> = field.values.keys().filter_map(|value| host(value)).collect();
        return (hosts.len() >= 3).then_some(Form::Host);
    }
    if field.longest <= 1024 && all(|value| value.starts_with('/')) {
        return Some(Form::Page);
    }
    let again = !field.too_many && field.mentions() * 2 >= field.distinct() * 3;
    let prose = PROSE.iter().any(|prose| field.name().eq_ignore_ascii_case(prose));
    let again = again && !prose;
    let term = field.longest <= TERM_BYTES_MAX && again && (named || field.distinct() > 10);
    term.then_some(Form::Text)
}

/// Roughly; the program takes addresses apart by the book.
fn host(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"))?;
    rest.split(['/', '?', '#']).next()
}

fn is_named(field: &Field) -> bool {
    let name = field.name().to_ascii_lowercase();
    NAMES.iter().any(|known| name.contains(known))
}

fn item<'f>(field: &'f Field, key: &Path) -> Option<&'f Field> {
    field.of_items.iter().find(|item| item.path == *key)
}
