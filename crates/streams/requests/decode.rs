//! Web access logs: from a line of a server to a [`Fact`], or to the reason why there is none.
//!
//! The format of each line is found from the line itself: Apache's and nginx's lines of text, with or without
//! virtual host, and the JSON of Caddy and Traefik. A server writes few different user agents, so what is known
//! of one is remembered by its text.

mod address;
mod agent;
mod json;
mod line;
mod place;
mod stored;
#[cfg(test)]
mod tests;
mod time;
mod url;

use std::borrow::Cow;

use pulso_model::{
    DeadLetter, Decode, Decoded, EventTime, Fact, Head, Key, Reason, StoreOptions, Term, Value,
};

use crate::domain;
use agent::Agent;
use stored::Stored;

/// The kinds in the order of the descriptor: `1xx` to `5xx`.
#[cfg(test)]
const KINDS: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The columns in the order of [`fact`]; that of the descriptor, as a test shows.
#[cfg(test)]
const COLUMNS: [&str; 13] = [
    "source_ip",
    "user_name",
    "url_domain",
    "method",
    "url",
    "http_version",
    "status",
    "referrer_url",
    "user_agent",
    "browser",
    "os",
    "device",
    "duration_us",
];

/// Longer ones are no pages, but somebody's attempt to break in. They count as requests all the same.
const PATH_BYTES_MAX: usize = 1024;

/// Decodes lines of access logs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requests;

impl Decode for Requests {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        let stored = Stored::new(payload);
        match read(&stored)? {
            Line::Request(request) => fact(stored, request),
            Line::Skipped(reason) => Ok(Decoded::Skipped(Cow::Borrowed(reason))),
        }
    }

    /// The client and the time.
    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        match read(&Stored::new(payload)) {
            Ok(Line::Request(request)) => {
                Head { key: Some(Key::Text(request.client)), time: Some(request.time) }
            }
            _ => Head::default(),
        }
    }

    fn stored(&self, payload: &[u8], options: &StoreOptions) -> Option<Vec<u8>> {
        Some(stored::line(payload, options))
    }
}

/// What a server says of one request, whatever the format.
#[derive(Debug)]
struct Request<'a> {
    /// An address, or a name.
    client: Cow<'a, str>,
    virtual_host: Option<Cow<'a, str>>,
    user: Option<Cow<'a, str>>,
    time: EventTime,
    method: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
    /// Without `HTTP/`.
    version: Option<Cow<'a, str>>,
    status: u16,
    bytes: u64,
    /// Until the end of the answer, in microseconds.
    duration_us: Option<i64>,
    referrer: Option<Cow<'a, str>>,
    agent: Option<Cow<'a, str>>,
    /// As found when the line was stored, as addresses move; lines of text have it in front.
    country: Option<Cow<'a, str>>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, on its way to a fact")]
enum Line<'a> {
    Request(Request<'a>),
    /// Well-formed, but no request.
    Skipped(&'static str),
}

fn read<'a>(stored: &Stored<'a>) -> Result<Line<'a>, DeadLetter> {
    match stored.line.first() {
        Some(b'{') => json::read(stored.line),
        Some(b'#') => Ok(Line::Skipped("comment")),
        _ => line::read(stored.line).map(Line::Request).map_err(|problem| {
            let column = stored.begin + problem.at + 1;
            let detail = format!("column {column}: expected {}", problem.expected);
            DeadLetter::new(Reason::InvalidText, detail)
        }),
    }
}

fn fact<'a>(stored: Stored<'a>, request: Request<'a>) -> Result<Decoded<'a>, DeadLetter> {
    let Some(kind) = kind(request.status) else {
        // What servers write when a client has gone before there was an answer.
        if request.status == 0 {
            return Ok(Decoded::Skipped(Cow::Borrowed("unanswered")));
        }
        let detail = format!("the status is {}, not 100 to 599", request.status);
        return Err(DeadLetter::new(Reason::InvalidValue, detail));
    };
    let country = stored.country.or(request.country);
    let country = country.unwrap_or(Cow::Borrowed(address::UNKNOWN));
    let host = request.virtual_host.or(stored.host);
    let agent = request.agent.as_deref().map_or(Agent::NONE, agent::of);
    let path = request.url.as_ref().and_then(url::path);
    let path = path.filter(|path| path.len() <= PATH_BYTES_MAX);
    let referrer =
        request.referrer.as_ref().and_then(|referrer| referrer_host(referrer, host.as_deref()));
    let terms = [
        one(path.map(|path| Term { key: path.clone(), name: path })),
        one(referrer.map(|host| Term { key: host.clone(), name: host })),
        one(agent.term()),
        Vec::new(),
    ];
    let columns = vec![
        Value::Text(request.client),
        request.user.into(),
        host.into(),
        request.method.into(),
        request.url.into(),
        request.version.into(),
        Value::Integer(request.status.into()),
        request.referrer.into(),
        request.agent.into(),
        Value::Text(agent.family),
        agent.os.map(Cow::Borrowed).into(),
        Value::Text(Cow::Borrowed(agent.device.name())),
        request.duration_us.into(),
    ];
    let sums = [request.bytes, 0, 0, 0];
    Ok(Decoded::Fact(Fact {
        time: request.time,
        place: place::middle(&country),
        scope: country,
        kind,
        sums,
        terms,
        columns,
    }))
}

fn kind(status: u16) -> Option<u8> {
    (100..600).contains(&status).then(|| u8::try_from(status / 100 - 1).unwrap_or_default())
}

fn one(term: Option<Term<'_>>) -> Vec<Term<'_>> {
    term.filter(|term| !term.key.is_empty()).into_iter().collect()
}

/// The host of a page that led here, unless it is the server's own.
fn referrer_host<'a>(referrer: &Cow<'a, str>, own: Option<&str>) -> Option<Cow<'a, str>> {
    let host = domain::of(referrer.clone())?;
    let own = own.map(|own| own.strip_prefix("www.").unwrap_or(own));
    let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(&host));
    (!is_own).then_some(host)
}
