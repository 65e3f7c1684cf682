//! Putting other values in the place of personal ones, in a message that holds little else.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::mem::replace;

use super::Reader;
use super::json::Node;
use crate::stream::text_of;
use crate::{Fact, Renaming, Term, Value};

/// What becomes of values, as texts; `None` where one goes.
type Values = BTreeMap<String, Option<String>>;

/// The message that says the fact `wanted` where this one says `fact`; `None` if there is none.
pub(super) fn in_fact(
    message: &str,
    renaming: &Renaming,
    fact: &Fact<'_>,
    wanted: &Fact<'_>,
    reader: &Reader<'_>,
) -> Option<String> {
    let is_wanted = |message: &str| reader.fact(message).is_some_and(|fact| fact == *wanted);
    let values = values(fact, wanted);
    if let Some(mut root) = Node::read(message) {
        // A decoder may compare two values of the message, so that they change together or not at all.
        let mut all = root.clone();
        for path in all.leaves() {
            let leaf = all.at(&path);
            if let Some(new) = candidates(leaf, renaming, &values).into_iter().next() {
                *leaf = new;
            }
        }
        if is_wanted(&all.to_json()) {
            return Some(all.to_json());
        }
        // Others may happen to be equal to a personal one.
        for path in root.leaves() {
            for new in candidates(root.at(&path), renaming, &values) {
                let old = replace(root.at(&path), new);
                let message = root.to_json();
                let found = reader.fact(&message);
                if found.is_some_and(|found| is_between(&found, fact, wanted) && found != *fact) {
                    break;
                }
                *root.at(&path) = old;
            }
        }
        if is_wanted(&root.to_json()) {
            return Some(root.to_json());
        }
    }
    let line = renaming.mention(message).unwrap_or_else(|| message.to_owned());
    Some(replaced(&line, &values)).filter(|line| is_wanted(line))
}

/// A message that is no fact, without the person's id if it has that.
pub(super) fn in_other(
    message: String,
    renaming: &Renaming,
    accepts: &dyn Fn(&[u8]) -> bool,
) -> Option<String> {
    if !renaming.is_named_in(message.as_bytes()) {
        return Some(message);
    }
    renaming.mention(&message).filter(|message| accepts(message.as_bytes()))
}

/// What differs between the columns of two facts.
fn values(fact: &Fact<'_>, wanted: &Fact<'_>) -> Values {
    let mut values = Values::new();
    for (old, new) in fact.columns.iter().zip(&wanted.columns).filter(|(old, new)| old != new) {
        if let (Value::Texts(old), Value::Texts(new)) = (old, new) {
            let new = new.iter().map(|new| Some(new.to_string()));
            values.extend(old.iter().map(|old| old.to_string()).zip(new));
        } else if let Some(old) = text_of(old) {
            values.insert(old.into_owned(), text_of(new).map(Cow::into_owned));
        }
    }
    values.retain(|old, new| !old.is_empty() && new.as_ref() != Some(old));
    values
}

/// What a leaf may become, the likeliest first.
fn candidates(leaf: &Node, renaming: &Renaming, values: &Values) -> Vec<Node> {
    let null = || Node::Other("null".to_owned());
    match leaf {
        Node::Object(_) | Node::List(_) => Vec::new(),
        Node::Other(raw) => match values.get(raw) {
            Some(Some(new)) => vec![Node::Other(new.clone())],
            Some(None) => vec![null()],
            None => Vec::new(),
        },
        Node::Text(text) => {
            let whole = values.get(text).map(|new| new.clone().map_or_else(null, Node::Text));
            let parts = replaced(text, values);
            let parts = (parts != *text).then_some(parts);
            let texts = [renaming.mention(text), parts].into_iter().flatten();
            whole.into_iter().chain(texts.map(Node::Text)).collect()
        }
    }
}

/// A text with each value in it replaced, longer ones first, as they may contain others.
fn replaced(text: &str, values: &Values) -> String {
    let mut values: Vec<_> = values.iter().collect();
    values.sort_by_key(|(old, _)| std::cmp::Reverse(old.len()));
    values.into_iter().fold(text.to_owned(), |text, (old, new)| {
        text.replace(old, new.as_deref().unwrap_or_default())
    })
}

/// Whether each part of a fact is as in one of two others.
fn is_between(found: &Fact<'_>, one: &Fact<'_>, other: &Fact<'_>) -> bool {
    let Fact { time, scope, kind, sums, place, terms, columns } = found;
    let columns = columns.iter().zip(one.columns.iter().zip(&other.columns));
    let known =
        |at: usize, term: &Term<'_>| one.terms[at].contains(term) || other.terms[at].contains(term);
    (time, scope, kind, sums, place) == (&one.time, &one.scope, &one.kind, &one.sums, &one.place)
        && terms.iter().enumerate().all(|(at, terms)| terms.iter().all(|term| known(at, term)))
        && { columns }.all(|(found, (one, other))| found == one || found == other)
}
