//! A message of which only some fields are read is the same message.

use proptest::prelude::*;

use super::bounds::any_json;
use super::*;
use crate::program::limits;
use crate::program::message::read;

fn fields(source: &str) -> Fields {
    match program(source).compiled().fields {
        Fields::All => Fields::All,
        Fields::Named(ref names) => Fields::Named(names.clone()),
    }
}

fn named(names: &[&str]) -> Fields {
    Fields::Named(names.iter().map(|name| (*name).to_owned()).collect())
}

/// What reading gives, and what it must give: all fields read, then those without a name left out.
fn both(text: &[u8], names: &[&str]) -> [Result<Option<Message>, String>; 2] {
    let expected = serde_json::from_slice(text).map_err(|error| error.to_string());
    let expected = expected.map(|value: Value| {
        let size = limits::size(&value);
        let mut object = value.into_object()?;
        object.retain(|name, _| names.contains(&name.as_str()));
        Some(Message { value: Value::Object(object), size })
    });
    let found = read(text, &named(names)).map_err(|error| error.to_string());
    [found, expected]
}

#[test]
fn the_fields_that_a_program_names_are_read() {
    let beginning = ["t", "id"];
    let check = |source: &str, expected: Option<&[&str]>| match (fields(source), expected) {
        (Fields::All, None) => {}
        (Fields::Named(found), Some(more)) => {
            let expected = beginning.iter().chain(more).map(|&name| name.to_owned()).collect();
            assert_eq!(found, expected, "{source}");
        }
        (found, expected) => panic!("{source}: {found:?} instead of {expected:?}"),
    };
    check("", Some(&[]));
    check("x = .a.b[0]\nif exists(.c) { x = del(.d.e) }", Some(&["a", "c", "d"]));
    check("for_each(array!(.list)) -> |_i, item| { x = .\"a b\" }", Some(&["list", "a b"]));
    check(
        ".columns = object!(.columns)\n.columns |= { \"player\": .scope }",
        Some(&["columns", "scope"]),
    );
    check("x, error = .a + .b", Some(&["a", "b"]));
    check("x = encode_json(.)", None);
    check("x = length(.)", None);
    check("x = exists(.[0])", None);
}

#[test]
fn a_program_that_looks_at_the_whole_message_sees_all_of_it() {
    let program = program(".columns.shot = length(.)\n.columns.tags = keys(.)");
    let columns = fact(&program, &with(json!({"a": 1, "b": {"c": 2}}))).columns;
    assert_eq!(columns[0], Column::Integer(4));
    let names = ["a", "b", "id", "t"].map(Into::into);
    assert_eq!(columns[5], Column::Texts(names.into()));
}

#[test]
fn of_a_field_given_twice_the_last_counts() {
    let text = br#"{"t": 1, "x": 2, "id": 3, "x": 4, "t": 5}"#;
    let message = read(text, &named(&["t", "id"])).unwrap().unwrap();
    assert_eq!(message.value, Value::from(json!({"t": 5, "id": 3})));
}

/// What nobody reads must still be JSON, or a message would be a fact for one program and a dead letter
/// for another.
#[test]
fn faults_in_fields_that_are_not_read_are_told_as_ever() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let values =
        ["", "1e999", "\"\\ud800\"", "\"\\x\"", "\"a", "nul", "01", "[1,]", "{\"a\"}", "{1:2}"];
    for value in values.map(str::to_owned).into_iter().chain([deep(126), deep(127), deep(200)]) {
        for text in
            [format!("{{\"x\": {value}}}"), format!("{{\"x\": {value}, \"t\": 1}} 2"), value]
        {
            let [found, expected] = both(text.as_bytes(), &["t"]);
            assert_eq!(found, expected, "{text}");
        }
    }
    let [found, expected] = both(b"{\"x\": \"\xff\"}", &["t"]);
    assert_eq!(found, expected);
    assert!(found.is_err());
}

proptest! {
    #[test]
    fn any_message_reads_as_if_all_its_fields_were_read(value in any_json(), from in any::<prop::sample::Index>(), byte: u8) {
        let names = ["lat", "key", "a", ""];
        let mut text = value.to_string().into_bytes();
        let [found, expected] = both(&text, &names);
        prop_assert_eq!(found, expected);
        let at = from.index(text.len());
        text[at] = byte;
        let [found, expected] = both(&text, &names);
        // A changed byte may make two names the same, and then both are counted.
        let value = |read: Result<Option<Message>, _>| read.map(|read| read.map(|message| message.value));
        prop_assert_eq!(value(found), value(expected));
    }
}
