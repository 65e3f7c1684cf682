//! What a program assigns, held against the stream's descriptor.

use pulso_model::{ColumnType, Stream};
use vrl::diagnostic::{Diagnostic, Span};
use vrl::path::{OwnedSegment, OwnedValuePath};
use vrl::value::Kind;
use vrl::value::kind::Collection;

/// How a number becomes a time; only the stream's author knows its unit.
pub(super) const TIME_OF_NUMBER: &str =
    "`from_unix_timestamp!(int!(…), unit: \"milliseconds\")`, or whatever its unit is";

pub(super) const TIME_OF_TEXT: &str =
    "`parse_timestamp!(…, format: \"%+\")` for RFC 3339, or whatever its format is";

/// Everything that is known before there is a message. `kind`: of `.` when the program has ended; not
/// known while VRL has found something itself.
pub(super) fn check(
    stream: &Stream,
    assigned: &[(OwnedValuePath, Span)],
    kind: Option<&Kind>,
) -> Vec<Diagnostic> {
    let mut check = Check { stream, found: Vec::new() };
    for (index, (path, span)) in assigned.iter().enumerate() {
        // Only what is assigned last is what the program leaves.
        let last = assigned.iter().skip(index + 1).all(|(later, _)| later != path);
        let kind = kind.filter(|_| last).map(|kind| kind.at_path(path));
        match fields(path)[..] {
            [part @ ("sums" | "terms" | "columns")] => {
                let kind = kind.unwrap_or_else(Kind::never);
                check.typed(&format!(".{part}"), *span, &kind, &Kind::any_object());
                for (name, kind) in kind.as_object().map(Collection::known).into_iter().flatten() {
                    check.member(part, name.as_str(), *span, kind);
                }
            }
            [part @ ("sums" | "terms" | "columns"), name, ..] => {
                // What lies below a member is looked at in each message.
                let whole = path.segments.len() == 2;
                let kind = kind.filter(|_| whole).unwrap_or_else(Kind::never);
                check.member(part, name, *span, &kind);
            }
            [part, ..] => check.part(part, *span, kind.filter(|_| path.segments.len() == 1)),
            [] => {}
        }
    }
    if kind.is_some() {
        check.missing(assigned);
    }
    check.found
}

struct Check<'s> {
    stream: &'s Stream,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn tell(&mut self, span: Span, message: impl Into<String>, remedy: impl Into<String>) {
        self.found.push(Diagnostic::error(0, message).with_primary(remedy, span));
    }

    fn part(&mut self, part: &str, span: Span, kind: Option<Kind>) {
        if part == "scope" && self.stream.scope.is_none() {
            let remedy = "name it in stream.toml: `scope = { name = …, values = … }` in `[fact]`";
            self.tell(span, "the stream has no scope", remedy);
        }
        if part == "place" && !self.stream.place {
            let remedy = "say so in stream.toml: `place = true` in `[fact]`";
            self.tell(span, "the facts of the stream have no place", remedy);
        }
        let expected = match part {
            "time" => Kind::timestamp(),
            "key" => Kind::bytes().or_integer(),
            "place" => Kind::any_object(),
            _ => Kind::bytes(),
        };
        let kind = kind.unwrap_or_else(Kind::never);
        self.typed(&format!(".{part}"), span, &kind, &expected);
    }

    fn member(&mut self, part: &str, name: &str, span: Span, kind: &Kind) {
        if let Some((message, remedy)) = unknown(self.stream, part, name) {
            return self.tell(span, message, remedy);
        }
        let expected = match part {
            "sums" => Kind::integer(),
            "terms" => Kind::array(Collection::any()),
            _ => {
                let column = self.stream.columns.iter().find(|column| column.name == name);
                column.map_or_else(Kind::any, |column| kind_of(column.column_type))
            }
        };
        self.typed(&format!(".{part}.{name}"), span, kind, &expected);
    }

    /// Tells of something that can never be what is expected, and not nothing either.
    fn typed(&mut self, place: &str, span: Span, kind: &Kind, expected: &Kind) {
        let expected_or_nothing = expected.clone().or_null().or_undefined();
        if kind.is_never() || kind.intersects(&expected_or_nothing) {
            return;
        }
        let number = kind.is_integer() || kind.is_float();
        let remedy = if expected.is_timestamp() {
            if number { TIME_OF_NUMBER } else { TIME_OF_TEXT }
        } else if expected.is_array() {
            "put it into a list: `[…]`"
        } else if expected.is_bytes() && (number || kind.is_boolean()) {
            "make it a text with `to_string`"
        } else {
            "assigned here"
        };
        self.tell(span, format!("`{place}` is {kind}, but must be {expected}"), remedy);
    }

    /// What must be assigned somewhere.
    fn missing(&mut self, assigned: &[(OwnedValuePath, Span)]) {
        let assigns = |part| assigned.iter().any(|(path, _)| fields(path).first() == Some(&part));
        let mut missing = Vec::new();
        if !assigns("time") {
            missing.push("`.time`, the time of the event".to_owned());
        }
        if !assigns("kind") && self.stream.kind.values.len() > 1 {
            missing.push(format!("`.kind`; {}", there_are(&self.stream.kind.values)));
        }
        if !assigns("key") && !self.stream.identity.is_empty() {
            let why = "messages that may be the same fact must have one key, so that they come into \
                       one partition of the log";
            missing.push(format!("`.key`: {why}"));
        }
        let message = |missing| format!("the program never assigns {missing}");
        self.found.extend(missing.into_iter().map(message).map(|text| Diagnostic::error(0, text)));
    }
}

fn kind_of(column_type: ColumnType) -> Kind {
    match column_type {
        ColumnType::Boolean => Kind::boolean(),
        ColumnType::Integer => Kind::integer(),
        ColumnType::Float => Kind::float().or_integer(),
        ColumnType::Text => Kind::bytes(),
        ColumnType::Texts => Kind::array(Collection::any()),
        ColumnType::Time => Kind::timestamp(),
    }
}

/// What is wrong with a name that the descriptor does not have, and which there are.
pub(super) fn unknown(stream: &Stream, part: &str, name: &str) -> Option<(String, String)> {
    let (what, names): (_, Vec<_>) = match part {
        "sums" => ("sums", stream.sums.clone()),
        "terms" => ("facets", stream.facets.iter().map(|facet| facet.term.many).collect()),
        _ => ("columns", stream.columns.iter().map(|column| column.name).collect()),
    };
    if names.contains(&name) {
        return None;
    }
    let message = format!("`.{part}.{name}`: `{name}` is not one of the stream's {what}");
    Some((message, there_are(&names)))
}

pub(super) fn there_are(names: &[&str]) -> String {
    if names.is_empty() {
        return "there are none in stream.toml".to_owned();
    }
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("there are {}", names.join(", "))
}

/// The fields of a path up to the first index.
fn fields(path: &OwnedValuePath) -> Vec<&str> {
    let fields = path.segments.iter().map_while(|segment| match segment {
        OwnedSegment::Field(name) => Some(name.as_str()),
        OwnedSegment::Index(_) => None,
    });
    fields.collect()
}
