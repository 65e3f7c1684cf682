//! Taking out of a message what nobody needs of it, and what says who a person is.
//!
//! What is left decodes to the same fact, but for the person, so that counts, terms and echoes stay. The
//! decoder itself is asked what it needs, so that this works for all of them.

mod json;
mod rename;
mod shrink;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;

use json::Node;
use shrink::Trial;

use crate::stream::text_of;
use crate::{DeadLetter, Decoded, Decoder, Fact, Renaming, Value, WallTime};

/// The same message with nothing in it but what its outcome needs: the fact, with the person renamed, or the
/// reason why there is none. `None` when there is no such message, as with a program that makes of a value
/// what cannot be undone, or when it takes too long to find.
pub fn redact(
    decoder: &Decoder,
    payload: &[u8],
    log_time: WallTime,
    renaming: Option<&Renaming>,
) -> Option<Vec<u8>> {
    let reader = Reader { decoder, log_time };
    let before = reader.decode(payload);
    let accepts = |payload: &[u8]| same(&reader.decode(payload), &before);
    let needed = match &before {
        Ok(Decoded::Fact(fact)) => texts(fact),
        _ => BTreeSet::new(),
    };
    let small = shrunk(payload, &Trial::new(&accepts, needed))?;
    let renamed = match (&before, renaming) {
        (_, None) => small,
        (Ok(Decoded::Fact(fact)), Some(renaming)) => match renaming.fact(fact) {
            Some(wanted) => rename::in_fact(&small, renaming, fact, &wanted, &reader)?,
            None => small,
        },
        (_, Some(renaming)) => rename::in_other(small, renaming, &accepts)?,
    };
    Some(renamed.into_bytes())
}

/// Decodes what is left of one message.
struct Reader<'d> {
    decoder: &'d Decoder,
    log_time: WallTime,
}

impl Reader<'_> {
    fn decode<'p>(&self, payload: &'p [u8]) -> Result<Decoded<'p>, DeadLetter> {
        self.decoder.decode(payload, self.log_time)
    }

    fn fact<'p>(&self, message: &'p str) -> Option<Fact<'p>> {
        match self.decode(message.as_bytes()) {
            Ok(Decoded::Fact(fact)) => Some(fact),
            _ => None,
        }
    }
}

/// The same fact, or none for the same reason; what a dead letter quotes may differ.
fn same(one: &Result<Decoded<'_>, DeadLetter>, other: &Result<Decoded<'_>, DeadLetter>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => one.reason == other.reason,
        _ => false,
    }
}

fn shrunk(payload: &[u8], trial: &Trial<'_>) -> Option<String> {
    if trial.accepts("") {
        return Some(String::new());
    }
    // What is too long for a fact is so without its words.
    let blank = "x".repeat(payload.len());
    if trial.accepts(&blank) {
        return Some(blank);
    }
    let text = str::from_utf8(payload).ok()?;
    match Node::read(text) {
        Some(mut root) if trial.accepts_json(&root) => {
            trial.shrink_json(&mut root)?;
            Some(root.to_json())
        }
        _ => trial.shrink_line(text),
    }
}

/// The texts of a fact that a message may have as they are.
fn texts(fact: &Fact<'_>) -> BTreeSet<String> {
    let mut texts = BTreeSet::from([fact.scope.to_string()]);
    for term in fact.terms.iter().flatten() {
        texts.extend([term.key.to_string(), term.name.to_string()]);
    }
    for value in &fact.columns {
        match value {
            Value::Texts(list) => texts.extend(list.iter().map(|text| text.to_string())),
            value => texts.extend(text_of(value).map(Cow::into_owned)),
        }
    }
    texts
}
