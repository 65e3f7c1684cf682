//! The description of single messages.

use std::collections::BTreeSet;

use pulso_model::FieldType;
use serde_json::{Map, Value, json};

use super::{API, list_schema, object, operation, type_schema};
use crate::http::Options;
use crate::http::feed::wanted;
use crate::http::parameters::TEXT_CHARACTERS_MAX;

pub(super) fn paths(options: &Options) -> Map<String, Value> {
    let path = |name: &str| format!("{API}/streams/{{stream}}/{name}");
    Map::from_iter([
        (path("sources"), json!({ "get": sources(options) })),
        (path("messages"), json!({ "get": feed(options) })),
        (path("message"), json!({ "get": message(options) })),
        (path("messages/{partition}/{offset}"), json!({ "get": message_at(options) })),
        (path("try"), json!({ "post": trial(options) })),
        (format!("{API}/sources/{{source}}/pause"), json!({ "post": switch(true) })),
        (format!("{API}/sources/{{source}}/resume"), json!({ "post": switch(false) })),
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
    let state = object(&[
        ("paused_since", time.clone()),
        ("read", number()),
        ("filtered", number()),
        ("sampled_out", number()),
        ("filter_errors", number()),
    ]);
    let state = json!({ "anyOf": [state, { "type": "null" }] });
    let source = object(&[
        ("name", text()),
        ("messages", number()),
        ("last_received", time),
        ("state", state),
    ]);
    let found = object(&[("searched", number()), ("sources", list_schema(source))]);
    let summary = "The sources of a stream, and when each was last heard of";
    let mut described = operation("listSources", summary, "application/json", found);
    described["description"] = json!(
        "All that ever wrote to the log, with what the newest messages of each partition tell: `searched` of \
         each. `state` is what acquisition said last, since it began; null where it runs over another data folder. \
         404 says that the log is not read here."
    );
    described["parameters"] = json!([stream(options)]);
    described
}

fn switch(pause: bool) -> Value {
    let (id, summary) = match pause {
        true => (
            "pauseSource",
            "Pauses a source: it is not read until it is resumed, also after a restart",
        ),
        false => ("resumeSource", "Lets a source go on where it was paused"),
    };
    let time = json!({ "type": ["string", "null"], "format": "date-time" });
    let answer = object(&[("name", text()), ("paused_since", time)]);
    let mut described = operation(id, summary, "application/json", answer);
    described["description"] = json!(
        "Acquisition does so within a second. Safe to repeat. 404 says that acquisition reads no such source into \
         this data folder."
    );
    let schema = json!({ "type": "string", "minLength": 1, "maxLength": 64 });
    described["parameters"] =
        json!([{ "name": "source", "in": "path", "required": true, "schema": schema }]);
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

const FEED: &str = "Server-sent events: each message as the other operations show it, from where `from` or \
    `Last-Event-ID` says. The filters are called as the facts of the stream call what they compare (kind, scope, \
    terms); each may be repeated, and then any of its texts will do. Without filters, messages that are no facts come, \
    too. Each client reads the log at its own pace. `missed`: so many messages of a partition are not in the log any \
    more. `logged_out`: the login has ended, and so does the stream. A line of comment says every 15 seconds that the \
    connection is alive; after ten minutes the client is asked to come back, and goes on where it was. Refused with status 403 where members are not shown \
    (`privacy.show_members`); 404 says that there is no log, or that the id is of another.";

fn feed(options: &Options) -> Value {
    let summary = "The messages of a stream, as they come";
    let mut described = operation("followMessages", summary, "text/event-stream", text());
    described["description"] = json!(FEED);
    let from = json!({
        "name": "from", "in": "query", "schema": text(),
        "description": "`now` (the default), `start`, or the id of an event.",
    });
    let last = json!({
        "name": "Last-Event-ID", "in": "header", "schema": text(),
        "description": "The id of the last event that the client has.",
    });
    let names: BTreeSet<_> =
        options.streams.iter().flat_map(|served| wanted::names(served.stream)).collect();
    let filter = |name| {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS_MAX });
        json!({ "name": name, "in": "query", "schema": list_schema(schema) })
    };
    let parameters = [stream(options), from, last].into_iter().chain(names.into_iter().map(filter));
    described["parameters"] = parameters.collect();
    described
}

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
