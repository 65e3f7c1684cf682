//! What is stored of a line: before it the country of the client, and no more of addresses than asked for.
//!
//! The country is found when a line comes in, while the whole address is known, and kept in front of the line:
//! `country:DE 83.149.9.0 - - […`, or as the first field of a line of JSON. No server writes such a word: behind
//! the colon of a virtual host is a number. So a line that is stored a second time stays as it is.

use std::borrow::Cow;

use pulso_model::StoreOptions;

use super::address;
use super::{Line, json, line};

const COUNTRY: &[u8] = b"country:";
const HOST: &[u8] = b"host:";

/// A line, and what was stored with it.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    pub(super) country: Option<Cow<'a, str>>,
    /// The virtual host where the line does not say it.
    pub(super) host: Option<Cow<'a, str>>,
    pub(super) line: &'a [u8],
    /// Bytes before the line.
    pub(super) begin: usize,
}

impl<'a> Stored<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        let mut line = payload;
        let country = field(&mut line, COUNTRY, |value| {
            value.len() == 2 && value.iter().all(u8::is_ascii_uppercase)
        });
        let host = match country {
            Some(_) => field(&mut line, HOST, |value| !value.is_empty()),
            None => None,
        };
        Self { country, host, line, begin: payload.len() - line.len() }
    }
}

fn field<'a>(
    line: &mut &'a [u8],
    name: &[u8],
    valid: impl Fn(&[u8]) -> bool,
) -> Option<Cow<'a, str>> {
    let rest = line.strip_prefix(name)?;
    let (value, rest) = rest.split_at(memchr::memchr(b' ', rest)?);
    if !valid(value) {
        return None;
    }
    *line = rest.get(1..)?;
    Some(String::from_utf8_lossy(value))
}

/// The line that is stored for one that came in.
pub(super) fn line(payload: &[u8], options: &StoreOptions) -> Vec<u8> {
    let stored = Stored::new(payload);
    let is_json = stored.line.first() == Some(&b'{');
    let found = if is_json { json(&stored, options) } else { text(&stored, options) };
    // Nobody reads a country of it; what looks like an address may be somebody's all the same.
    found.unwrap_or_else(|| {
        [&payload[..stored.begin], &without_addresses(stored.line, options)].concat()
    })
}

/// A line of text: the client is a word of it, and behind what is read there may be other addresses.
fn text(stored: &Stored<'_>, options: &StoreOptions) -> Option<Vec<u8>> {
    let line = stored.line;
    // Without a port it is known by the address behind it only, which may have another name one day.
    let host = line::host_without_port(line);
    let begin = host.map_or(0, |host| host.len() + 1);
    let (request, client, end) = line::read_to_end(line, begin).ok()?;
    let country = stored.country.as_deref().unwrap_or(address::country(&request.client));
    let mut kept = Vec::with_capacity(line.len() + 64);
    kept.extend([COUNTRY, country.as_bytes(), b" "].concat());
    let host = host.map(String::from_utf8_lossy).or(stored.host.clone());
    let host = host.as_deref().or(options.host.as_deref());
    if let Some(host) = host.filter(|_| request.virtual_host.is_none()) {
        kept.extend([HOST, host.as_bytes(), b" "].concat());
    }
    let word = &line[client.begin..client.end];
    kept.extend(&line[begin..client.begin]);
    match address::read(word).filter(|_| options.anonymize_addresses) {
        Some(address) => kept.extend(address::anonymized(address).to_string().into_bytes()),
        None => kept.extend(word),
    }
    kept.extend(&line[client.end..end]);
    kept.extend(&*without_addresses(&line[end..], options));
    Some(kept)
}

/// A line of JSON says its host; the country becomes its first field.
fn json(stored: &Stored<'_>, options: &StoreOptions) -> Option<Vec<u8>> {
    let Ok(Line::Request(request)) = json::read(stored.line) else { return None };
    let rest = without_addresses(stored.line.get(1..)?, options);
    if request.country.is_some() {
        return Some([b"{", &*rest].concat());
    }
    let country = address::country(&request.client);
    Some([b"{\"", json::COUNTRY.as_bytes(), b"\":\"", country.as_bytes(), b"\",", &*rest].concat())
}

fn without_addresses<'l>(line: &'l [u8], options: &StoreOptions) -> Cow<'l, [u8]> {
    let found = options.anonymize_addresses.then(|| address::without_addresses(line)).flatten();
    found.map_or(Cow::Borrowed(line), Cow::Owned)
}
