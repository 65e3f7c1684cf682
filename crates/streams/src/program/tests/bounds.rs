//! What a message can make a program do: one dead letter at worst, never the end of the process.

use proptest::prelude::*;

use super::*;
use crate::program::limits::*;

fn detail(rest: &str, fields: Json) -> String {
    outcome(rest, fields)
}

#[test]
fn a_loop_over_a_huge_list_ends() {
    let list = json!({"x": vec![1; 300_000]});
    assert!(with(list.clone()).len() < pulso_model::MAX_MESSAGE_BYTES);
    let loops = [
        "n = 0\nfor_each(array!(.x)) -> |_i, item| { n = n + 1 }",
        "x = map_values(array!(.x)) -> |item| { [item, item] }",
        "for_each(array!(.x)) -> |_i, _item| { for_each(array!(.x)) -> |_j, _other| { . } }",
    ];
    for source in loops {
        let expected = format!("program_error: {TOO_MUCH_WORK}");
        assert_eq!(detail(source, list.clone()), expected, "{source}");
    }
}

#[test]
fn a_loop_over_a_usual_list_is_no_trouble() {
    let source = "names = []
        for_each(array!(.x)) -> |_i, item| {
          if item.on == true { names = push(names, downcase(string!(item.name))) }
        }
        .terms.teams = names";
    let items: Vec<_> =
        (0..1000).map(|n| json!({"on": n % 5 == 0, "name": format!("Team {n}")})).collect();
    assert_eq!(fact(&program(source), &with(json!({"x": items}))).terms[0].len(), 200);
}

#[test]
fn a_value_that_doubles_in_a_loop_is_stopped() {
    let turns = json!({"x": vec![0; 60]});
    for growth in [
        "x = x + x",
        "x = [x, x]",
        "x = {\"a\": x, \"b\": x}",
        "x = \"{{ x }}{{ x }}\"",
        "x = join!([x, x])",
        "x = replace(x, \"a\", \"aa\")",
    ] {
        let source = format!("x = \"a\"\nfor_each(array!(.x)) -> |_i, _item| {{ {growth} }}");
        let expected = TOO_LARGE;
        assert_eq!(
            detail(&source, turns.clone()),
            format!("program_error: {expected}"),
            "{growth}"
        );
    }
}

#[test]
fn what_a_loop_returns_is_stopped() {
    let items = json!({"x": vec![0; 5000]});
    let source = "x = map_values(array!(.x)) -> |_item| { . }";
    assert_eq!(detail(source, items), format!("program_error: {TOO_LARGE}"));
}

#[test]
fn a_value_that_nests_in_a_loop_is_stopped() {
    let source = "x = {}\nfor_each(array!(.x)) -> |_i, _item| { x = {\"a\": x} }";
    let expected = TOO_LARGE;
    let detail = detail(source, json!({"x": vec![0; 20_000]}));
    assert_eq!(detail, format!("program_error: {expected}"));
}

#[test]
fn what_is_assigned_to_the_fact_is_stopped() {
    let expected = format!("program_error: {}", TOO_LARGE);
    let doubles = ".columns.tags = [\"a\"]
        for_each(array!(.x)) -> |_i, _item| { .columns.tags = append(.columns.tags, .columns.tags) }";
    assert_eq!(detail(doubles, json!({"x": vec![0; 60]})), expected);
    let nests = "for_each(array!(.x)) -> |_i, _item| { .place = {\"lat\": .place} }";
    assert_eq!(detail(nests, json!({"x": vec![0; 20_000]})), expected);
}

#[test]
fn a_text_is_not_repeated_however_a_message_asks_for_it() {
    // As a message may say what the number is, this would be an allocation that ends the process.
    let number = json!({"x": 1_000_000_000_000_000_i64, "text": "-"});
    for source in ["x = (.text * .x) ?? \"\"", "x = (.x * .text) ?? \"\""] {
        let source = format!("{source}\n.columns.player = string!(x)");
        let fact = fact(&program(&source), &with(number.clone()));
        assert_eq!(fact.columns[1], Column::Text("".into()));
    }
    assert!(problems("x = string!(.text) * int!(.x)").contains("E103"));
}

#[test]
fn a_fact_has_a_size() {
    let long = json!({"x": "a".repeat(1000), "list": vec!["b"; 1025], "longer": "c".repeat(1025)});
    let check = |rest: &str, expected: &str| {
        let detail = detail(rest, long.clone());
        assert!(detail.starts_with("invalid_value") && detail.contains(expected), "{detail}");
    };
    check(".terms.teams = .list", "1025 terms; there may be 256");
    check(".columns.tags = .list", "1025 texts; there may be 1024");
    check(".terms.teams = [.longer]", "1025 bytes; it may have 1024");
    check(".scope = .longer", "1025 bytes; it may have 1024");
    check(".key = .longer", "1025 bytes; it may have 1024");
    let much = "x = string!(.x)
        x = x + x + x + x + x + x + x + x
        x = x + x + x + x + x + x + x + x
        x = x + x + x + x + x + x + x + x
        x = x + x + x + x
        .columns.player = x";
    check(much, "the texts of the fact have over 1048576 bytes");
}

#[test]
fn deep_messages_and_deep_programs_do_not_exhaust_the_stack() {
    let deep = format!("{{\"t\":1,\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let failure = program("").run(deep.as_bytes()).unwrap_err();
    assert_eq!(failure.dead_letter.reason, Reason::InvalidJson);
    let nested = |levels: usize| format!("x = {}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(problems(&nested(250)).contains("nest deeper than 64 levels"));
    let sum = |terms: usize| format!("x = {}1", "1 + ".repeat(terms));
    assert!(problems(&sum(300)).contains("nest deeper than 64 levels"));
    // Just within the bound, on the stack of a usual thread; here a quarter of it.
    let program = program(&format!("{}\n{}", nested(30), sum(60)));
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    let run = move || program.run(&with(json!({}))).is_ok();
    assert!(thread.spawn(run).unwrap().join().unwrap());
}

#[test]
fn no_error_hides_that_a_bound_was_reached() {
    let source = "x, error = {
          for_each(array!(.x)) -> |_i, _item| { 1 }
          parse_int(\"x\")
        }";
    let expected = format!("program_error: {TOO_MUCH_WORK}");
    assert_eq!(detail(source, json!({"x": vec![1; 300_000]})), expected);
}

/// A program that looks at every kind of value in every way.
const NOSY: &str = r#"
.scope = .scope
.kind = downcase(to_string(.kind))
.sums.points = to_int(.points) ?? 1
.place = .place
if is_array(.terms) { .terms.teams = map_values(array!(.terms)) -> |item| { string(item) ?? null } }
for_each(object(.more) ?? {}) -> |key, value| {
  if is_string(value) { .columns.player = key + string!(value) }
}
url, error = parse_url(.url)
if error == null { .columns.tags = [url.host, url.query.x] }
.columns.seen = parse_timestamp(.seen, "%+") ?? null
.columns.speed = (float(.speed) ?? 0.0) * (to_float(.points) ?? 1.0)
.columns.shot = length(.more) ?? strlen(to_string(.shot) ?? "")
"#;

pub(super) fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        "(hit|Miss|https?://a\\.b/\\?x=%F0|2020-01-01T00:00:00Z)".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::hash_map("(lat|lon|key|name|.{0,3})", inner, 0..6)
                .prop_map(Json::from_iter),
        ]
    })
}

fn any_message() -> impl Strategy<Value = Json> {
    let name = "(t|id|scope|kind|points|place|terms|more|url|seen|speed|shot|columns|time|sums)";
    let other = prop::collection::hash_map(name, any_json(), 0..12);
    (other, any::<bool>()).prop_map(|(mut fields, usual)| {
        if usual {
            fields.insert("t".to_owned(), 5.into());
            fields.insert("id".to_owned(), "a".into());
        }
        Json::from_iter(fields)
    })
}

proptest! {
    #[test]
    fn any_message_is_a_fact_skipped_or_a_dead_letter_and_always_the_same(message in any_message()) {
        static PROGRAM: LazyLock<Program> = LazyLock::new(|| program(NOSY));
        let message = message.to_string();
        let first = PROGRAM.decode(message.as_bytes());
        if let Err(dead_letter) = &first {
            prop_assert!(!dead_letter.detail.contains("the program failed"), "{dead_letter}");
        }
        if let Ok(Decoded::Fact(fact)) = &first {
            prop_assert_eq!(fact.columns.len(), 6);
            prop_assert_eq!(PROGRAM.head(message.as_bytes()).time, Some(fact.time));
        }
        prop_assert_eq!(format!("{first:?}"), format!("{:?}", PROGRAM.decode(message.as_bytes())));
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(program("").run(&bytes).is_err());
    }
}

#[test]
fn a_panic_costs_one_message() {
    let said = |run: fn()| caught(run).map_err(|dead_letter| dead_letter.to_string());
    assert_eq!(said(|| {}), Ok(()));
    let expected = "program_error: the program failed: a list of 7".to_owned();
    assert_eq!(said(|| panic!("a list of {}", 7)), Err(expected));
    let expected = "program_error: the program failed: a panic without words".to_owned();
    assert_eq!(said(|| std::panic::panic_any(7)), Err(expected));
}
