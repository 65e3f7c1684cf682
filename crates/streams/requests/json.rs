//! Lines of JSON: those of Caddy and of Traefik.
//!
//! Caddy writes other news into the same file, which are skipped.

use std::borrow::Cow;

use pulso_model::{DeadLetter, EventTime, NUMBER_MAX, Reason};
use serde_json::{Map, Value};

use super::{Line, Request};

/// The field in which the country of the client is stored.
pub(super) const COUNTRY: &str = "pulso_country";

type Object = Map<String, Value>;

/// Reads a line.
///
/// # Errors
/// When it is no JSON, or lacks what a request needs.
pub(super) fn read<'a>(line: &[u8]) -> Result<Line<'a>, DeadLetter> {
    let mut object: Object = serde_json::from_slice(line)
        .map_err(|error| DeadLetter::new(Reason::InvalidJson, error.to_string()))?;
    if let Some(Value::Object(request)) = object.get_mut("request") {
        let request = std::mem::take(request);
        return caddy(object, request).map(Line::Request);
    }
    if object.contains_key("DownstreamStatus") || object.contains_key("RequestMethod") {
        return traefik(object).map(Line::Request);
    }
    Ok(Line::Skipped("other_message"))
}

/// <https://caddyserver.com/docs/caddyfile/directives/log>
fn caddy<'a>(mut line: Object, mut request: Object) -> Result<Request<'a>, DeadLetter> {
    let address = ["client_ip", "remote_ip", "remote_addr"].iter();
    let address = address.filter_map(|name| text(&mut request, name)).next();
    let mut headers = match request.remove("headers") {
        Some(Value::Object(headers)) => headers,
        _ => Object::new(),
    };
    Ok(Request {
        client: address.map(without_port).ok_or_else(|| missing("request.client_ip"))?,
        virtual_host: text(&mut request, "host").map(without_port),
        user: text(&mut line, "user_id"),
        time: time(line.get("ts"), "ts")?,
        method: text(&mut request, "method"),
        url: text(&mut request, "uri"),
        version: text(&mut request, "proto").map(without_http),
        status: status(line.get("status"), "status")?,
        bytes: bytes(line.get("size"), "size")?,
        duration_us: line.get("duration").and_then(|seconds| microseconds(seconds, 1e6)),
        referrer: header(&mut headers, "Referer"),
        agent: header(&mut headers, "User-Agent"),
        country: country(&mut line),
    })
}

/// <https://doc.traefik.io/traefik/observe/logs-and-access-logs/>
fn traefik<'a>(mut line: Object) -> Result<Request<'a>, DeadLetter> {
    let address = ["ClientHost", "ClientAddr"].iter();
    let address = address.filter_map(|name| text(&mut line, name)).next();
    let at = ["StartUTC", "time", "StartLocal"].into_iter().find(|name| line.contains_key(*name));
    let at = at.ok_or_else(|| missing("StartUTC"))?;
    Ok(Request {
        client: address.map(without_port).ok_or_else(|| missing("ClientHost"))?,
        virtual_host: ["RequestHost", "RequestAddr"]
            .iter()
            .filter_map(|name| text(&mut line, name))
            .next()
            .map(without_port),
        user: text(&mut line, "ClientUsername"),
        time: time(line.get(at), at)?,
        method: text(&mut line, "RequestMethod"),
        url: text(&mut line, "RequestPath"),
        version: text(&mut line, "RequestProtocol").map(without_http),
        status: status(line.get("DownstreamStatus"), "DownstreamStatus")?,
        bytes: bytes(line.get("DownstreamContentSize"), "DownstreamContentSize")?,
        duration_us: line.get("Duration").and_then(|nanos| microseconds(nanos, 1e-3)),
        referrer: text(&mut line, "request_Referer"),
        agent: text(&mut line, "request_User-Agent"),
        country: country(&mut line),
    })
}

/// A text that says something.
fn text<'a>(object: &mut Object, name: &str) -> Option<Cow<'a, str>> {
    match object.remove(name) {
        Some(Value::String(text)) if !text.is_empty() && text != "-" => Some(Cow::Owned(text)),
        _ => None,
    }
}

fn country<'a>(line: &mut Object) -> Option<Cow<'a, str>> {
    let valid =
        |text: &Cow<'_, str>| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    text(line, COUNTRY).filter(valid)
}

/// The first value of a header.
fn header<'a>(headers: &mut Object, name: &str) -> Option<Cow<'a, str>> {
    let first = match headers.remove(name)? {
        Value::Array(values) => values.into_iter().next()?,
        value => value,
    };
    match first {
        Value::String(text) if !text.is_empty() => Some(Cow::Owned(text)),
        _ => None,
    }
}

fn without_port(address: Cow<'_, str>) -> Cow<'_, str> {
    let port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let host = match address.rsplit_once(':') {
        // Of version 6 without brackets the last number is no port.
        Some((host, end)) if port(end) && (!host.contains(':') || host.ends_with(']')) => host,
        _ => &address,
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.len() == address.len() { address } else { Cow::Owned(host.to_owned()) }
}

fn without_http(protocol: Cow<'_, str>) -> Cow<'_, str> {
    match protocol.split_once('/') {
        Some((_, version)) => Cow::Owned(version.to_owned()),
        None => protocol,
    }
}

/// Seconds since 1970, or a text of RFC 3339.
fn time(value: Option<&Value>, name: &str) -> Result<EventTime, DeadLetter> {
    let time = match value {
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_f64().and_then(from_seconds),
        _ => return Err(missing(name)),
    };
    let time = time.filter(|time: &EventTime| EventTime::RANGE.contains(&time.0));
    time.ok_or_else(|| wrong(name, "a time: seconds, or like `2017-03-19T12:00:00Z`"))
}

fn from_seconds(seconds: f64) -> Option<EventTime> {
    let millis = (seconds * 1000.0).floor();
    // What is larger is no time of the years 1 to 9999, either.
    let valid = millis.abs() < 1e15;
    #[expect(clippy::cast_possible_truncation, reason = "it is a whole number that fits")]
    valid.then_some(EventTime(millis as i64))
}

fn status(value: Option<&Value>, name: &str) -> Result<u16, DeadLetter> {
    let Some(value) = value else { return Err(missing(name)) };
    let number = whole(value).and_then(|number| u16::try_from(number).ok());
    number.ok_or_else(|| wrong(name, "a status: three digits"))
}

/// None where it is missing: there was no answer.
fn bytes(value: Option<&Value>, name: &str) -> Result<u64, DeadLetter> {
    let Some(value) = value else { return Ok(0) };
    let number = whole(value).filter(|bytes| *bytes < BYTES_MAX);
    number.ok_or_else(|| wrong(name, "a number of bytes"))
}

/// A duration whose unit is so many microseconds. What is no duration is none: a request counts all the same.
fn microseconds(duration: &Value, unit: f64) -> Option<i64> {
    let micros = (duration.as_f64()? * unit).round();
    let valid = (0.0..=NUMBER_MAX as f64).contains(&micros);
    #[expect(clippy::cast_possible_truncation, reason = "it is a whole number that fits")]
    valid.then_some(micros as i64)
}

/// As for lines of text.
const BYTES_MAX: u64 = 1_000_000_000_000;

/// Some loggers write numbers as texts.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    }
}

fn missing(name: &str) -> DeadLetter {
    DeadLetter::new(Reason::MissingField, format!("`{name}` is missing"))
}

fn wrong(name: &str, expected: &str) -> DeadLetter {
    DeadLetter::new(Reason::InvalidValue, format!("`{name}` is not {expected}"))
}
