use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

const TIME: i64 = 1_767_571_200;

fn guessed(sample: &[u8]) -> Result<Guess, GuessError> {
    guess("things", sample, &Streams::brought())
}

/// Guesses; the stream must decode every line of the sample.
#[track_caller]
fn check(sample: &str) -> Guess {
    let guess = guessed(sample.as_bytes()).unwrap_or_else(|error| panic!("{error}:\n{sample}"));
    let stream = load(&guess.descriptor, &guess.program).unwrap();
    for line in sample.lines() {
        let outcome = outcome(stream.program().unwrap(), line.as_bytes());
        assert!(!outcome.contains("dead"), "{outcome}: {line}\n{}", guess.program);
    }
    guess
}

/// `count` messages, as they are made of their number.
fn lines(count: i64, message: impl Fn(i64) -> Json) -> String {
    (0..count).map(|number| message(number).to_string() + "\n").collect()
}

/// One after the other, again and again.
fn nth<'v>(values: &[&'v str], number: i64) -> &'v str {
    values[usize::try_from(number).unwrap() % values.len()]
}

/// The guess has all of these lines.
#[track_caller]
fn has(guess: &Guess, expected: &[&str]) {
    let text = format!("{}\n{}", guess.descriptor, guess.program);
    for line in expected {
        assert!(text.lines().any(|found| found.trim() == *line), "no line `{line}` in:\n{text}");
    }
}

const ORDERS: &str = r##"# Guessed from a sample: look at every line, and say here what the stream is.
name = "things"
title = "Things"
about = ""
identity = ["id", "time"]
actor = "customer_id"

[fact]
one = "thing"
many = "things"
activity = "thing-activity"
kind = "status"
kinds = ["paid", "sent", "other"]
scope = { name = "country", values = "country" }
sums = ["quantity"]
place = true

[columns]
id = "text"
customer_id = "integer"
express = "boolean"
price = "float"
shop_name = "text"

[[facets]]
one = "tag"
many = "tags"
by_scope = true
# count = "actors"      # so that one who repeats himself does not make a trend
"##;

const ORDERS_PROGRAM: &str = r#"# Guessed from a sample. The message is `.`, and so is the fact that is left there at the end.
if .at == null { abort "no_at" }

.time = parse_timestamp!(.at, format: "%+")
.key = .id
.kind = if includes(["paid", "sent"], .status) { .status } else { "other" }
.scope = .country
.place = { "lat": .shop.lat, "lon": .shop.lon }
.sums = {
  "quantity": .quantity,
}
.terms = {
  "tags": .tags,
}
.columns = {
  "id": .id,
  "customer_id": .customer_id,
  "express": .express,
  "price": .price,
  "shop_name": .shop.name,
}
"#;

#[test]
fn a_sample_becomes_a_stream_of_a_page() {
    let order = |number: i64| {
        json!({
            "id": format!("o{number}"), "at": format!("2026-01-05T00:00:{number:02}Z"),
            "customer_id": number % 5, "status": nth(&["sent", "paid", "paid"], number),
            "country": nth(&["DE", "fr", "US"], number),
            "quantity": number, "express": number % 2 == 0, "price": number as f64 / 4.0,
            "tags": [format!("t{}", number % 7), "all"],
            "shop": {"lat": 52.5, "lon": 13 + number, "name": "S"},
        })
    };
    let guess = check(&(lines(30, order) + "{\"ping\":1}\n"));
    assert_eq!(guess.descriptor, ORDERS);
    assert_eq!(guess.program, ORDERS_PROGRAM);
    let found = guess.found.join("\n");
    for part in [
        "time: `.at`, in RFC 3339",
        "identity: `.id`, and the time",
        "scope: `.country`, 3 countries",
        "facet: `.tags`, 8 values, in the view `trending-tags`",
        "of the sample: 30 facts, 1 skipped as `no_at`",
    ] {
        assert!(found.contains(part), "`{part}` is not in:\n{found}");
    }
    assert!(guess.questions.iter().any(|question| question.contains("skipped, as `no_at`")));
}

#[test]
fn times_are_found_however_they_are_written() {
    let check = |value: Json, expected: &str| {
        let guess = check(&lines(3, |_| json!({"t": value})));
        has(&guess, &[&format!(".time = {expected}")]);
    };
    check(json!(TIME), "from_unix_timestamp!(int!(.t))");
    check(json!(TIME * 1000), "from_unix_timestamp!(int!(.t), unit: \"milliseconds\")");
    check(json!(TIME * 1_000_000), "from_unix_timestamp!(int!(.t), unit: \"microseconds\")");
    check(json!(TIME * 1_000_000_000), "from_unix_timestamp!(int!(.t), unit: \"nanoseconds\")");
    let fraction =
        "from_unix_timestamp!(to_int(round(to_float!(.t) * 1000)), unit: \"milliseconds\")";
    check(json!(TIME as f64 + 0.25), fraction);
    check(json!("1767571200.123456789"), fraction);
    for (text, format) in [
        ("2026-01-05T00:00:00.5+01:00", "%+"),
        ("2026-01-05T00:00:00+0100", "%+"),
        ("2026-01-05T00:00:00", "%Y-%m-%dT%H:%M:%S%.f"),
        ("2026-01-05 00:00:00 +0100", "%+"),
        ("2026-01-05 00:00:00.123", "%Y-%m-%d %H:%M:%S%.f"),
        ("2026-01-05 00:00:00,123", "%Y-%m-%d %H:%M:%S,%3f"),
        ("2026/01/05 00:00:00", "%Y/%m/%d %H:%M:%S%.f"),
        ("05/Jan/2026:00:00:00 +0000", "%d/%b/%Y:%H:%M:%S %z"),
        ("Mon, 05 Jan 2026 00:00:00 +0000", "%a, %d %b %Y %H:%M:%S %z"),
        ("Mon Jan 05 00:00:00 +0000 2026", "%a %b %d %H:%M:%S %z %Y"),
    ] {
        check(json!(text), &format!("parse_timestamp!(.t, format: \"{format}\")"));
    }
}

/// The event's time is the one that grows, or is called so; others are columns.
#[test]
fn of_several_times_one_is_the_events() {
    let guess = check(&lines(9, |number| {
        json!({"when": TIME + number, "hc": TIME - number * 77, "created": TIME * 1000,
               "event": {"time": TIME * 1000 - number}})
    }));
    has(&guess, &[".time = from_unix_timestamp!(int!(.when))", "hc = \"integer\""]);
    has(&guess, &["event_time = \"time\"", "created = \"time\""]);
}

#[test]
fn one_wrong_time_does_not_hide_the_others() {
    let check = |time: fn(i64) -> Json, expected: &str| {
        let sample = lines(40, |number| {
            let time = if number == 20 { json!("soon") } else { time(number) };
            json!({"t": time, "hc": TIME - number * 77 % 5})
        });
        has(&guessed(sample.as_bytes()).unwrap(), &[expected]);
    };
    check(|number| json!(TIME + number), ".time = from_unix_timestamp!(int!(.t))");
    let text = |number| json!(format!("2026-01-05T00:00:{number:02}Z"));
    check(text, ".time = parse_timestamp!(.t, format: \"%+\")");
}

/// A message may call its fields as a fact calls its parts.
#[test]
fn fields_called_like_parts_are_read_from_a_copy() {
    let guess = check(&lines(9, |number| {
        json!({"time": TIME + number, "kind": nth(&["a", "b"], number), "key": "k",
               "columns": {"place": "x", "time": "y"}})
    }));
    has(&guess, &[".time = from_unix_timestamp!(int!(message.time))"]);
    has(&guess, &["\"key\": message.key,", "\"columns_place\": message.columns.place,"]);
}

#[test]
fn few_valued_texts_are_kinds_and_scopes() {
    let of = |name: &str, values: &[&str]| {
        check(&lines(60, |number| {
            let value = nth(values, number);
            json!({"t": TIME + number, name: value})
        }))
    };
    has(&of("c", &["US", "GB", "DE"]), &["scope = { name = \"c\", values = \"country\" }"]);
    let langs = of("lang", &["en", "pt-BR", "de"]);
    has(&langs, &["scope = { name = \"lang\", values = \"language\" }"]);
    has(&of("action", &["a", "b c"]), &["kinds = [\"a\", \"b c\", \"other\"]"]);
    // Neither TOML nor VRL could have these between quotes as they are.
    has(&of("action", &["a\"", "{{ b }}"]), &["kinds = [\"thing\"]"]);
    let status = check(&lines(9, |number| json!({"t": TIME, "status": 200 + number * 33})));
    has(&status, &["kinds = [\"1xx\", \"2xx\", \"3xx\", \"4xx\", \"5xx\"]"]);
    has(&status, &[".kind = to_string(to_int(floor(int!(.status) / 100))) + \"xx\""]);
}

#[test]
fn a_field_may_be_called_as_a_word_of_vrl() {
    let message = |number: i64| json!({"at": {"_": TIME + number}, "_": {"key": "a b"}});
    let guess = check(&lines(3, message));
    assert!(guess.program.contains(".at.\"_\""), "{}", guess.program);
}

#[test]
fn an_id_is_an_identity_while_it_names_one_message() {
    let ids = |repeat: &str| {
        let line = |id: i64, text: &str| json!({"t": TIME, "id": id, "x": text}).to_string();
        check(&[line(1, "a"), line(2, "b"), line(1, repeat)].join("\n"))
    };
    has(&ids("a"), &["identity = [\"id\", \"time\"]", "id = \"integer\"", ".key = .id"]);
    assert!(!ids("changed").descriptor.contains("\nidentity"));
}

#[test]
fn places_are_two_fields_or_a_pair() {
    let place = |fields: Json, expected: &str| {
        let guess = check(&lines(3, |number| json!({"t": TIME + number, "at": fields})));
        has(&guess, &["place = true", &format!(".place = {expected}")]);
    };
    let texts =
        "{ \"lat\": to_float(.at.latitude) ?? null, \"lon\": to_float(.at.longitude) ?? null }";
    place(json!({"latitude": "52.5", "longitude": "13.25"}), texts);
    let prefixed = "{ \"lat\": .at.group_lat, \"lon\": .at.group_lon }";
    place(json!({"group_lat": 52.5, "venue_lon": 1, "group_lon": -13}), prefixed);
    place(json!({"ll": [52.5, 13]}), "{ \"lat\": .at.ll[0], \"lon\": .at.ll[1] }");
    let geo = "{ \"lat\": .at.coordinates[1], \"lon\": .at.coordinates[0] }";
    place(json!({"type": "Point", "coordinates": [13, 52.5]}), geo);
    let beyond = check(&lines(3, |_| json!({"t": TIME, "lat": 100, "lon": 1})));
    assert!(!beyond.descriptor.contains("place"));
}

#[test]
fn lists_addresses_and_repeated_texts_are_facets() {
    let guess = check(&lines(60, |number| {
        json!({
            "t": TIME + number, "tags": ["x", format!("t{}", number % 9)],
            "topics": [{"urlkey": format!("k{}", number % 5), "topic_name": "K", "n": 1}],
            "u": format!("https://host{}.example/{number}", number % 4),
            "path": format!("/p/{}?q={number}", number % 3),
        })
    }));
    has(
        &guess,
        &["many = \"tags\"", "\"tags\": .tags,", "many = \"topics\"", "many = \"u_hosts\""],
    );
    has(&guess, &["\"u_hosts\": [get!(parse_url(.u) ?? {}, [\"host\"])],", "u = \"text\""]);
    has(&guess, &["\"paths\": [split(string(.path) ?? \"\", \"?\")[0]],"]);
    has(
        &guess,
        &[
            "\"topics\": map_values(array(.topics) ?? []) -> |item| { { \"key\": item.urlkey, \"name\": \
           item.topic_name } },",
        ],
    );
}

/// A view that another stream has is called after this one.
#[test]
fn views_of_other_streams_keep_their_names() {
    let tagged = |number: i64| json!({"t": TIME, "hashtags": [format!("h{number}")], "c": nth(&["US", "DE"], number)});
    let guess = check(&lines(9, tagged));
    has(&guess, &["many = \"hashtags\"", "view = \"trending-things-hashtags\""]);
    let sample = lines(9, |number| json!({"t": TIME, "max_speed": ["a", "b"], "n": number}));
    has(&check(&sample), &["many = \"max_velocities\""]);
    for name in ["responses", "group-days", "days", "speed", "a-batch", "kinds", "location"] {
        let named = super::guess(name, sample.as_bytes(), &Streams::brought());
        named.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn lines_of_logs_become_objects() {
    let line = |number: i64, rest: &str| {
        let status = if number == 3 { 404 } else { 200 };
        format!(
            "203.0.113.{number} - - [05/Jan/2026:00:00:{number:02} +0000] \"GET /a/{}?q=1 HTTP/1.1\" {status} \
             {}{rest}\n",
            number % 3,
            number * 10
        )
    };
    let combined = |number| line(number, " \"https://example.org/\" \"Mozilla/5.0\"");
    let guess = check(&(0..9).map(combined).collect::<String>());
    let common = [
        "message = \"text\"",
        "kind = \"status\"",
        "actor = \"host\"",
        "sums = [\"size\"]",
        "many = \"paths\"",
        ".time = timestamp!(.timestamp)",
    ];
    has(&guess, &common);
    has(&guess, &[". = parse_apache_log!(.message, format: \"combined\")"]);
    let guess = check(&(0..9).map(|number| line(number, "")).collect::<String>());
    has(&guess, &common);
    has(&guess, &[". = parse_apache_log!(.message, format: \"common\")"]);
    let log = |number: i64| format!("[2026-01-05 00:00:{number:02}] INFO started {number}\n");
    let levels = (0..9).map(log).collect::<String>() + "2026-01-05 00:01:00 WARN: slow\n";
    has(&check(&levels), &["kinds = [\"INFO\", \"WARN\", \"other\"]", "kind = \"level\""]);
    let pairs =
        (0..9).map(|number| format!("ts=2026-01-05T00:00:0{number}Z level=info n={number}\n"));
    has(&check(&pairs.collect::<String>()), &[".time = parse_timestamp!(.ts, format: \"%+\")"]);
}

#[test]
fn a_sample_that_shows_no_stream_is_told_why() {
    let error = |sample: &[u8]| guessed(sample).unwrap_err();
    assert_eq!(error(b""), GuessError::Empty);
    assert_eq!(error(b"\n \n"), GuessError::Empty);
    let unreadable = GuessError::Unreadable { line: "hello there".to_owned() };
    assert_eq!(error(b"hello there\nworld\n"), unreadable);
    assert!(matches!(error(b"\xff\xfe\x00"), GuessError::Unreadable { .. }));
    let none = error(b"{\"a\":1,\"b\":{\"c\":\"2026\"}}\n{\"a\":2}");
    assert_eq!(
        none.to_string(),
        "no field of most messages is a time; there are `.a`, `.b`, `.b.c`"
    );
    assert_eq!(error(b"{}").to_string(), "no field of most messages is a time; there are none");
    let named = |name: &str| guess(name, b"{\"t\":1767571200}", &Streams::brought()).unwrap_err();
    assert!(named("Big").to_string().starts_with("`Big` is not a name"), "{}", named("Big"));
    assert!(matches!(named("../x"), GuessError::Name(_)));
    assert_eq!(named("posts"), GuessError::Exists("posts".to_owned()));
}

#[test]
fn recordings_become_streams() {
    let folder = Path::new("../../../shared/data");
    if !folder.exists() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
        return;
    }
    let check = |file: &str, outcomes: &str, expected: &[&str]| {
        let guess = guessed(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        has(&guess, expected);
        let found = guess.found.last().unwrap();
        assert!(found.contains(outcomes), "{file}: {found}");
    };
    let clicks = [
        "scope = { name = \"c\", values = \"country\" }",
        ".time = from_unix_timestamp!(int!(.t))",
    ];
    check("usagov/pydata-book.example.txt", "3440 facts, 120 skipped as `no_t`", &clicks);
    let rsvps = [
        "kinds = [\"no\", \"yes\", \"other\"]",
        "many = \"group_topics\"",
        "actor = \"member_id\"",
    ];
    check("rsvps/wbaa-2017-03-19.jsonl", "1541 facts", &rsvps);
    let log = ["kind = \"status\"", "many = \"paths\"", "actor = \"host\""];
    check("access-logs/elastic-examples.apache_logs", "9999 facts", &log);
    check("access-logs/nasa-jul95-first4000.common.log", "4000 facts", &log);
    let events = [".time = from_unix_timestamp!(int!(message.mtime), unit: \"milliseconds\")"];
    check("meetup-streams/open_events.embedded.jsonl", "3 facts", &events);
    for (file, time) in [("v1", "message.time_us"), ("v2", ".payload.time")] {
        let path = folder.join(format!("jetstream/{file}-simulated.jsonl"));
        let guess = guessed(&std::fs::read(path).unwrap()).unwrap();
        assert!(guess.program.contains(&format!("({time}")), "{}", guess.program);
    }
}

/// Any value of JSON; names and texts that guessing looks for are frequent.
fn value() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        "[a-z]{0,3}",
        "\\PC{0,12}",
        Just("DE".to_owned()),
        Just("{{ x }}\"".to_owned()),
        Just("2026-01-05T00:00:00Z".to_owned()),
        Just("https://example.org/a".to_owned()),
        Just("/a?b".to_owned()),
        Just("52.5".to_owned()),
        Just("1767571200.5".to_owned()),
    ];
    let number = prop_oneof![
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        (0..100_i64).prop_map(|more| json!(TIME + more)),
        any::<u64>().prop_map(Json::from),
        (-200..200_i64).prop_map(Json::from),
        Just(json!(TIME * 1000)),
    ];
    let leaf = prop_oneof![
        text.prop_map(Json::from),
        number,
        any::<bool>().prop_map(Json::from),
        Just(Json::Null)
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            object(inner).prop_map(Json::from),
        ]
    })
}

/// Names that mean something to guessing, or that it must not use.
const NAMES: [&str; 31] = [
    "time",
    "t",
    "mtime",
    "id",
    "kind",
    "type",
    "status",
    "c",
    "lang",
    "user",
    "lat",
    "lon",
    "ll",
    "coordinates",
    "tags",
    "url",
    "path",
    "size",
    "columns",
    "terms",
    "key",
    "x-y",
    "a.b",
    "speed",
    "message",
    "name",
    "count",
    "@timestamp",
    "day",
    "9",
    "location",
];

fn object(
    value: impl Strategy<Value = Json>,
) -> impl Strategy<Value = serde_json::Map<String, Json>> {
    let name = prop_oneof![4 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => "\\PC{0,8}"];
    prop::collection::btree_map(name, value, 0..8).prop_map(|object| object.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any JSON objects either give a stream that decodes them, or an error that says what is missing.
    #[test]
    fn any_objects_give_a_stream_or_a_clear_error(
        objects in prop::collection::vec(object(value()), 1..6),
        repeated in 1..4_usize,
        time in prop::option::of(prop::sample::select(&["t", "time", "at"][..])),
    ) {
        let mut sample = String::new();
        for (number, object) in objects.iter().cycle().take(objects.len() * repeated).enumerate() {
            let mut object = object.clone();
            if let Some(time) = time {
                object.insert(time.to_owned(), json!(TIME + i64::try_from(number).unwrap()));
            }
            sample += &(Json::from(object).to_string() + "\n");
        }
        match guessed(sample.as_bytes()) {
            Ok(_) => drop(check(&sample)),
            Err(GuessError::NoTime { .. }) => prop_assert!(time.is_none(), "{sample}"),
            Err(error) => prop_assert!(false, "{error}: {sample}"),
        }
    }
}
