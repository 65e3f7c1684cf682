//! What can be wrong with a request or with us, as problem details (RFC 9457).
//!
//! Causes are logged where they arise and never shown: the text of a database error does not help a
//! client, and it may name paths.

use std::time::Duration;

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

/// How to log in, for programs. Browsers show a window of their own for other schemes.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"pulso\"");

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
    #[error("only {allowed} are allowed here")]
    MethodNotAllowed { allowed: &'static str },
    #[error("there is no parameter `{name}` here; {}", allowed_parameters(allowed))]
    UnknownParameter { name: String, allowed: Vec<&'static str> },
    #[error("the parameter `{name}` is missing; it must be {allowed}")]
    MissingParameter { name: &'static str, allowed: String },
    #[error("the parameter `{name}` is given more than once")]
    RepeatedParameter { name: &'static str },
    #[error("the parameter `{name}` is given {count} times; it may be given {max} times at most")]
    TooManyTexts { name: &'static str, count: usize, max: usize },
    #[error("the parameter `{name}` must be {allowed}, not `{value}`")]
    InvalidParameter { name: &'static str, value: String, allowed: String },
    #[error("the query string cannot be read as `name=value` pairs joined by `&`")]
    InvalidQuery(#[from] QueryRejection),
    #[error("not ready: {reason}")]
    NotReady { reason: String },
    #[error("a request has no body here")]
    BodyNotAllowed,
    #[error("the body may have {bytes_max} bytes")]
    BodyTooLong { bytes_max: usize },
    #[error("the body did not come in time")]
    SlowBody,
    #[error("the body ended before its end")]
    BrokenBody,
    #[error("the body must be JSON, with `content-type: application/json`")]
    NotJson,
    #[error("the body must be {allowed}")]
    InvalidBody { allowed: &'static str },
    #[error("log in first, or send a token as `authorization: Bearer TOKEN`")]
    NotLoggedIn,
    #[error("the name or the password is wrong")]
    WrongLogin,
    #[error("nobody logs in here")]
    NoLogin,
    #[error("`{name}` may look at everything, but change nothing")]
    OnlyReads { name: String },
    #[error("only the pages of this service may ask for a change")]
    ForeignPage,
    #[error(
        "this service does not go by the name `{host}`; use an address in digits, or add the name to `guard.hosts`"
    )]
    ForeignName { host: String },
    #[error("too many requests; try again in {}", seconds(*after))]
    TooManyRequests { after: Duration },
    #[error("too many logins; try again in {}", seconds(*after))]
    TooManyLogins { after: Duration },
    #[error("{reason}")]
    Conflict { reason: String },
    #[error("no stream of responses to events is served here, so there is no organiser's desk")]
    NoDesk,
    #[error(
        "messages may say who people are, and members are shown only where `privacy.show_members` allows it"
    )]
    NotShown,
    #[error("{reason}")]
    NoMessage { reason: String },
    #[error("{reason}")]
    UnknownSource { reason: String },
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
            Self::MethodNotAllowed { .. } => (
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
            | Self::TooManyTexts { .. }
            | Self::InvalidParameter { .. }
            | Self::InvalidQuery(_) => {
                (StatusCode::BAD_REQUEST, "urn:pulso:invalid-parameter", "Invalid parameter")
            }
            Self::BodyNotAllowed => {
                (StatusCode::PAYLOAD_TOO_LARGE, "urn:pulso:body-not-allowed", "Body not allowed")
            }
            Self::BodyTooLong { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "urn:pulso:body-too-long", "Body too long")
            }
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, "urn:pulso:slow-body", "Slow body"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "urn:pulso:not-json", "Not JSON"),
            Self::BrokenBody | Self::InvalidBody { .. } => {
                (StatusCode::BAD_REQUEST, "urn:pulso:invalid-body", "Invalid body")
            }
            Self::NotLoggedIn => {
                (StatusCode::UNAUTHORIZED, "urn:pulso:not-logged-in", "Not logged in")
            }
            Self::WrongLogin => (StatusCode::UNAUTHORIZED, "urn:pulso:wrong-login", "Wrong login"),
            Self::NoLogin => (StatusCode::CONFLICT, "urn:pulso:no-login", "No login"),
            Self::OnlyReads { .. } => (StatusCode::FORBIDDEN, "urn:pulso:only-reads", "Only reads"),
            Self::ForeignPage => (StatusCode::FORBIDDEN, "urn:pulso:foreign-page", "Foreign page"),
            Self::ForeignName { .. } => {
                (StatusCode::MISDIRECTED_REQUEST, "urn:pulso:foreign-name", "Foreign name")
            }
            Self::TooManyRequests { .. } | Self::TooManyLogins { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "urn:pulso:too-many", "Too many requests")
            }
            Self::Conflict { .. } => (StatusCode::CONFLICT, "urn:pulso:conflict", "Conflict"),
            Self::NoDesk => (StatusCode::NOT_FOUND, "urn:pulso:no-desk", "No organiser's desk"),
            Self::NotShown => (StatusCode::FORBIDDEN, "urn:pulso:not-shown", "Not shown"),
            Self::NoMessage { .. } => {
                (StatusCode::NOT_FOUND, "urn:pulso:no-message", "No such message")
            }
            Self::UnknownSource { .. } => {
                (StatusCode::NOT_FOUND, "urn:pulso:unknown-source", "Unknown source")
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
        let problem =
            Problem { problem_type, title, status: status.as_u16(), detail, instance: None };
        let mut response = problem.into_response();
        let headers = response.headers_mut();
        match self {
            Self::TooManyRequests { after } | Self::TooManyLogins { after } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
            }
            Self::NotLoggedIn | Self::WrongLogin => {
                headers.insert(header::WWW_AUTHENTICATE, BEARER);
            }
            _ => {}
        }
        response
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

/// A wait that is never too short.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn seconds(wait: Duration) -> String {
    match whole_seconds(wait) {
        1 => "a second".to_owned(),
        seconds => format!("{seconds} seconds"),
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
