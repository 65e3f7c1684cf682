//! From what a program left to a fact, or to the first thing in it that is none.

use std::borrow::Cow;
use std::fmt::Display;

use pulso_model::{
    Column, ColumnType, Coordinate, DeadLetter, EventTime, FACETS_MAX, Fact, Key, Reason, SUM_MAX,
    SUMS_MAX, ScopeValues, Stream, Term, UNKNOWN_SCOPE, Value as ColumnValue,
};
use vrl::value::{ObjectMap, Value};

use super::check::{TIME_OF_NUMBER, TIME_OF_TEXT, there_are, unknown};
use super::limits::{FACT_BYTES_MAX, TERM_BYTES_MAX, TERMS_MAX, TEXTS_MAX};
use super::target::Parts;

type Result<T> = std::result::Result<T, DeadLetter>;

/// The fact, and what decides its partition.
pub(super) fn read(
    stream: &Stream,
    mut parts: Parts,
) -> Result<(Fact<'static>, Option<Key<'static>>)> {
    let mut reader = Reader { stream, bytes: 0 };
    let time = time(parts.take("time"))?;
    let key = reader.key(parts.take("key"))?;
    let fact = Fact {
        time,
        scope: reader.scope(parts.take("scope"))?,
        kind: reader.kind(&parts.take("kind"))?,
        sums: reader.sums(parts.take("sums"))?,
        place: place(&parts.take("place")),
        terms: reader.terms(parts.take("terms"))?,
        columns: reader.columns(parts.take("columns"))?,
    };
    Ok((fact, key))
}

struct Reader<'s> {
    stream: &'s Stream,
    /// Of all texts so far.
    bytes: usize,
}

impl Reader<'_> {
    fn key(&mut self, value: Value) -> Result<Option<Key<'static>>> {
        match value {
            Value::Null => Ok(None),
            Value::Integer(number) => Ok(Some(Key::Integer(number))),
            value => Ok(Some(Key::Text(self.word(&"`.key`", &value)?.into()))),
        }
    }

    /// Countries are upper case, languages a primary subtag in lower case; nothing is
    /// [`UNKNOWN_SCOPE`].
    fn scope(&mut self, value: Value) -> Result<Cow<'static, str>> {
        let Some(scope) = self.stream.scope else { return Ok(UNKNOWN_SCOPE.into()) };
        if value.is_null() {
            return Ok(UNKNOWN_SCOPE.into());
        }
        let text = self.word(&"`.scope`", &value)?;
        let text = match scope.values {
            ScopeValues::Text => text,
            ScopeValues::Country => text.to_uppercase(),
            ScopeValues::Language => {
                text.split(['-', '_']).next().unwrap_or_default().to_lowercase()
            }
        };
        Ok(if text.is_empty() { UNKNOWN_SCOPE.into() } else { text.into() })
    }

    fn kind(&self, value: &Value) -> Result<u8> {
        let kinds = &self.stream.kind.values;
        if let (Value::Null, [_]) = (value, &kinds[..]) {
            return Ok(0);
        }
        let Some(text) = value.to_str() else {
            return Err(if value.is_null() {
                DeadLetter::new(Reason::MissingField, "`.kind` was not assigned")
            } else {
                wrong_type(&"`.kind`", value, "a text", "")
            });
        };
        let found = (0..).zip(kinds).find(|(_, kind)| **kind == text);
        found
            .map(|(kind, _)| kind)
            .ok_or_else(|| invalid(format!("`.kind` is `{}`; {}", cut(text), there_are(kinds))))
    }

    fn sums(&self, value: Value) -> Result<[u64; SUMS_MAX]> {
        let mut sums = [0; SUMS_MAX];
        for (name, value) in self.members("sums", value)? {
            let at = position(&self.stream.sums, |sum| *sum == name.as_str());
            let at = at.ok_or_else(|| self.unknown("sums", &name))?;
            let place = format_args!("`.sums.{name}`");
            sums[at] = match value {
                Value::Null => 0,
                Value::Integer(number) => {
                    let sum = u64::try_from(number).ok().filter(|sum| *sum <= SUM_MAX);
                    sum.ok_or_else(|| {
                        invalid(format!("{place} is {number}; sums are 0 to {SUM_MAX}"))
                    })?
                }
                value => {
                    return Err(wrong_type(
                        &place,
                        &value,
                        "an integer",
                        "; `to_int!(…)` makes one",
                    ));
                }
            };
        }
        Ok(sums)
    }

    fn terms(&mut self, value: Value) -> Result<[Vec<Term<'static>>; FACETS_MAX]> {
        let mut terms: [Vec<Term<'static>>; FACETS_MAX] = Default::default();
        for (name, value) in self.members("terms", value)? {
            let facets = &self.stream.facets;
            let at = position(facets, |facet| facet.term.many == name.as_str());
            let at = at.ok_or_else(|| self.unknown("terms", &name))?;
            let place = format_args!("`.terms.{name}`");
            let list = match value {
                Value::Null => continue,
                Value::Array(list) => list,
                value => {
                    let remedy = "; put it into one: `[…]`";
                    return Err(wrong_type(&place, &value, "a list", remedy));
                }
            };
            if list.len() > TERMS_MAX {
                let message = format!("{place} has {} terms; there may be {TERMS_MAX}", list.len());
                return Err(invalid(message));
            }
            for item in list {
                terms[at].extend(self.term(&place, item)?);
            }
            Term::distinct(&mut terms[at]);
        }
        Ok(terms)
    }

    fn term(&mut self, place: &impl Display, value: Value) -> Result<Option<Term<'static>>> {
        match value {
            Value::Null => Ok(None),
            Value::Object(mut parts) => {
                let key = parts.remove("key").unwrap_or(Value::Null);
                let name = parts.remove("name").unwrap_or(Value::Null);
                if let Some((other, _)) = parts.pop_first() {
                    let message =
                        format!("a term of {place} has `{other}`; it can be `key` and `name`");
                    return Err(invalid(message));
                }
                let key = self.word(&format_args!("the `key` of a term of {place}"), &key)?;
                let name = match name {
                    Value::Null => key.clone(),
                    name => self.word(&format_args!("the `name` of a term of {place}"), &name)?,
                };
                Ok(Some(Term { key: key.into(), name: name.into() }))
            }
            text => {
                let key = self.word(&format_args!("a term of {place}"), &text)?;
                Ok(Some(Term { key: key.clone().into(), name: key.into() }))
            }
        }
    }

    fn columns(&mut self, value: Value) -> Result<Vec<ColumnValue<'static>>> {
        let columns = &self.stream.columns;
        let mut values = vec![ColumnValue::Null; columns.len()];
        for (name, value) in self.members("columns", value)? {
            let at = position(columns, |column| column.name == name.as_str());
            let at = at.ok_or_else(|| self.unknown("columns", &name))?;
            values[at] = self.column(&columns[at], value)?;
        }
        Ok(values)
    }

    fn column(&mut self, column: &Column, value: Value) -> Result<ColumnValue<'static>> {
        let place = format_args!("`.columns.{}`", column.name);
        Ok(match (column.column_type, value) {
            (_, Value::Null) => ColumnValue::Null,
            (ColumnType::Boolean, Value::Boolean(boolean)) => ColumnValue::Boolean(boolean),
            (ColumnType::Integer, Value::Integer(number)) => ColumnValue::Integer(number),
            (ColumnType::Float, Value::Integer(number)) => ColumnValue::Float(number as f64),
            (ColumnType::Float, Value::Float(number)) if number.is_finite() => {
                ColumnValue::Float(number.into_inner())
            }
            (ColumnType::Float, Value::Float(number)) => {
                return Err(invalid(format!("{place} is {number}, which is no number of JSON")));
            }
            (ColumnType::Time, Value::Timestamp(time)) => {
                ColumnValue::Time(checked(&place, time.timestamp_millis())?)
            }
            (ColumnType::Text, text @ (Value::String(_) | Value::Bytes(_))) => {
                ColumnValue::Text(self.text(&place, &text)?.into())
            }
            (ColumnType::Texts, Value::Array(list)) => {
                if list.len() > TEXTS_MAX {
                    let message =
                        format!("{place} has {} texts; there may be {TEXTS_MAX}", list.len());
                    return Err(invalid(message));
                }
                let place = format_args!("an item of {place}");
                let texts = list.iter().filter(|item| !item.is_null());
                let texts = texts.map(|item| self.text(&place, item).map(Cow::Owned));
                ColumnValue::Texts(texts.collect::<Result<_>>()?)
            }
            (expected, value) => return Err(wrong_column(&place, expected, &value)),
        })
    }

    /// The fields of a part that is an object.
    fn members(&self, part: &str, value: Value) -> Result<ObjectMap> {
        match value {
            Value::Null => Ok(ObjectMap::new()),
            Value::Object(members) => Ok(members),
            value => Err(wrong_type(&format!("`.{part}`"), &value, "an object", "")),
        }
    }

    /// A text of bounded length.
    fn word(&mut self, place: &impl Display, value: &Value) -> Result<String> {
        let text = self.text(place, value)?;
        if text.len() > TERM_BYTES_MAX {
            let bytes = text.len();
            return Err(invalid(format!(
                "{place} has {bytes} bytes; it may have {TERM_BYTES_MAX}"
            )));
        }
        Ok(text)
    }

    fn text(&mut self, place: &impl Display, value: &Value) -> Result<String> {
        let Some(text) = value.to_str() else {
            let remedy = match value {
                Value::Bytes(_) => return Err(invalid(format!("{place} is not UTF-8"))),
                Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {
                    "; `to_string(…)` makes one"
                }
                _ => "",
            };
            return Err(wrong_type(place, value, "a text", remedy));
        };
        self.bytes += text.len();
        if self.bytes > FACT_BYTES_MAX {
            return Err(invalid(format!("the texts of the fact have over {FACT_BYTES_MAX} bytes")));
        }
        Ok(text.to_owned())
    }

    fn unknown(&self, part: &str, name: &str) -> DeadLetter {
        let name = cut(name);
        let (message, remedy) = unknown(self.stream, part, name).unwrap_or_default();
        invalid(format!("{message}; {remedy}"))
    }
}

fn time(value: Value) -> Result<EventTime> {
    match value {
        Value::Timestamp(time) => checked(&"`.time`", time.timestamp_millis()),
        Value::Null => Err(DeadLetter::new(Reason::MissingField, "`.time` was not assigned")),
        Value::Integer(_) | Value::Float(_) => {
            Err(wrong_type(&"`.time`", &value, "a timestamp", &format!("; {TIME_OF_NUMBER}")))
        }
        value => Err(wrong_type(&"`.time`", &value, "a timestamp", &format!("; {TIME_OF_TEXT}"))),
    }
}

fn checked(place: &impl Display, millis: i64) -> Result<EventTime> {
    if EventTime::RANGE.contains(&millis) {
        return Ok(EventTime(millis));
    }
    Err(invalid(format!("{place} {millis} ms is not in the years 1 to 9999")))
}

/// A place that is not usable is none: a coordinate never makes a dead letter.
fn place(value: &Value) -> Option<Coordinate> {
    let degrees = |name| match value.as_object()?.get(name)? {
        Value::Float(degrees) => Some(degrees.into_inner()),
        Value::Integer(degrees) => Some(*degrees as f64),
        _ => None,
    };
    Coordinate::new(degrees("lat")?, degrees("lon")?)
}

fn position<T>(list: &[T], found: impl Fn(&T) -> bool) -> Option<usize> {
    list.iter().position(found)
}

fn wrong_column(place: &impl Display, expected: ColumnType, value: &Value) -> DeadLetter {
    let (expected, remedy) = match expected {
        ColumnType::Boolean => ("`true` or `false`", ""),
        ColumnType::Integer => ("an integer", "; `to_int!(…)` makes one"),
        ColumnType::Float => ("a number", "; `to_float!(…)` makes one"),
        ColumnType::Text => ("a text", "; `to_string(…)` makes one"),
        ColumnType::Texts => ("a list of texts", ""),
        ColumnType::Time => {
            ("a timestamp", "; `parse_timestamp!(…)` or `from_unix_timestamp!(…)` makes one")
        }
    };
    wrong_type(place, value, expected, remedy)
}

fn wrong_type(place: &impl Display, value: &Value, expected: &str, remedy: &str) -> DeadLetter {
    let kind = if let Value::Null = value { "null" } else { value.kind_str() };
    DeadLetter::new(Reason::WrongType, format!("{place} is not {expected}, but {kind}{remedy}"))
}

fn invalid(detail: String) -> DeadLetter {
    DeadLetter::new(Reason::InvalidValue, detail)
}

/// As much of a text as a reason needs.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(64)).unwrap_or(text)
}
