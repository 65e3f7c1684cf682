//! What a request must show to be let in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use futures::StreamExt;

use super::super::{Change, Error};
use super::Guard;
use super::audit::{Event, What};
use super::client::{self, Client};
use super::sessions::{Login, Session};
use crate::caller::{Caller, Role};

/// How long a client may take to send a body.
const BODY_WAIT: Duration = Duration::from_secs(5);

/// Whom nobody asks who they are.
const LOCAL: &str = "local";

/// What a route allows.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Rules {
    pub(in crate::http) access: Access,
    /// What its other methods than `GET` and `HEAD` do.
    pub(in crate::http) effect: Effect,
    /// Whether one can look at it, too.
    pub(in crate::http) reads: bool,
    /// 0: no body at all.
    pub(in crate::http) body_bytes_max: usize,
}

/// What requests other than to look do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Effect {
    /// There are none.
    None,
    /// They take time, and change nothing.
    Trial,
    Change,
}

/// What a route asks of those who come to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Access {
    /// Nothing: what a browser needs to show the login.
    Open,
    /// As little as is configured, for programs that watch.
    Probe,
    /// To be logged in where people are; and to be allowed to write, if it changes something.
    Login,
}

/// A request that may go on.
#[derive(Debug)]
pub(in crate::http) struct Admitted {
    pub(in crate::http) request: Request,
    /// What is to be written down when it has been answered.
    pub(in crate::http) change: Option<Event>,
}

impl Guard {
    /// Lets a request in, with its [`Client`], its [`Caller`], its [`Login`] and its [`Session`] as extensions.
    ///
    /// # Errors
    /// Why it must not go on.
    pub(in crate::http) async fn admit(
        &self,
        rules: &Rules,
        mut request: Request,
    ) -> Result<Admitted, Error> {
        let trusted = &self.trusted_proxies;
        let client = Client::new(request.extensions(), request.headers(), trusted);
        if self.limit_loopback || !client.address.is_loopback() {
            self.requests.take(client.key()).map_err(|after| Error::TooManyRequests { after })?;
        }
        let identity = self.identify(&request, client);
        let open = match rules.access {
            Access::Open => true,
            Access::Probe => self.open_probes,
            Access::Login => false,
        };
        let host = client::host(request.extensions(), request.headers(), trusted);
        if !self.asks() && rules.access != Access::Probe {
            let own = host.is_none_or(|host| client::is_own(host, &self.hosts));
            own.then_some(())
                .ok_or_else(|| Error::ForeignName { host: host.unwrap_or_default().to_owned() })?;
        }
        if identity.caller.is_none() && !open {
            return Err(Error::NotLoggedIn);
        }
        let effect = if request.method().is_safe() { Effect::None } else { rules.effect };
        if effect != Effect::None && !identity.bearer {
            client::check_origin(request.headers(), host, identity.session.is_some())?;
        }
        let mut change = None;
        if effect == Effect::Change && rules.access == Access::Login {
            let caller = identity.caller.as_ref().ok_or(Error::NotLoggedIn)?;
            if caller.role < Role::Write {
                return Err(Error::OnlyReads { name: caller.name.clone() });
            }
            let what = format!("{} {}", request.method(), request.uri().path());
            let event = Event::new(What::Change, Some(caller), client);
            change = Some(Event { request: Some(what), ..event });
        }
        let extensions = request.extensions_mut();
        extensions.insert(client);
        if let Some(session) = identity.session {
            extensions.insert(session);
        }
        if let Some(login) = identity.login {
            extensions.insert(login);
        }
        if let Some(caller) = identity.caller {
            extensions.insert(caller);
        }
        Ok(Admitted { request: with_body(request, rules).await?, change })
    }

    /// Writes down what an admitted request has changed.
    pub(in crate::http) async fn answered(&self, change: Option<Event>, response: &mut Response) {
        let said = response.extensions_mut().remove::<Change>().map(|Change(text)| text);
        if let Some(event) = change {
            let status = Some(response.status().as_u16());
            self.note(&Event { status, change: said, ..event }).await;
        }
    }

    /// Who somebody is.
    fn identify(&self, request: &Request, client: Client) -> Identity {
        let Some(accounts) = &self.accounts else {
            let caller = Caller { name: LOCAL.to_owned(), role: Role::Write };
            return Identity { caller: Some(caller), ..Identity::default() };
        };
        let headers = request.headers();
        // Whoever brings a token means it, also where a browser adds a cookie.
        if let Some(token) = bearer(headers) {
            let accounts = accounts.now();
            let account = accounts.bearer(token);
            let caller = account.map(|account| account.caller.clone());
            let login = account.map(Login::by_token);
            return Identity { caller, login, session: None, bearer: true };
        }
        let session =
            cookie(headers, cookie_name(client)).and_then(|token| self.sessions.find(token));
        let caller = session.as_ref().map(|session| session.caller.clone());
        let login = session.as_ref().map(|session| session.login.clone());
        Identity { caller, login, session, bearer: false }
    }
}

/// Who somebody is, and how that was shown.
#[derive(Debug, Default)]
struct Identity {
    caller: Option<Caller>,
    login: Option<Login>,
    session: Option<Arc<Session>>,
    /// By a header that no browser adds by itself.
    bearer: bool,
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The name of the cookie of a session. With the prefix, browsers take it from this very host and over TLS only.
pub(in crate::http) fn cookie_name(client: Client) -> &'static str {
    if client.https { "__Host-pulso" } else { "pulso" }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.find_map(|pair| {
        pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value)
    })
}

/// A request with its whole body, which is as long as it may be.
async fn with_body(request: Request, rules: &Rules) -> Result<Request, Error> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let bytes_max = rules.body_bytes_max;
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    if looks && !rules.reads {
        // The route will say that it has no such method.
        return Ok(request.map(|_| Body::empty()));
    }
    // It would only be read to be thrown away.
    if bytes_max == 0 || looks {
        return Err(Error::BodyNotAllowed);
    }
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    // No form sends this, so no foreign page can without being allowed to first.
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Error::NotJson);
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_WAIT, read(body, bytes_max)).await;
    let bytes = read.map_err(|_| Error::SlowBody)??;
    Ok(Request::from_parts(head, Body::from(bytes)))
}

async fn read(body: Body, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let too_long = || Error::BodyTooLong { bytes_max };
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Error::BrokenBody)?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
