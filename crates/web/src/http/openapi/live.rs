//! The description of the events of a stream.

use serde_json::{Value, json};

use super::{operation as described, type_schema};
use crate::http::Options;
use pulso_model::FieldType;

const EVENTS: &str = "Server-sent events. `state`: how far the stream is, the first event of a new \
    client. `window`: panes and windows that end after `after`, up to `closed_until`, are in the views. \
    `batch`: the batch layer has finished a run, so answers about past days may have changed. `reset`: \
    the id that the client came with means nothing here (`reason`), so nothing that it has is worth \
    keeping; otherwise as `state`. `unavailable` and `available`: whether the views can be read. \
    `logged_out`: the login has ended, and so does the stream. A client that comes back with the id of its \
    last event gets what it missed. A line of comment says every 15 seconds that the connection is alive; \
    after ten minutes the client is asked to come back.";

pub(super) fn operation(options: &Options) -> Value {
    let text = type_schema(FieldType::Text);
    let summary = "What changes in a stream, as it changes";
    let mut live = described("listenToStream", summary, "text/event-stream", text.clone());
    live["description"] = json!(EVENTS);
    let names: Vec<_> = options.streams.iter().map(|served| served.stream.name).collect();
    live["parameters"] = json!([
        {
            "name": "stream", "in": "path", "required": true,
            "schema": { "type": "string", "enum": names },
        },
        {
            "name": "Last-Event-ID", "in": "header", "schema": text,
            "description": "The id of the last event that the client has.",
        },
    ]);
    live
}
