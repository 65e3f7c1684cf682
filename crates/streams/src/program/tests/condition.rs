//! Conditions on messages of declared streams and of those in Rust.

use proptest::prelude::*;

use crate::Streams;
use crate::program::Condition;
use crate::program::limits::TOO_MUCH_WORK;

fn condition_of(stream: &str, source: &str) -> Result<Condition, String> {
    let streams = Streams::brought();
    let condition = streams.get(stream).unwrap().condition("pulso.toml", source);
    condition.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn holds(source: &str, message: &str) -> Result<bool, String> {
    condition_of("clicks", source).unwrap().holds(message.as_bytes())
}

#[test]
fn a_condition_is_true_or_false() {
    assert_eq!(holds(".a == 1", r#"{"a":1}"#), Ok(true));
    assert_eq!(holds(".a == 1", r#"{"b":1}"#), Ok(false));
    assert_eq!(holds(".status < 500", r#"{"status":404}"#), Ok(true));
    assert_eq!(holds(".status < 500", r#"{"status":503}"#), Ok(false));
    assert_eq!(holds("exists(.a) && .a.b < 5", r#"{"a":{"b":4}}"#), Ok(true));
    assert_eq!(holds("exists(.a) && .a.b < 5", "{}"), Ok(false));
    assert_eq!(holds("n = length!(.l)\nn > 1 && includes!(.l, 2)", r#"{"l":[1,2]}"#), Ok(true));
    assert_eq!(holds(". = parse_json!(.text)\n.a == 1", r#"{"text":"{\"a\":1}"}"#), Ok(true));
    assert_eq!(holds("if .a == 1 { return true }\nfalse", r#"{"a":1}"#), Ok(true));
}

/// A part of a fact is nothing but a field here.
#[test]
fn names_of_parts_of_facts_are_fields_of_the_message() {
    assert_eq!(holds(".kind == \"x\" && .time == 5", r#"{"kind":"x","time":5}"#), Ok(true));
}

#[test]
fn an_error_is_told() {
    let told = |source, message| holds(source, message).unwrap_err();
    assert!(told(".status < 500", "{}").starts_with("can't compare null "));
    assert!(
        told("starts_with(string!(.a), \"b\")", r#"{"a":1}"#).contains("expected string"),
        "text"
    );
    assert!(told("to_int!(.a) < 5", r#"{"a":[]}"#).contains("unable to coerce"));
    assert_eq!(told("if .a == 1 { abort \"no\" }\ntrue", r#"{"a":1}"#), "no");
    assert_eq!(told("if .a == 1 { return 5 }\ntrue", r#"{"a":1}"#), "it is neither true nor false");
    assert_eq!(told("true", "[1]"), "wrong_type: the message is not an object");
    assert!(told("true", "{").starts_with("invalid_json: EOF"));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(pulso_model::MAX_MESSAGE_BYTES));
    assert_eq!(told("true", &long), "the message has more than 1048576 bytes");
}

#[test]
fn what_is_no_condition_is_shown_with_its_place() {
    let shown = |source| condition_of("clicks", source).unwrap_err();
    for (source, parts) in [
        (".a <", ["syntax error", "pulso.toml:1:5"]),
        (".a", ["a condition must be true or false", "this is any; compare it"]),
        ("\n5", ["this is integer; compare it", "pulso.toml:2:1"]),
        ("to_int(.a)", ["a condition must be true or false", "this is integer"]),
        ("", ["a condition must be true or false", "this is null"]),
        (".a == nothing", ["undefined variable", "^^^^^^^"]),
        ("to_int(.a)\n.a == 1", ["unhandled error", "pulso.toml:1:1"]),
        (".b = 1\n.a == 1", ["a condition changes nothing of a message", "use a variable"]),
        (".kind = 1\n.a == 1", ["a condition changes nothing of a message", "^^^^^"]),
        ("now() > t'2026-01-01T00:00:00Z'", ["`now` is not offered", "it asks the clock"]),
        ("get_env_var!(\"HOME\") == \"x\"", ["`get_env_var` is not offered", "the machine"]),
    ] {
        let shown = shown(source);
        assert!(parts.iter().all(|part| shown.contains(part)), "{source}: {shown}");
    }
}

/// A stream in Rust shows objects as they are, and lines with their columns.
#[test]
fn a_line_of_a_stream_in_rust_has_the_columns_of_its_fact() {
    let line =
        r#"192.0.2.0 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 404 12 "-" "curl/8""#;
    let holds = |source: &str, message: &str| {
        condition_of("requests", source).unwrap().holds(message.as_bytes())
    };
    assert_eq!(holds(".status < 500 && .url == \"/a\"", line), Ok(true));
    assert_eq!(holds(".status < 400", line), Ok(false));
    assert_eq!(holds("contains(string!(.message), \"curl\")", line), Ok(true));
    assert!(holds(".status < 400", "no request").is_err());
    assert_eq!(holds(".message == \"no request\"", "no request"), Ok(true));
    assert!(holds("true", "\u{0}").unwrap());
    let of_posts = condition_of("posts", ".kind == \"commit\"").unwrap();
    assert_eq!(of_posts.holds(br#"{"kind":"commit","n":1}"#), Ok(true));
    assert!(condition_of("posts", "true").unwrap().holds(b"\xff").is_err());
}

#[test]
fn a_condition_that_loops_over_too_much_ends() {
    let list = format!("{{\"x\":[{}1]}}", "1,".repeat(300_000));
    let source = "n = 0\nfor_each(array!(.x)) -> |_i, item| { n = n + 1 }\nn > 1";
    assert_eq!(holds(source, &list), Err(format!("program_error: {TOO_MUCH_WORK}")));
    assert_eq!(holds(source, r#"{"x":[1,2]}"#), Ok(true));
}

proptest! {
    #[test]
    fn whatever_comes_a_condition_answers(message in any::<Vec<u8>>(), text in ".*") {
        for stream in ["clicks", "requests", "posts"] {
            let condition = condition_of(stream, ".a == 1 || starts_with(string!(.message), \"x\")").unwrap();
            drop(condition.holds(&message));
            drop(condition.holds(text.as_bytes()));
        }
    }
}
