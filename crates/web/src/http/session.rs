//! Logging in and out, and who one is.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use pulso_pipeline::Views;
use serde::{Deserialize, Serialize};

use super::guard::{Client, Session, cookie_name};
use super::{Error, Shared, json, parameters};
use crate::caller::Caller;

/// The longest login: a name and a password, with room for escapes.
pub(super) const LOGIN_BYTES_MAX: usize = 4_096;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    password: String,
}

#[derive(Debug, Serialize)]
struct Who {
    /// Whether people log in here.
    login: bool,
    name: Option<String>,
    role: Option<String>,
}

impl Who {
    fn answer(login: bool, caller: Option<Caller>) -> Response {
        let role = caller.as_ref().map(|caller| caller.role.to_string());
        let who = Self { login, name: caller.map(|caller| caller.name), role };
        json(serde_json::to_string(&who).expect("text can be shown as JSON"))
    }
}

/// Who one is.
pub(super) async fn show<V: Views>(
    State(app): Shared<V>,
    caller: Option<Extension<Caller>>,
    uri: Uri,
) -> Result<Response, Error> {
    parameters::none(&uri)?;
    Ok(Who::answer(app.options.guard.asks(), caller.map(|Extension(caller)| caller)))
}

/// Starts a session, and ends the one that the browser was in.
pub(super) async fn log_in<V: Views>(
    State(app): Shared<V>,
    Extension(client): Extension<Client>,
    session: Option<Extension<Arc<Session>>>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let allowed = "an object with the texts `name` and `password`";
    let Login { name, password } =
        serde_json::from_slice(&body).map_err(|_| Error::InvalidBody { allowed })?;
    let guard = &app.options.guard;
    let (caller, token) = guard.log_in(client, &name, password).await?;
    if let Some(Extension(session)) = session {
        guard.log_out(client, &session).await;
    }
    let cookie = cookie(client, token.reveal(), guard.session_max_seconds());
    Ok(([(header::SET_COOKIE, cookie)], Who::answer(true, Some(caller))).into_response())
}

/// Ends the session, if there is one.
pub(super) async fn log_out<V: Views>(
    State(app): Shared<V>,
    Extension(client): Extension<Client>,
    session: Option<Extension<Arc<Session>>>,
    uri: Uri,
) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let guard = &app.options.guard;
    if let Some(Extension(session)) = session {
        guard.log_out(client, &session).await;
    }
    let headers = [
        (header::SET_COOKIE, cookie(client, "", 0)),
        // Answers that the browser has kept are not for whoever comes next.
        (CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\"")),
    ];
    Ok((headers, Who::answer(guard.asks(), None)).into_response())
}

/// A cookie that scripts do not see and that no request from elsewhere carries.
fn cookie(client: Client, value: &str, seconds: u64) -> HeaderValue {
    let secure = if client.https { "; Secure" } else { "" };
    let name = cookie_name(client);
    let text =
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("names, digits and letters are valid in a header")
}
