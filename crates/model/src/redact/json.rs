//! A JSON text as a tree that can be cut, and written again.

use std::mem::replace;
use std::ops::Range;

use sonic_rs::{JsonValueTrait, LazyValue, to_array_iter, to_object_iter};

use crate::push_json_text;

/// How deep a tree may be; what is deeper stays in one piece. Trees are walked by recursion.
const DEPTH_MAX: usize = 512;

/// A JSON value. Numbers keep their spelling: to read and write one may change its last digit.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// With names in their order, as some may be there twice.
    Object(Vec<(String, Self)>),
    List(Vec<Self>),
    Text(String),
    /// A number, a boolean, `null`, or what is too deep.
    Other(String),
}

impl Node {
    /// Reads a value; `None` for what is no JSON.
    pub(super) fn read(json: &str) -> Option<Self> {
        read(json.trim(), 0)
    }

    pub(super) fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    fn write(&self, json: &mut String) {
        match self {
            Self::Object(members) => {
                json.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        json.push(',');
                    }
                    push_json_text(json, name);
                    json.push(':');
                    value.write(json);
                }
                json.push('}');
            }
            Self::List(items) => {
                json.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        json.push(',');
                    }
                    item.write(json);
                }
                json.push(']');
            }
            Self::Text(text) => push_json_text(json, text),
            Self::Other(raw) => json.push_str(raw),
        }
    }

    /// How many values it holds itself.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Object(members) => members.len(),
            Self::List(items) => items.len(),
            Self::Text(_) | Self::Other(_) => 0,
        }
    }

    /// The value at a path of places.
    pub(super) fn at(&mut self, path: &[usize]) -> &mut Self {
        path.iter().fold(self, |node, &place| match node {
            Self::Object(members) => &mut members[place].1,
            Self::List(items) => &mut items[place],
            leaf => leaf,
        })
    }

    /// The paths of all that holds no values.
    pub(super) fn leaves(&self) -> Vec<Vec<usize>> {
        let values: Vec<&Self> = match self {
            Self::Object(members) => members.iter().map(|(_, value)| value).collect(),
            Self::List(items) => items.iter().collect(),
            Self::Text(_) | Self::Other(_) => return vec![Vec::new()],
        };
        let within = |(place, value): (usize, &Self)| {
            let paths = value.leaves().into_iter();
            paths.map(|path| [vec![place], path].concat()).collect::<Vec<_>>()
        };
        values.into_iter().enumerate().flat_map(within).collect()
    }

    /// Takes some of the values that it holds out of it.
    pub(super) fn take(&mut self, places: Range<usize>) -> Self {
        match self {
            Self::Object(members) => Self::Object(members.drain(places).collect()),
            Self::List(items) => Self::List(items.drain(places).collect()),
            leaf => replace(leaf, Self::List(Vec::new())),
        }
    }

    /// Puts back what was taken.
    pub(super) fn put(&mut self, place: usize, taken: Self) {
        match (self, taken) {
            (Self::Object(members), Self::Object(taken)) => {
                members.splice(place..place, taken);
            }
            (Self::List(items), Self::List(taken)) => {
                items.splice(place..place, taken);
            }
            (leaf, taken) => *leaf = taken,
        }
    }
}

fn read(json: &str, depth: usize) -> Option<Node> {
    let item = |value: LazyValue<'_>| read(value.as_raw_str().trim(), depth + 1);
    match json.bytes().next()? {
        b'{' if depth < DEPTH_MAX => {
            let members = to_object_iter(json).map(|member| {
                let (name, value) = member.ok()?;
                Some((name.to_string(), item(value)?))
            });
            members.collect::<Option<_>>().map(Node::Object)
        }
        b'[' if depth < DEPTH_MAX => {
            let items = to_array_iter(json).map(|value| item(value.ok()?));
            items.collect::<Option<_>>().map(Node::List)
        }
        _ => {
            let value: LazyValue<'_> = sonic_rs::from_str(json).ok()?;
            let text = value.as_str().map(|text| Node::Text(text.to_owned()));
            Some(text.unwrap_or_else(|| Node::Other(json.to_owned())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str) -> Option<String> {
        Node::read(json).map(|node| node.to_json())
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        let all = [
            r#"{"b":[1,2.50,-0,1e400,123456789012345678901234567890],"a":{},"b":null}"#,
            r#""a \"b\" \\ é 🎉""#,
            "[]",
            "true",
            r#"{"\"":"\u0000"}"#,
        ];
        for json in all {
            assert_eq!(written(json).as_deref(), Some(json));
        }
        assert_eq!(
            written(" { \"a\" :\t[ 1 , \"\\u0041\" ] } ").as_deref(),
            Some(r#"{"a":[1,"A"]}"#)
        );
        for wrong in ["", "{", "nul", "[1,]", "a b", r#"{"a"}"#, "\"a"] {
            assert_eq!(written(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_too_deep_stays_in_one_piece() {
        let deep = format!("{}7{}", "[".repeat(2 * DEPTH_MAX), "]".repeat(2 * DEPTH_MAX));
        assert_eq!(written(&deep), Some(deep));
    }
}
