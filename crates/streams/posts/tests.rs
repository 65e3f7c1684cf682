mod messages;

use proptest::prelude::*;
use pulso_model::{
    Column, Decoder, MAX_MESSAGE_BYTES, Reason, TimeLimits, UNKNOWN_SCOPE, WallTime,
};
use serde_json::{Value as Json, json};

use super::*;
use crate::Streams;

const NOW: WallTime = WallTime(1_800_000_000_000);
const DID: &str = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const TIME: EventTime = EventTime(1_779_719_009_157);

fn decoder() -> Decoder {
    Streams::brought().get("posts").unwrap().decoder(TimeLimits::NONE)
}

fn decode(message: &str) -> Result<Decoded<'_>, (Reason, String)> {
    let decoded = decoder().decode(message.as_bytes(), NOW);
    decoded.map_err(|dead| (dead.reason, dead.detail.into_owned()))
}

fn fact(message: &str) -> Fact<'_> {
    match decode(message) {
        Ok(Decoded::Fact(fact)) => fact,
        other => panic!("{other:?}: {message}"),
    }
}

fn skipped(message: &str) -> String {
    match decode(message) {
        Ok(Decoded::Skipped(reason)) => reason.into_owned(),
        other => panic!("{other:?}: {message}"),
    }
}

/// A post with everything that a fact is made of.
fn record() -> Json {
    json!({
        "$type": "app.bsky.feed.post",
        "text": "Schöne Grüße 👋🏽 #Rust",
        "createdAt": "2026-05-25T14:23:28.757Z",
        "langs": ["de-CH", "EN"],
        "tags": ["rust", "Café"],
        "facets": [
            {"index": {"byteStart": 0, "byteEnd": 3}, "features": [
                {"$type": "app.bsky.richtext.facet#tag", "tag": "#Rust"},
                {"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:b"},
                {"$type": "org.example.facet#tag", "tag": ["no", "text"]}
            ]},
            {"index": {}, "features": [
                {"$type": "app.bsky.richtext.facet#link", "uri": "https://www.Example.org/a"}
            ]}
        ],
        "embed": {
            "$type": "app.bsky.embed.recordWithMedia",
            "record": {"record": {"uri": "at://x", "cid": "c"}},
            "media": {
                "$type": "app.bsky.embed.external",
                "external": {"uri": "http://news.example/", "title": "T", "description": ""}
            }
        }
    })
}

fn v1(record: &Json) -> Json {
    json!({
        "did": DID, "time_us": 1_779_719_009_157_119_i64, "cursor": 7, "kind": "commit",
        "commit": {
            "rev": "3mmo", "operation": "create", "collection": "app.bsky.feed.post",
            "rkey": "3mmk", "record": record, "cid": "bafy"
        }
    })
}

fn v2(record: &Json) -> Json {
    json!({
        "$type": "message",
        "payload": {
            "$type": "network.bsky.jetstream.subscribeEvents#commit", "seq": 7, "did": DID,
            "time": "2026-05-25T14:23:29.157119Z", "rev": "3mmo", "operation": "create",
            "collection": "app.bsky.feed.post", "rkey": "3mmk", "record": record, "cid": "bafy"
        }
    })
}

/// With the value at `pointer` replaced, or removed when there is none.
fn with(mut message: Json, pointer: &str, value: Option<Json>) -> String {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = message.pointer_mut(parent).unwrap();
    match value {
        Some(value) => parent[field] = value,
        None => drop(parent.as_object_mut().unwrap().remove(field)),
    }
    message.to_string()
}

fn keys<'f>(terms: &'f [Term<'_>]) -> Vec<(&'f str, &'f str)> {
    terms.iter().map(|term| (&*term.key, &*term.name)).collect()
}

#[test]
fn kinds_and_columns_are_those_of_the_descriptor() {
    let stream = decoder().stream();
    assert_eq!(stream.kind.values, KINDS);
    let columns = stream.columns.iter().map(|Column { name, .. }| *name);
    assert_eq!(columns.collect::<Vec<_>>(), COLUMNS);
    assert!(!stream.facts_view.shown);
    assert!(stream.facts_view.view.fields().iter().all(|field| field.name != "text"));
}

#[test]
fn a_post_is_the_same_fact_in_both_versions() {
    let message = v1(&record()).to_string();
    let post = fact(&message);
    assert_eq!((post.time, &*post.scope, post.kind), (TIME, "de", QUOTE));
    assert_eq!((post.sums, post.place), ([0; 4], None));
    assert_eq!(keys(&post.terms[0]), [("café", "Café"), ("rust", "Rust")]);
    let domains = [("example.org", "example.org"), ("news.example", "news.example")];
    assert_eq!(keys(&post.terms[1]), domains);
    let text = |text: &'static str| Value::Text(Cow::Borrowed(text));
    assert_eq!(
        post.columns,
        [
            text(DID),
            text("app.bsky.feed.post"),
            text("3mmk"),
            text("3mmo"),
            text("create"),
            Value::Time(EventTime(1_779_719_008_757)),
            Value::Texts(vec!["de-CH".into(), "EN".into()]),
            Value::Null,
            Value::Integer(21),
        ]
    );
    assert_eq!(decoder().stream().actor(&post).as_deref(), Some(DID));
    let message = v2(&record()).to_string();
    assert_eq!(fact(&message), post);
}

#[test]
fn a_reply_that_quotes_is_a_reply() {
    let kind = |pointer: &str, value: Option<Json>| {
        fact(&with(v1(&record()), &format!("/commit/record/{pointer}"), value)).kind
    };
    let root = json!({"root": {"uri": "at://r", "cid": "c"}, "parent": {}});
    assert_eq!(kind("reply", Some(root.clone())), REPLY);
    assert_eq!(kind("reply", Some(Json::Null)), QUOTE);
    assert_eq!(kind("embed", None), POST);
    assert_eq!(kind("embed/$type", Some(json!("app.bsky.embed.record"))), QUOTE);
    assert_eq!(kind("embed/$type", Some(json!("app.bsky.embed.images"))), POST);
    let message = with(v1(&record()), "/commit/record/reply", Some(root));
    assert_eq!(fact(&message).columns[7], Value::Text("at://r".into()));
}

#[test]
fn the_language_is_the_primary_subtag_of_the_first() {
    let check = |langs: Json, expected: &str| {
        let message = with(v2(&record()), "/payload/record/langs", Some(langs));
        assert_eq!(fact(&message).scope, expected);
    };
    check(json!(["en"]), "en");
    check(json!(["en-US", "de"]), "en");
    check(json!(["zh_Hant"]), "zh");
    check(json!(["PT-br"]), "pt");
    check(json!(["fil"]), "fil");
    for none in [json!([]), json!(null), json!("en"), json!([""]), json!(["x-y"]), json!(["日本"])]
    {
        check(none, "und");
    }
    check(json!(["english"]), "und");
    assert_ne!(NO_LANGUAGE, UNKNOWN_SCOPE);
}

#[test]
fn what_is_no_post_is_skipped_by_its_reason() {
    let one =
        |pointer: &str, value: &str| skipped(&with(v1(&record()), pointer, Some(json!(value))));
    let two =
        |pointer: &str, value: &str| skipped(&with(v2(&record()), pointer, Some(json!(value))));
    for reason in ["identity", "account", "sync", "info"] {
        assert_eq!(one("/kind", reason), reason);
        assert_eq!(two("/payload/$type", &format!("x#{reason}")), reason);
    }
    assert_eq!(one("/kind", "labels"), "other_event");
    for (status, reason) in [("deleted", "account_deleted"), ("takendown", "account")] {
        let mut account = v1(&record());
        account["account"] = json!({"active": false, "status": status});
        assert_eq!(skipped(&with(account, "/kind", Some(json!("account")))), reason);
        let mut account = v2(&record());
        account["payload"]["status"] = json!(status);
        assert_eq!(skipped(&with(account, "/payload/$type", Some(json!("x#account")))), reason);
    }
    for reason in ["update", "delete"] {
        assert_eq!(one("/commit/operation", reason), reason);
        assert_eq!(two("/payload/operation", reason), reason);
    }
    assert_eq!(one("/commit/collection", "app.bsky.feed.like"), "other_collection");
    assert_eq!(two("/payload/collection", "app.bsky.feed.like"), "other_collection");
    let info = r##"{"$type":"message","payload":{"$type":"#info","name":"OutdatedCursor"}}"##;
    assert_eq!(skipped(info), "info");
    assert_eq!(skipped(r#"{"$type":"error","error":"ConsumerTooSlow"}"#), "error");
    // Records of others are not looked at.
    let mut like = v1(&json!({"text": 7, "langs": {}, "facets": [[1]], "reply": "no"}));
    like["commit"]["collection"] = json!("app.bsky.feed.like");
    assert_eq!(skipped(&like.to_string()), "other_collection");
}

#[test]
fn a_dead_letter_names_the_field() {
    let one = |pointer: &str, value: Option<Json>, reason, detail: &str| {
        let message = with(v1(&record()), pointer, value);
        assert_eq!(decode(&message), Err((reason, detail.to_owned())));
    };
    let two = |pointer: &str, value: Option<Json>, reason, detail: &str| {
        let message = with(v2(&record()), pointer, value);
        assert_eq!(decode(&message), Err((reason, detail.to_owned())));
    };
    one("/kind", None, Reason::MissingField, "`kind` is missing");
    one("/commit", None, Reason::MissingField, "`commit` is missing");
    one("/commit", Some(json!([1])), Reason::WrongType, "`commit` is not an object");
    one("/commit/rev", None, Reason::MissingField, "`commit.rev` is missing");
    one("/commit/rkey", Some(json!(7)), Reason::WrongType, "`commit.rkey` is not text");
    one("/commit/record", None, Reason::MissingField, "`commit.record` is missing");
    one("/commit/record/text", None, Reason::MissingField, "`commit.record.text` is missing");
    one("/time_us", Some(json!(1.5)), Reason::WrongType, "`time_us` is not a 64-bit integer");
    let detail = format!("`time_us` {} µs is not in the years 1 to 9999", i64::MAX);
    one("/time_us", Some(json!(i64::MAX)), Reason::InvalidValue, &detail);
    one("/commit/operation", Some(json!("x")), Reason::InvalidValue, "`commit.operation` is `x`");
    two("/payload/did", None, Reason::MissingField, "`payload.did` is missing");
    two(
        "/payload/time",
        Some(json!("x")),
        Reason::InvalidValue,
        "`payload.time` is `x`, not a time",
    );
    two("/payload/$type", None, Reason::MissingField, "`payload.$type` is missing");
    two(
        "/payload/record",
        Some(json!("x")),
        Reason::WrongType,
        "`payload.record` is not an object",
    );
    two(
        "/payload/record/text",
        Some(json!(7)),
        Reason::WrongType,
        "`payload.record.text` is not text",
    );
}

#[test]
fn text_that_is_no_message_is_a_dead_letter() {
    for text in ["", "{", "{'a': 1}", "{} {}", "\u{feff}{}", "{\"a\":\"\u{1}\"}"] {
        assert_eq!(decode(text).unwrap_err().0, Reason::InvalidJson, "{text}");
    }
    for text in ["[1]", "7", "null", "\"text\"", r#"["did:plc:a",1,"commit"]"#] {
        let expected = (Reason::WrongType, "the message is not an object".to_owned());
        assert_eq!(decode(text), Err(expected), "{text}");
    }
    let twice = v1(&record()).to_string().replacen('{', r#"{"did":"did:plc:b","#, 1);
    assert_eq!(decode(&twice).unwrap_err().0, Reason::InvalidValue);
    assert_eq!(decode(&" ".repeat(MAX_MESSAGE_BYTES + 1)).unwrap_err().0, Reason::TooLarge);
    let deep =
        v1(&record()).to_string().replacen('{', &format!("{{\"x\":{},", "[".repeat(9999)), 1);
    assert_eq!(decode(&deep).unwrap_err().0, Reason::InvalidJson);
    let mut bytes = v1(&record()).to_string().into_bytes();
    let place = bytes.windows(2).position(|part| part == "ö".as_bytes()).unwrap();
    bytes[place] = b'x';
    assert_eq!(decoder().decode(&bytes, NOW).unwrap_err().reason, Reason::InvalidJson);
}

#[test]
fn an_odd_field_does_not_make_a_post_worthless() {
    let fields = ["createdAt", "langs", "tags", "facets", "reply", "embed"];
    let odd = [
        json!(7),
        json!(-0.5),
        json!(true),
        json!("x"),
        json!([7, "x", [], {}, null]),
        json!({"root": 1, "external": [], "media": "x"}),
    ];
    for field in fields {
        for value in &odd {
            let message =
                with(v2(&record()), &format!("/payload/record/{field}"), Some(value.clone()));
            let post = fact(&message);
            assert_eq!(post.columns[8], Value::Integer(21), "{field}: {value}");
        }
    }
    let created = |text: &str| {
        let message = with(v2(&record()), "/payload/record/createdAt", Some(json!(text)));
        match fact(&message).columns[5] {
            Value::Time(time) => Some(time),
            _ => None,
        }
    };
    assert_eq!(created("yesterday"), None);
    assert_eq!(created("0000-01-01T00:00:00Z"), None);
    let time = created("2026-05-25T16:23:28.757123+02:00");
    assert_eq!(time, Some(EventTime(1_779_719_008_757)));
}

#[test]
fn key_and_time_are_found_without_decoding() {
    for message in [v1(&record()).to_string(), v2(&record()).to_string()] {
        for spelled in [message.replace("did", "d\\u0069d"), message] {
            assert_eq!(Posts.head(spelled.as_bytes()).key, Some(Key::Text(DID.into())));
            assert_eq!(Posts.head(spelled.as_bytes()).time, Some(TIME));
        }
    }
    let identity = br#"{"did":"did:plc:a","time_us":1999,"kind":"identity"}"#;
    assert_eq!(Posts.head(identity).key, Some(Key::Text("did:plc:a".into())));
    assert_eq!(Posts.head(identity).time, Some(EventTime(1)));
    let info = br#"{"$type":"message","payload":{"$type":"x#info","name":"OutdatedCursor"}}"#;
    assert_eq!((Posts.head(info).key, Posts.head(info).time), (None, None));
    assert_eq!((Posts.head(b"{").key, Posts.head(b"[1]").time), (None, None));
}

/// Any JSON value, as authors' programs might write it.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        "https?://[a-z.]{0,12}/?".prop_map(Json::from),
        prop::sample::select(vec![TAG, LINK, RECORD, RECORD_WITH_MEDIA, "de"]).prop_map(Json::from),
    ];
    let name =
        prop::sample::select(vec!["$type", "tag", "uri", "features", "external", "media", "root"]);
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(name.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_record_holds_both_versions_are_one_fact(
        text in "\\PC{0,20}",
        field in prop::sample::select(vec!["createdAt", "langs", "tags", "facets", "reply", "embed"]),
        value in any_json(),
    ) {
        let mut record = record();
        record["text"] = json!(text);
        record[field] = value;
        let (one, two) = (v1(&record).to_string(), v2(&record).to_string());
        let post = fact(&one);
        prop_assert_eq!(&post, &fact(&two));
        prop_assert_eq!(decoder().stream().identity(&post), decoder().stream().identity(&fact(&two)));
        for terms in &post.terms {
            prop_assert!(terms.is_sorted_by(|one, next| one.key < next.key), "{:?}", terms);
        }
    }

    #[test]
    fn any_bytes_are_a_fact_skipped_or_a_dead_letter(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let fact = matches!(decoder().decode(&bytes, NOW), Ok(Decoded::Fact(_)));
        prop_assert!(!fact || Posts.head(&bytes).key.is_some());
        Posts.head(&bytes);
    }

    /// A valid message with a few bytes changed: near misses are where decoders break.
    #[test]
    fn a_damaged_message_is_a_fact_skipped_or_a_dead_letter(
        second in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let message = if second { v2(&record()) } else { v1(&record()) };
        let mut bytes = message.to_string().into_bytes();
        for (index, byte) in changes {
            let place = index.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(decoded) = decoder().decode(&bytes, NOW) {
            prop_assert!(serde_json::from_slice::<Json>(&bytes).is_ok(), "accepted invalid JSON");
            if let Decoded::Fact(fact) = decoded {
                let Value::Text(did) = &fact.columns[0] else { panic!("it is one") };
                prop_assert_eq!(Posts.head(&bytes).key, Some(Key::Text(did.clone())));
                prop_assert_eq!(Posts.head(&bytes).time, Some(fact.time));
            }
        }
    }
}
