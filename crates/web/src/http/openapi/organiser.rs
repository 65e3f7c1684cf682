//! The description of the organiser's desk.

use pulso_model::FieldType;
use serde_json::{Map, Value, json};

use super::{API, list_schema, object, operation, type_schema};
use crate::http::organiser::NOTE_CHARACTERS_MAX;
use crate::http::organiser::parameters::{
    DISTANCE_KM_MAX, Kind, LIMIT_MAX, LIMIT_USUAL, TOPICS_MAX,
};
use crate::http::parameters::TEXT_CHARACTERS_MAX;

/// No white space; NEL is such here, but not in the expressions of JavaScript.
const SOME_TEXT: &str = r"[^\s\u0085]";

pub(super) fn paths() -> Map<String, Value> {
    let get = |kind: Kind, id, summary, list: Value| {
        let mut described = operation(id, summary, "application/json", with(list));
        super::may_be_kept(&mut described);
        described["parameters"] = kind.allowed().iter().map(|name| parameter(name)).collect();
        described
    };
    let lists = [
        (
            "groups",
            get(
                Kind::Groups,
                "listOwnableGroups",
                "Groups with upcoming events, those that most come to first",
                object(&[("groups", list_schema(group()))]),
            ),
        ),
        (
            "events",
            get(
                Kind::Own,
                "listOwnEvents",
                "The organiser's upcoming events, the next first",
                object(&[("events", list_schema(own_event()))]),
            ),
        ),
        (
            "candidates",
            get(
                Kind::Candidates,
                "listCandidates",
                "Whom to invite to which of the organiser's events, and why; the best first",
                object(&[("candidates", list_schema(candidate()))]),
            ),
        ),
        (
            "conversions",
            get(
                Kind::Own,
                "showConversions",
                "How many contacts led to a yes, by reason and over time",
                conversions(),
            ),
        ),
    ];
    let path = |name: &str| format!("{API}/organiser/{name}");
    let lists = lists.into_iter();
    let mut paths: Map<_, _> =
        lists.map(|(name, get)| (path(name), json!({ "get": get }))).collect();
    let summary = "Who was contacted about the organiser's events, the latest first";
    let list = object(&[("contacts", list_schema(contact()))]);
    let mut contacts = get(Kind::Contacts, "listContacts", summary, list);
    contacts["responses"]["200"]["content"]["text/csv"] = json!({ "schema": text() });
    paths.insert(path("contacts"), json!({ "get": contacts, "post": note() }));
    paths
}

fn note() -> Value {
    let summary = "Marks a candidate as contacted about an event";
    let mut note = operation("noteContact", summary, "application/json", contact());
    note["parameters"] = Kind::Own.allowed().iter().map(|name| parameter(name)).collect();
    let mut body = object(&[("person", text()), ("event", text())]);
    body["properties"]["note"] = json!({ "type": "string", "maxLength": NOTE_CHARACTERS_MAX });
    body["additionalProperties"] = json!(false);
    note["requestBody"] =
        json!({ "required": true, "content": { "application/json": { "schema": body } } });
    note["description"] = json!(
        "`person` and `event` are those of a candidate as listed with the same parameters. Whoever is no \
         candidate any more is refused with status 409."
    );
    note
}

fn parameter(name: &str) -> Value {
    let some_text = || {
        json!({
            "type": "string", "pattern": SOME_TEXT,
            "minLength": 1, "maxLength": TEXT_CHARACTERS_MAX,
        })
    };
    // With room around it, which does not count.
    let (room, inner) = (r"[\s\u0085]*", TEXT_CHARACTERS_MAX - 2);
    let topic = format!(r"{room}[^,\s\u0085]([^,]{{0,{inner}}}[^,\s\u0085])?{room}");
    let (schema, description) = match name {
        "own" => (
            json!({
                "type": "string", "pattern": format!("^(group|topic):{SOME_TEXT}"),
                "maxLength": TEXT_CHARACTERS_MAX,
            }),
            "Which events are the organiser's: those of a group, as `group:` and the name in its url, or those \
             of all groups with a topic, as `topic:` and the topic.",
        ),
        "search" => (some_text(), "Only groups whose name has this in it."),
        "relevant" => (
            json!({
                "type": "string",
                "pattern": format!("^{topic}(,{topic}){{0,{}}}$", TOPICS_MAX - 1),
            }),
            "Topics that make other events relevant, joined by commas; without it those of the \
             configuration, or of the organiser's group.",
        ),
        "distance_km" => (
            json!({ "type": "number", "minimum": 0, "maximum": DISTANCE_KM_MAX }),
            "How far the event that a candidate said yes to is from the organiser's at most.",
        ),
        "own_members" => (
            json!({ "type": "boolean" }),
            "Whether members are candidates who have answered one of the organiser's events before.",
        ),
        "format" => {
            (json!({ "type": "string", "enum": ["json", "csv"] }), "How contacts are shown.")
        }
        _ => (
            json!({
                "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_USUAL,
            }),
            "The most entries in the answer.",
        ),
    };
    json!({ "name": name, "in": "query", "schema": schema, "description": description })
}

fn text() -> Value {
    type_schema(FieldType::Text)
}

fn texts() -> Value {
    list_schema(text())
}

fn number() -> Value {
    type_schema(FieldType::Float)
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn time() -> Value {
    type_schema(FieldType::Time)
}

fn or_null(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// What all answers begin with, and `rest`.
fn with(mut rest: Value) -> Value {
    let from = json!({ "type": "string", "enum": ["request", "configuration", "demo"] });
    let by = json!({ "type": "string", "enum": ["group", "topic"] });
    let boolean = || type_schema(FieldType::Boolean);
    let about = [
        ("choice", or_null(object(&[("by", by), ("name", text()), ("from", from)]))),
        ("relevant", texts()),
        ("distance_km", number()),
        ("own_members", boolean()),
        ("as_of", or_null(time())),
        ("since", or_null(time())),
        ("responses", count()),
        ("past_since", or_null(time())),
        ("members_shown", boolean()),
        ("can_contact", boolean()),
        ("demo_seconds", or_null(count())),
        ("recent_seconds", count()),
        ("cooling_seconds", count()),
        ("change_seconds", count()),
    ];
    for (name, schema) in about {
        rest["properties"][name] = schema;
        super::require(&mut rest, name, true);
    }
    rest
}

fn group() -> Value {
    object(&[
        ("urlname", text()),
        ("name", or_null(text())),
        ("city", or_null(text())),
        ("topics", texts()),
        ("events", count()),
        ("yes", count()),
    ])
}

fn event() -> Vec<(&'static str, Value)> {
    let location = object(&[("lat", number()), ("lon", number())]);
    vec![
        ("id", text()),
        ("name", or_null(text())),
        ("url", or_null(text())),
        ("time", or_null(time())),
        ("group", or_null(text())),
        ("city", or_null(text())),
        ("location", or_null(location)),
    ]
}

fn own_event() -> Value {
    let change = ("change", type_schema(FieldType::Integer));
    let mut fields = event();
    fields.extend([("yes", count()), ("no", count()), change]);
    fields.extend([("contacts", count()), ("conversions", count())]);
    object(&fields)
}

fn candidate() -> Value {
    let share = || json!({ "type": "number", "minimum": 0, "maximum": 1 });
    let topic = object(&[("topic", text()), ("wanted", text()), ("similarity", share())]);
    object(&[
        ("person", text()),
        ("name", text()),
        ("score", share()),
        ("event", object(&event())),
        ("said_yes_to", object(&event())),
        ("said_at", time()),
        ("km", number()),
        ("relevance", share()),
        ("topics", list_schema(topic)),
        ("yes", count()),
        ("kept", count()),
        ("reasons", texts()),
    ])
}

fn contact() -> Value {
    object(&[
        ("time", time()),
        ("person", text()),
        ("name", text()),
        ("event", text()),
        ("event_name", or_null(text())),
        ("by", text()),
        ("note", text()),
        ("km", or_null(number())),
        ("reasons", texts()),
        ("converted", or_null(time())),
        ("converted_event", or_null(text())),
    ])
}

fn conversions() -> Value {
    let reason = object(&[("reason", text()), ("contacts", count()), ("conversions", count())]);
    let chart = object(&[
        ("start", or_null(time())),
        ("interval_seconds", count()),
        ("others", list_schema(count())),
        ("converted", list_schema(count())),
    ]);
    let newest = object(&[
        ("time", time()),
        ("person", text()),
        ("name", text()),
        ("event", text()),
        ("event_name", or_null(text())),
        ("contacted", time()),
        ("reasons", texts()),
    ]);
    object(&[
        ("contacts", count()),
        ("conversions", count()),
        ("reasons", list_schema(reason)),
        ("chart", chart),
        ("newest", list_schema(newest)),
    ])
}
