//! Another name for a person: what a stream holds of them becomes that of somebody who does not exist.
//!
//! A person is renamed, not cut out, so that counts, distinct actors and echoes stay as they are, in both
//! layers. What a value becomes depends on the value and on a random key alone. So all stores agree without
//! a list of names, a run that was broken off goes on where it was, and nobody finds the way back once the
//! key is gone.

mod document;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use document::OddDocument;
use sha2::{Digest, Sha256};

use crate::{Fact, Part, Stream, Term, Value};

/// Shorter ids, and numbers, may as well be something else where they stand in other people's messages.
const TELLING_BYTES: usize = 8;

/// New integers have sixteen digits: no stream numbers so many people, and JSON readers keep them exact.
const INTEGERS_FROM: u64 = 1_000_000_000_000_000;
const INTEGERS: u64 = 8 * INTEGERS_FROM;

/// As many characters as the id in `did:plc:…` has, of five bits each.
const NEW_CHARACTERS: usize = 24;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Gives one actor of a stream another name.
#[derive(Clone)]
pub struct Renaming {
    stream: &'static Stream,
    /// The column of the actor.
    column: usize,
    actor: String,
    key: [u8; 32],
}

impl fmt::Debug for Renaming {
    /// Says neither who it is nor with which key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Renaming")
            .field("stream", &self.stream.name)
            .finish_non_exhaustive()
    }
}

impl Renaming {
    /// `None` where the stream has no people: no actors, or actors that are not personal.
    pub fn new(stream: &'static Stream, actor: &str, key: [u8; 32]) -> Option<Self> {
        let column = stream.actor?;
        let personal = stream.personal.contains(&Part::Column(column));
        personal.then(|| Self { stream, column, actor: actor.to_owned(), key })
    }

    pub fn stream(&self) -> &'static Stream {
        self.stream
    }

    /// The actor as they are called until then.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The new name of the actor, as [`Stream::actor`] gives it.
    pub fn new_actor(&self) -> String {
        match self.actor.parse() {
            Ok(number) if self.has_integers() => self.new_integer(number).to_string(),
            _ => self.new_text(&self.actor),
        }
    }

    /// Whether the person did it.
    pub fn is_of(&self, fact: &Fact<'_>) -> bool {
        self.stream.actor(fact).is_some_and(|actor| actor == self.actor)
    }

    /// The fact without the person; `None` when it says nothing of them.
    pub fn fact(&self, fact: &Fact<'_>) -> Option<Fact<'static>> {
        let own = self.is_of(fact);
        let mut renamed = owned(fact);
        for part in &self.stream.personal {
            match *part {
                Part::Column(at) => renamed.columns[at] = self.value(&fact.columns[at], own),
                Part::TermKeys(at) => {
                    renamed.terms[at].iter_mut().for_each(|term| self.mend(&mut term.key));
                }
                Part::TermNames(at) => {
                    renamed.terms[at].iter_mut().for_each(|term| self.mend(&mut term.name));
                }
                _ => {}
            }
        }
        // Terms are in order.
        renamed.terms.iter_mut().for_each(|terms| terms.sort_unstable());
        (renamed != *fact).then_some(renamed)
    }

    /// A text with the person's id, and the name of what is theirs behind it, replaced; `None` when it does
    /// not name them.
    pub fn mention(&self, text: &str) -> Option<String> {
        if text == self.actor {
            return Some(self.new_actor());
        }
        if !self.is_telling() {
            return None;
        }
        let (mut renamed, mut rest) = (String::new(), text);
        while let Some((before, behind)) = rest.split_once(&*self.actor) {
            renamed.push_str(before);
            let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
            if renamed.ends_with(inside) || behind.starts_with(inside) {
                renamed.push_str(&self.actor);
                rest = behind;
                continue;
            }
            renamed.push_str(&self.new_text(&self.actor));
            let end = behind.find(|c| !in_path(c)).unwrap_or(behind.len());
            let (path, behind) = behind.split_at(end);
            match path
                .rsplit_once('/')
                .filter(|(_, last)| path.starts_with('/') && !last.is_empty())
            {
                Some((folders, last)) => {
                    renamed.extend([folders, "/", &self.new_text(last)]);
                }
                None => renamed.push_str(path),
            }
            rest = behind;
        }
        renamed.push_str(rest);
        (renamed != text).then_some(renamed)
    }

    /// Whether a text, or the bytes of a message, name the person: their id stands there as a word.
    pub fn is_named_in(&self, bytes: &[u8]) -> bool {
        let id = self.actor.as_bytes();
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let found = bytes.windows(id.len().max(1)).enumerate().filter(|(_, window)| *window == id);
        found.into_iter().any(|(at, _)| {
            let (before, behind) = (bytes[..at].last(), bytes.get(at + id.len()));
            !before.is_some_and(inside) && !behind.is_some_and(inside)
        })
    }

    /// Whether a text, or the bytes of a message, must mean the person by what stands there.
    pub fn is_mentioned_in(&self, bytes: &[u8]) -> bool {
        self.is_telling() && self.is_named_in(bytes)
    }

    /// Whether the person's id can mean nothing else wherever it stands.
    fn is_telling(&self) -> bool {
        self.actor.len() >= TELLING_BYTES && !self.actor.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn has_integers(&self) -> bool {
        self.stream.columns[self.column].column_type == crate::ColumnType::Integer
    }

    /// Whether a number is the person's id.
    fn is_number(&self, number: i64) -> bool {
        self.has_integers() && number.to_string() == self.actor
    }

    fn value(&self, value: &Value<'_>, own: bool) -> Value<'static> {
        match value {
            Value::Null => Value::Null,
            Value::Text(text) => Value::Text(self.text(text, own).into()),
            Value::Texts(texts) => {
                Value::Texts(texts.iter().map(|text| self.text(text, own).into()).collect())
            }
            Value::Integer(number) if own || self.is_number(*number) => {
                Value::Integer(self.new_integer(*number))
            }
            Value::Integer(number) => Value::Integer(*number),
            // What only describes the person goes.
            Value::Boolean(_) | Value::Float(_) | Value::Time(_) if own => Value::Null,
            Value::Boolean(boolean) => Value::Boolean(*boolean),
            Value::Float(number) => Value::Float(*number),
            Value::Time(time) => Value::Time(*time),
        }
    }

    fn text(&self, text: &str, own: bool) -> String {
        let mentioned = self.mention(text);
        mentioned.unwrap_or_else(|| match own && !self.names_another(text) {
            true => self.new_text(text),
            false => text.to_owned(),
        })
    }

    /// Whether a text is the address of somebody of the same kind, or of what is theirs, such as a post that the
    /// person answers to.
    fn names_another(&self, text: &str) -> bool {
        let named = scheme(&self.actor).is_some_and(|scheme| text.contains(scheme));
        named && !text.contains(char::is_whitespace)
    }

    fn mend(&self, text: &mut Cow<'static, str>) {
        if let Some(renamed) = self.mention(text) {
            *text = renamed.into();
        }
    }

    fn new_integer(&self, number: i64) -> i64 {
        let digest = self.digest(0, &number.to_be_bytes());
        let number = u64::from_be_bytes(*digest.first_chunk().expect("a digest is longer"));
        i64::try_from(INTEGERS_FROM + number % INTEGERS).expect("sixteen digits fit")
    }

    /// Of the same scheme, as decoders may ask for it.
    fn new_text(&self, text: &str) -> String {
        let digest = self.digest(1, text.as_bytes());
        let character = |at: usize| {
            let (byte, bit) = (at * 5 / 8, at * 5 % 8);
            let two = u16::from_be_bytes([digest[byte], digest[byte + 1]]);
            char::from(ALPHABET[usize::from(two >> (11 - bit) & 31)])
        };
        let new = (0..NEW_CHARACTERS).map(character);
        scheme(text).unwrap_or_default().chars().chain(new).collect()
    }

    fn digest(&self, kind: u8, value: &[u8]) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.key)
            .chain_update([kind])
            .chain_update(value)
            .finalize()
            .into()
    }
}

/// What an id like `did:plc:…` begins with.
fn scheme(id: &str) -> Option<&str> {
    let mut colons = id.match_indices(':');
    let (end, _) = colons.nth(1)?;
    let scheme = id.get(..=end)?;
    scheme.chars().all(|c| c.is_ascii_lowercase() || c == ':').then_some(scheme)
}

fn in_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '~' | ':' | '-' | '%')
}

fn owned(fact: &Fact<'_>) -> Fact<'static> {
    fn text(text: &str) -> Cow<'static, str> {
        Cow::Owned(text.to_owned())
    }
    let value = |value: &Value<'_>| match value {
        Value::Null => Value::Null,
        Value::Boolean(boolean) => Value::Boolean(*boolean),
        Value::Integer(number) => Value::Integer(*number),
        Value::Float(number) => Value::Float(*number),
        Value::Text(one) => Value::Text(text(one)),
        Value::Texts(all) => Value::Texts(all.iter().map(|one| text(one)).collect()),
        Value::Time(time) => Value::Time(*time),
    };
    let term = |term: &Term<'_>| Term { key: text(&term.key), name: text(&term.name) };
    let Fact { time, scope, kind, sums, place, terms, columns } = fact;
    Fact {
        time: *time,
        scope: text(scope),
        kind: *kind,
        sums: *sums,
        place: *place,
        terms: terms.each_ref().map(|terms| terms.iter().map(term).collect()),
        columns: columns.iter().map(value).collect(),
    }
}
