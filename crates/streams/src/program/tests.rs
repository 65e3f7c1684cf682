mod bounds;
mod condition;
mod message;

use pulso_model::{Coordinate, EventTime, Fact, Head, UNKNOWN_SCOPE, Value as Column};
use serde_json::{Value as Json, json};

use super::*;
use crate::descriptor;

/// A stream with one of everything.
const STREAM: &str = r#"
name = "shots"
identity = ["shot"]
actor = "player"
[fact]
one = "shot_fact"
many = "shot_facts"
kinds = ["hit", "miss"]
scope = { name = "country", values = "country" }
sums = ["points"]
place = true
[columns]
shot = "integer"
player = "text"
speed = "float"
home = "boolean"
seen = "time"
tags = "texts"
[[facets]]
one = "team"
many = "teams"
by_scope = true
"#;

/// What every program of [`STREAM`] must assign.
const BEGINNING: &str = "
.time = from_unix_timestamp!(int!(.t))
.key = .id
.kind = \"hit\"
";

fn stream() -> &'static Stream {
    let descriptor = descriptor::read(STREAM, &|_| None).unwrap();
    Box::leak(Box::new(descriptor.stream))
}

fn compile_whole(source: &str) -> Result<Program, String> {
    let program = Program::compile(stream(), MessageFormat::Json, "shots/decode.vrl", source);
    program
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn program(rest: &str) -> Program {
    compile_whole(&format!("{BEGINNING}{rest}")).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(rest: &str) -> String {
    compile_whole(&format!("{BEGINNING}{rest}")).err().unwrap_or_default()
}

fn with(fields: Json) -> Vec<u8> {
    let mut message = json!({"t": 1_600_000_000, "id": 7});
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    message.to_string().into_bytes()
}

fn fact(program: &Program, message: &[u8]) -> Fact<'static> {
    match program.run(message).map(|outcome| outcome.decoded) {
        Ok(Decoded::Fact(fact)) => fact,
        other => panic!("{other:?}"),
    }
}

/// The outcome of a message that is no fact, as a text.
fn outcome(rest: &str, fields: Json) -> String {
    match program(rest).run(&with(fields)) {
        Ok(Outcome { decoded: Decoded::Skipped(reason), .. }) => format!("skipped: {reason}"),
        Ok(outcome) => panic!("{outcome:?}"),
        Err(failure) => failure.dead_letter.to_string(),
    }
}

#[test]
fn a_fact_is_what_the_program_leaves() {
    let program = program(
        r#"
        .scope = .c
        .kind = .k
        .sums.points = .p
        .place = {"lat": .lat, "lon": 13}
        .terms.teams = [.team, {"key": "b", "name": "Bees"}, null, "b", ""]
        .columns = {"shot": .id, "player": "p", "speed": 3, "home": true, "tags": ["x", "y"]}
        .columns.seen = .time
        "#,
    );
    let fields = json!({"c": "de", "k": "miss", "p": 3, "lat": 52.5, "team": "a"});
    let fact = fact(&program, &with(fields.clone()));
    assert_eq!(fact.time, EventTime(1_600_000_000_000));
    assert_eq!((&*fact.scope, fact.kind, fact.sums), ("DE", 1, [3, 0, 0, 0]));
    assert_eq!(fact.place, Coordinate::new(52.5, 13.0));
    let terms: Vec<_> = fact.terms[0].iter().map(|term| (&*term.key, &*term.name)).collect();
    assert_eq!(terms, [("a", "a"), ("b", "Bees")]);
    let columns = vec![
        Column::Integer(7),
        Column::Text("p".into()),
        Column::Float(3.0),
        Column::Boolean(true),
        Column::Time(fact.time),
        Column::Texts(vec!["x".into(), "y".into()]),
    ];
    assert_eq!(fact.columns, columns);
    let time = Some(EventTime(1_600_000_000_000));
    assert_eq!(program.head(&with(fields)), Head { key: Some(Key::Integer(7)), time });
    assert_eq!(program.head(b"{}"), Head::default());
    assert_eq!(program.head(b"not json"), Head::default());
}

/// A message's own `time`, `kind` or `columns` are read until the program assigns them, and never become
/// those of the fact by themselves.
#[test]
fn fields_of_the_message_are_not_the_facts() {
    let own = json!({"scope": "DE", "sums": {"points": 9}, "terms": {"teams": ["x"]}, "kind": "miss",
                     "columns": {"shot": 1, "player": "q"}, "place": {"lat": 1, "lon": 1}});
    let fact = fact(&program(".columns.tags = [.columns.player]"), &with(own));
    assert_eq!((&*fact.scope, fact.kind, fact.sums), (UNKNOWN_SCOPE, 0, [0; 4]));
    assert_eq!((fact.place, fact.terms[0].len()), (None, 0));
    assert_eq!(fact.columns[0], Column::Null);
    // Assigning one column hides the message's `columns` from then on, not before.
    assert_eq!(fact.columns[5], Column::Texts(vec!["q".into()]));
}

#[test]
fn a_program_skips_with_its_reason() {
    assert_eq!(outcome("abort \"heartbeat\"", json!({})), "skipped: heartbeat");
    assert_eq!(outcome("abort", json!({})), "skipped: aborted");
    let long = outcome("abort \"no: \" + string!(.x)", json!({"x": "é".repeat(100)}));
    assert_eq!(long, format!("skipped: no: {}", "é".repeat(30)));
}

#[test]
fn an_error_of_the_program_is_a_dead_letter_in_vrls_words() {
    let program = program("x = string!(.x)\n.columns.player = x");
    let failure = program.run(&with(json!({"x": 1}))).unwrap_err();
    let detail = "program_error: decode.vrl:5: function call error for \"string\" at (69:80): expected \
                  string, got integer";
    assert_eq!(failure.dead_letter.to_string(), detail);
    let shown = program.show(&failure).unwrap();
    assert!(shown.contains("shots/decode.vrl:5:5"), "{shown}");
    assert!(shown.contains("x = string!(.x)") && shown.contains("^^^^^^^^^^^"), "{shown}");
    let failure = self::program("").run(b"[1]").unwrap_err();
    assert_eq!(failure.dead_letter.reason, Reason::WrongType);
    let failure = self::program("").run(b"{").unwrap_err();
    assert_eq!(failure.dead_letter.reason, Reason::InvalidJson);
}

#[test]
fn a_part_of_a_wrong_type_is_a_dead_letter_that_names_it() {
    let check = |rest: &str, fields: Json, expected: &str| {
        assert_eq!(outcome(rest, fields), expected);
    };
    let x = |value: Json| json!({"x": value});
    check(
        ".time = .x",
        x(json!(5)),
        "wrong_type: `.time` is not a timestamp, but integer; `from_unix_timestamp!(int!(…), unit: \
         \"milliseconds\")`, or whatever its unit is",
    );
    check(".time = .x", x(json!(null)), "missing_field: `.time` was not assigned");
    check(
        ".kind = .x",
        x(json!("draw")),
        "invalid_value: `.kind` is `draw`; there are `hit`, `miss`",
    );
    check(".kind = .x", x(json!(null)), "missing_field: `.kind` was not assigned");
    check(".key = .x", x(json!([])), "wrong_type: `.key` is not a text, but array");
    check(
        ".columns.shot = .x",
        x(json!("7")),
        "wrong_type: `.columns.shot` is not an integer, but string; `to_int!(…)` makes one",
    );
    check(
        ".columns.player = .x",
        x(json!(7)),
        "wrong_type: `.columns.player` is not a text, but integer; `to_string(…)` makes one",
    );
    check(
        ".columns.tags = .x",
        x(json!([7])),
        "wrong_type: an item of `.columns.tags` is not a text, but integer; `to_string(…)` makes one",
    );
    check(
        ".columns = object!(.x)",
        x(json!({"goal": 1})),
        "invalid_value: `.columns.goal`: `goal` is not one of the stream's columns; there are `shot`, \
         `player`, `speed`, `home`, `seen`, `tags`",
    );
    check(
        ".sums.points = .x",
        x(json!(-1)),
        "invalid_value: `.sums.points` is -1; sums are 0 to 1000000000000",
    );
    check(
        ".terms.teams = .x",
        x(json!("a")),
        "wrong_type: `.terms.teams` is not a list, but string; put it into one: `[…]`",
    );
    check(
        ".terms.teams = .x",
        x(json!([{"key": "a", "nam": "A"}])),
        "invalid_value: a term of `.terms.teams` has `nam`; it can be `key` and `name`",
    );
    // Nothing is nothing, wherever it is allowed.
    let nothing =
        ".scope = .x\n.sums.points = .x\n.terms.teams = .x\n.columns.shot = .x\n.place = .x";
    assert_eq!(fact(&program(nothing), &with(json!({}))).columns, vec![Column::Null; 6]);
    // A coordinate never makes a dead letter.
    for place in [json!("x"), json!({"lat": "1", "lon": 1}), json!({"lat": 91, "lon": 1}), json!(7)]
    {
        assert_eq!(fact(&program(".place = .x"), &with(x(place))).place, None);
    }
}

#[test]
fn what_is_wrong_for_every_message_is_told_when_the_program_is_compiled() {
    let check = |rest: &str, expected: &str| {
        let problems = problems(rest);
        assert!(problems.contains(expected), "{rest}:\n{problems}");
    };
    check(".terms.goals = []", "`.terms.goals`: `goals` is not one of the stream's facets");
    check(".terms.goals = []", "there are `teams`");
    check(".columns = {\"shot\": 1, \"goal\": 2}", "`.columns.goal`: `goal` is not one of");
    check(".sums.x, error = to_int(.y)", "`.sums.x`: `x` is not one of the stream's sums");
    check(".columns.shot = \"7\"", "`.columns.shot` is string, but must be integer");
    check(".columns = {\"player\": 7}", "make it a text with `to_string`");
    check(".terms.teams = \"a\"", "put it into a list: `[…]`");
    check(".time = to_unix_timestamp(.time)", "`.time` is integer, but must be timestamp");
    check(".identity = [1]", "`identity` in stream.toml names the columns");
    check(".actor = 1", "`actor` in stream.toml names the column");
    check(".scop = .c", "`.scop` is no part of a fact");
    check("%x = 1", "there is no metadata");
    check(".columns.tags[1001] = \"x\"", "an index over 1000 cannot be assigned");
    check("x = join!(.a, .b)", "`separator` of `join` must be a text in quotes");
    check("x = now()", "`now` is not offered");
    check("x = now()", "it asks the clock");
    check(".time = parse_timestamp!(.x, \"%F\", \"local\")", "the machine's own time zone");
    check(".x =", "unexpected end of program");
    let whole = compile_whole(".columns.shot = 1").unwrap_err();
    for part in ["`.time`", "`.kind`; there are `hit`, `miss`", "`.key`"] {
        assert!(whole.contains(&format!("the program never assigns {part}")), "{whole}");
    }
}

/// As VRL draws it, with the file's name, and without what it says below everything.
#[test]
fn a_problem_shows_its_line_with_a_caret() {
    let expected = "line 5: error[E103]: unhandled fallible assignment
  ┌─ shots/decode.vrl:5:5
  │
5 │ x = parse_url(.u)
  │ --- ^^^^^^^^^^^^^
";
    let product = problems("x = .a * 2");
    assert!(product.contains(".a * 2") && !product.contains("- 0"), "{product}");
    let problems = problems("x = parse_url(.u)");
    assert!(problems.starts_with(expected.trim_end()), "{problems}");
    assert!(problems.contains("`parse_url!(.u)`"), "{problems}");
    assert!(!problems.contains("REPL"), "{problems}");
}

#[test]
fn a_line_of_text_is_the_message() {
    let source = "
        parts = parse_regex!(.message, r'^(?P<t>\\d+) (?P<kind>\\w+)$')
        .time = from_unix_timestamp!(parse_int!(parts.t))
        .kind = parts.kind
        .key = 1
    ";
    let program = Program::compile(stream(), MessageFormat::Text, "decode.vrl", source).unwrap();
    assert_eq!(fact(&program, b"5 miss").kind, 1);
    assert_eq!(program.run(b"5").unwrap_err().dead_letter.reason, Reason::ProgramError);
    assert_eq!(program.run(b"\xff").unwrap_err().dead_letter.reason, Reason::InvalidText);
}

#[test]
fn what_is_deleted_of_the_fact_is_no_longer_assigned() {
    let own = json!({"kind": "miss", "scope": "FR", "place": {"lat": 1, "lon": 2}});
    let check = |rest: &str, expected: (&str, u8, Option<Coordinate>)| {
        let fact = fact(&program(rest), &with(own.clone()));
        assert_eq!((&*fact.scope, fact.kind, fact.place), expected, "{rest}");
    };
    let fr = Coordinate::new(1.0, 2.0);
    // The message's field of the name is seen again.
    check("x = del(.kind)\n.kind = .kind", (UNKNOWN_SCOPE, 1, None));
    check(".place.lat = 5\nx = del(.place)\n.place = .place", (UNKNOWN_SCOPE, 0, fr));
    // A part that is empty when something of it is deleted goes with it if the program says so.
    check(".place.lat = 5\nx = del(.place.lat)\n.place = .place", (UNKNOWN_SCOPE, 0, None));
    check(
        ".place.lat = 5\nx = del(.place.lat, compact: true)\n.place = .place",
        (UNKNOWN_SCOPE, 0, fr),
    );
    check(
        ".place = {\"lat\": 5, \"lon\": 6, \"x\": 7}\nx = del(.place.x, compact: true)",
        (UNKNOWN_SCOPE, 0, Coordinate::new(5.0, 6.0)),
    );
    // What was deleted of the message is gone, and what was not there deletes nothing.
    check("x = del(.place)\n.place = .place", (UNKNOWN_SCOPE, 0, None));
    check(".scope = .scope\nx = del(.scope.x, compact: true)", ("FR", 0, None));
}

/// Texts and lists make room for what is assigned within them.
#[test]
fn a_part_may_be_assigned_piece_by_piece() {
    let rest = ".place = .nowhere\n.place.lat = 1\n.place.lon = 2\n.columns.tags[1] = \"b\"\n\
                .columns.tags[0] = \"a\"\n.columns.player = .columns.tags[1]";
    let fact = fact(&program(rest), &with(json!({"nowhere": "here"})));
    assert_eq!(fact.place, Coordinate::new(1.0, 2.0));
    assert_eq!(fact.columns[5], Column::Texts(vec!["a".into(), "b".into()]));
    assert_eq!(fact.columns[1], Column::Text("b".into()));
}

/// A variable of one message is not there for the next, however the first one ended.
#[test]
fn messages_share_no_variables() {
    let program = program(
        "seen = .set == true && (x = \"set\") == \"set\"
        if .fail == true { string!(.none) }
        if .skip == true { abort }
        .columns.player = x",
    );
    for (ending, is_fact) in [("fail", false), ("skip", false), ("none", true)] {
        let first = program.run(&with(json!({"set": true, ending: true})));
        assert_eq!(first.is_ok_and(|first| matches!(first.decoded, Decoded::Fact(_))), is_fact);
        assert_eq!(fact(&program, &with(json!({}))).columns[1], Column::Null, "{ending}");
    }
}

/// A message within a message: `.` may be replaced.
#[test]
fn the_message_may_be_replaced() {
    let source = format!(". = parse_json!(string!(.payload))\n{BEGINNING}");
    let program = compile_whole(&source).unwrap();
    let outer = json!({"payload": json!({"t": 5, "id": 1}).to_string()}).to_string();
    assert_eq!(fact(&program, outer.as_bytes()).time, EventTime(5000));
}

#[test]
fn numbers_multiply_as_they_did() {
    let program = program(".columns.shot = int!(.a) * 2 * -3\n.columns.speed = float!(.f) * 28.5");
    let columns = fact(&program, &with(json!({"a": 7, "f": 0.5}))).columns;
    assert_eq!((&columns[0], &columns[2]), (&Column::Integer(-42), &Column::Float(14.25)));
}

#[test]
fn scopes_are_spelled_one_way() {
    let check = |values: &str, text: &str, expected: &str| {
        let toml = STREAM.replace("values = \"country\"", &format!("values = \"{values}\""));
        let stream = Box::leak(Box::new(descriptor::read(&toml, &|_| None).unwrap().stream));
        let source = format!("{BEGINNING}.scope = .x");
        let program = Program::compile(stream, MessageFormat::Json, "x", &source).unwrap();
        assert_eq!(fact(&program, &with(json!({"x": text}))).scope, expected);
    };
    check("country", "de", "DE");
    check("country", "", UNKNOWN_SCOPE);
    check("language", "pt-BR", "pt");
    check("language", "zh_Hant", "zh");
    check("text", "As It Is", "As It Is");
}

#[test]
fn times_without_a_zone_are_in_utc() {
    let program = program(".time = parse_timestamp!(.x, \"%Y-%m-%d %H:%M\")");
    let time = fact(&program, &with(json!({"x": "2020-09-13 12:26"}))).time;
    assert_eq!(time.to_string(), "2020-09-13T12:26:00.000Z");
}
