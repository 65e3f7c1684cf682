//! What can be wrong with a request or with us, as problem details (RFC 9457).
//!
//! Causes are logged where they arise and never shown: the text of a database error does not help a
//! client, and it may name paths.

use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use pulso_model::View;
use serde::Serialize;

use super::API;

/// The media type of problem details.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client should wait, in seconds, when the service is briefly unable to answer.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// An error. Its `Display` is the `detail` of the problem.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("there is nothing at `{path}`; the API is described at `{API}/openapi.json`")]
    NotFound { path: String },
    #[error("there is no view `{name}`; the views are {}", names(known.iter().copied()))]
    UnknownView { name: String, known: Vec<&'static str> },
    #[error("there is no stream `{name}`; the streams are {}", names(known.iter().copied()))]
    UnknownStream { name: String, known: Vec<&'static str> },
    #[error("as many clients listen as there may be; try again")]
    TooManyListeners,
    #[error("only GET and HEAD are allowed here")]
    MethodNotAllowed,
    #[error("there is no parameter `{name}` here; {}", allowed_parameters(allowed))]
    UnknownParameter { name: String, allowed: Vec<&'static str> },
    #[error("the parameter `{name}` is missing; it must be {allowed}")]
    MissingParameter { name: &'static str, allowed: String },
    #[error("the parameter `{name}` is given more than once")]
    RepeatedParameter { name: &'static str },
    #[error("the parameter `{name}` must be {allowed}, not `{value}`")]
    InvalidParameter { name: &'static str, value: String, allowed: String },
    #[error("the query string cannot be read as `name=value` pairs joined by `&`")]
    InvalidQuery(#[from] QueryRejection),
    #[error("not ready: {reason}")]
    NotReady { reason: String },
    #[error("a request has no body here")]
    BodyNotAllowed,
    #[error("this takes too long at the moment; ask for a shorter range, or try again")]
    TooSlow,
    #[error("the views cannot be read at the moment; try again")]
    Unavailable,
    #[error("failed to read the views; see the server's log")]
    Internal,
}

/// Problem details; see RFC 9457, section 3.1.
#[derive(Clone, Debug, Serialize)]
struct Problem {
    #[serde(rename = "type")]
    problem_type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

impl Error {
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "urn:pulso:not-found", "Not found"),
            Self::UnknownView { .. } => {
                (StatusCode::NOT_FOUND, "urn:pulso:unknown-view", "Unknown view")
            }
            Self::UnknownStream { .. } => {
                (StatusCode::NOT_FOUND, "urn:pulso:unknown-stream", "Unknown stream")
            }
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "urn:pulso:method-not-allowed",
                "Method not allowed",
            ),
            Self::UnknownParameter { .. } => {
                (StatusCode::BAD_REQUEST, "urn:pulso:unknown-parameter", "Unknown parameter")
            }
            Self::MissingParameter { .. } => {
                (StatusCode::BAD_REQUEST, "urn:pulso:missing-parameter", "Missing parameter")
            }
            Self::RepeatedParameter { .. }
            | Self::InvalidParameter { .. }
            | Self::InvalidQuery(_) => {
                (StatusCode::BAD_REQUEST, "urn:pulso:invalid-parameter", "Invalid parameter")
            }
            Self::BodyNotAllowed => {
                (StatusCode::PAYLOAD_TOO_LARGE, "urn:pulso:body-not-allowed", "Body not allowed")
            }
            Self::NotReady { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "urn:pulso:not-ready", "Not ready")
            }
            Self::Unavailable | Self::TooManyListeners | Self::TooSlow => {
                (StatusCode::SERVICE_UNAVAILABLE, "urn:pulso:unavailable", "Unavailable")
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "urn:pulso:internal", "Internal error")
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, problem_type, title) = self.kind();
        let detail = self.to_string();
        Problem { problem_type, title, status: status.as_u16(), detail, instance: None }
            .into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self).expect("a problem is text and a number");
        let status = StatusCode::from_u16(self.status).expect("the status was one before");
        let content_type = HeaderValue::from_static(PROBLEM_JSON);
        let mut response = (status, [(header::CONTENT_TYPE, content_type)], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Names the request in a problem. Other answers stay as they are.
pub(super) fn with_instance(mut response: Response, uri: &Uri) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let named = Problem { instance: Some(uri.to_string()), ..problem }.into_response();
    *response.body_mut() = named.into_body();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

/// The answer where no route matches.
pub(super) fn no_route(uri: &Uri, views: &[View]) -> Error {
    let view = uri.path().strip_prefix(API).and_then(|rest| rest.strip_prefix('/'));
    match view {
        Some(name) if !name.is_empty() && !name.contains('/') => {
            let known = views.iter().map(|view| view.name()).collect();
            Error::UnknownView { name: name.to_owned(), known }
        }
        _ => Error::NotFound { path: uri.path().to_owned() },
    }
}

/// Names in backticks, joined for a sentence.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn allowed_parameters(allowed: &[&'static str]) -> String {
    if allowed.is_empty() {
        "no parameters are allowed".to_owned()
    } else {
        format!("the parameters are {}", names(allowed.iter().copied()))
    }
}
