//! The description of single messages.

use pulso_model::FieldType;
use serde_json::{Map, Value, json};

use super::{API, list_schema, object, operation, type_schema};
use crate::http::Options;
use crate::http::parameters::TEXT_CHARACTERS_MAX;

pub(super) fn paths(options: &Options) -> Map<String, Value> {
    let path = |name: &str| format!("{API}/streams/{{stream}}/{name}");
    Map::from_iter([
        (path("sources"), json!({ "get": sources(options) })),
        (path("message"), json!({ "get": message(options) })),
        (path("messages/{partition}/{offset}"), json!({ "get": message_at(options) })),
        (path("try"), json!({ "post": trial(options) })),
    ])
}

fn text() -> Value {
    type_schema(FieldType::Text)
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn stream(options: &Options) -> Value {
    let names: Vec<_> = options.streams.iter().map(|served| served.stream.name).collect();
    let schema = json!({ "type": "string", "enum": names });
    json!({ "name": "stream", "in": "path", "required": true, "schema": schema })
}

fn sources(options: &Options) -> Value {
    let time = json!({ "type": ["string", "null"], "format": "date-time" });
    let source = object(&[("name", text()), ("messages", number()), ("last_received", time)]);
    let found = object(&[("searched", number()), ("sources", list_schema(source))]);
    let summary = "The sources of a stream, and when each was last heard of";
    let mut described = operation("listSources", summary, "application/json", found);
    described["description"] = json!(
        "All that ever wrote to the log, with what the newest messages of each partition tell: `searched` of \
         each. 404 says that the log is not read here."
    );
    described["parameters"] = json!([stream(options)]);
    described
}

fn found() -> Value {
    let time = || json!({ "type": "string", "format": "date-time" });
    let mut found = object(&[
        ("stream", text()),
        ("partition", number()),
        ("offset", number()),
        ("source", text()),
        ("received", time()),
        ("logged", time()),
    ]);
    found["properties"]["payload"] = text();
    found["properties"]["payload_hex"] =
        json!({ "type": "string", "description": "Instead of `payload`, if that is no text." });
    found
}

const SHOWN: &str = "Refused with status 403 where members are not shown (`privacy.show_members`); 404 says that \
                     the log has no such message, or is not read here.";

fn message_at(options: &Options) -> Value {
    let summary = "A message as it is in the log, by its place";
    let mut described = operation("showMessage", summary, "application/json", found());
    described["description"] = json!(SHOWN);
    let part =
        |name: &str| json!({ "name": name, "in": "path", "required": true, "schema": number() });
    described["parameters"] = json!([stream(options), part("partition"), part("offset")]);
    described
}

fn message(options: &Options) -> Value {
    let summary = "The message that a fact was made from";
    let mut described = operation("showMessageOfFact", summary, "application/json", found());
    described["description"] =
        json!(format!("The newest messages of each partition are searched for it. {SHOWN}"));
    let id = json!({ "type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS_MAX });
    let fact = json!({
        "name": "fact", "in": "query", "required": true, "schema": id,
        "description": "The `_id` of the fact.",
    });
    described["parameters"] = json!([stream(options), fact]);
    described
}

fn trial(options: &Options) -> Value {
    let outcomes = json!({ "type": "string", "enum": ["fact", "skipped", "dead_letter"] });
    let mut outcome = object(&[("outcome", outcomes)]);
    let described = |text: &str| json!({ "type": "string", "description": text });
    outcome["properties"]["reason"] = described("Why it is no fact.");
    outcome["properties"]["detail"] =
        described("What is wrong with a dead letter; an error of a program as VRL shows it.");
    outcome["properties"]["fact"] =
        json!({ "type": "object", "description": "The parts of the fact by name." });
    let summary = "What becomes of a message, which is neither counted nor stored";
    let mut described = operation("tryMessage", summary, "application/json", outcome);
    described["parameters"] = json!([stream(options)]);
    let mut body = object(&[("message", text())]);
    body["additionalProperties"] = json!(false);
    described["requestBody"] =
        json!({ "required": true, "content": { "application/json": { "schema": body } } });
    described
}
