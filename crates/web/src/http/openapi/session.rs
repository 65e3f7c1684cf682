//! The description of logins, and of what every operation needs and may be refused for.

use serde_json::{Map, Value, json};

use super::{object, operation, problem_of, reference, type_schema};
use pulso_model::FieldType;

/// What answers without a login.
const OPEN: [&str; 4] = ["/api/v1/session", "/healthz", "/readyz", "/metrics"];

/// How to show who one is.
pub(super) fn schemes() -> Value {
    json!({
        "session": {
            "type": "apiKey", "in": "cookie", "name": "pulso",
            "description": "The cookie of a login; over TLS it is called `__Host-pulso`.",
        },
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "A token of the file with accounts.",
        },
    })
}

pub(super) fn needed() -> Value {
    json!([{ "session": [] }, { "token": [] }])
}

/// 429 has a header that others lack.
pub(super) fn too_many() -> Value {
    let mut problem = problem_of("Too many requests, or logins.");
    let schema = json!({ "type": "integer", "minimum": 1 });
    let description = "After how many seconds to try again.";
    problem["headers"] = json!({ "Retry-After": { "required": true, "schema": schema, "description": description } });
    problem
}

/// Adds to every operation what it may be refused for.
pub(super) fn guard_paths(paths: &mut Map<String, Value>) {
    for (path, operations) in paths {
        let open = OPEN.contains(&path.as_str());
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            if open {
                operation["security"] = json!([]);
            }
            let answers = &mut operation["responses"];
            answers["429"] = reference("responses", "TooMany");
            if !open || method == "post" {
                answers["401"] = reference("responses", "Problem");
            }
            if method != "get" {
                answers["403"] = reference("responses", "Problem");
            }
        }
    }
}

pub(super) fn operations() -> Value {
    let or_null = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let text = || type_schema(FieldType::Text);
    let role = json!({ "type": "string", "enum": ["read", "write"] });
    let who = object(&[
        ("login", type_schema(FieldType::Boolean)),
        ("name", or_null(text())),
        ("role", or_null(role)),
    ]);
    let described =
        |id: &str, summary: &str| operation(id, summary, "application/json", who.clone());
    let mut log_in = described("logIn", "Logs in, and sets the cookie of the session");
    let mut login = object(&[("name", text()), ("password", text())]);
    login["additionalProperties"] = json!(false);
    log_in["requestBody"] =
        json!({ "required": true, "content": { "application/json": { "schema": login } } });
    json!({
        "get": described("showSession", "Who one is; `login` says whether people log in here"),
        "post": log_in,
        "delete": described("logOut", "Ends the session at once, wherever it is used"),
    })
}
