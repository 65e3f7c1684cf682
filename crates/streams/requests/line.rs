//! Lines of text: Apache's combined and common format, with or without virtual host, and nginx's default.
//!
//! Read in one pass from left to right, so that the place of what is wrong is known.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::{Request, address, time};

/// What was not found where it had to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Bytes before it.
    pub(super) at: usize,
    pub(super) expected: &'static str,
}

/// Where the client's address stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// Reads a line.
///
/// # Errors
/// When it is of none of the formats.
pub(super) fn read(line: &[u8]) -> Result<Request<'_>, Problem> {
    read_to_end(line, 0).map(|(request, ..)| request)
}

/// The same from a place on, with the place of the client's address and the end of what was read: what follows
/// is of formats that add to those known here.
pub(super) fn read_to_end(
    line: &[u8],
    begin: usize,
) -> Result<(Request<'_>, Client, usize), Problem> {
    let mut reader = Reader { line, at: begin };
    let (virtual_host, client) = reader.hosts()?;
    let user = reader.user()?;
    let time = reader.time()?;
    let request = reader.request()?;
    let status = reader.number("the status, three digits")?;
    let bytes = reader.bytes()?;
    let (mut referrer, mut agent) = (None, None);
    if reader.rest().starts_with(b" \"") {
        referrer = present(reader.last());
        if reader.rest().starts_with(b" \"") {
            agent = present(reader.last());
        }
    }
    let [method, url, version] = parts(request);
    let host = &line[client.begin..client.end];
    let request = Request {
        client: String::from_utf8_lossy(host),
        virtual_host: virtual_host.map(String::from_utf8_lossy),
        user: user.map(String::from_utf8_lossy),
        time,
        method: method.map(text),
        url: url.map(text),
        version: version.map(text),
        status,
        bytes,
        duration_us: None,
        referrer: referrer.map(text),
        agent: agent.map(text),
        country: None,
    };
    Ok((request, client, reader.at))
}

struct Reader<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    fn problem<T>(&self, expected: &'static str) -> Result<T, Problem> {
        Err(Problem { at: self.at, expected })
    }

    /// The virtual host, where there is one, and the client.
    fn hosts(&mut self) -> Result<(Option<&'a [u8]>, Client), Problem> {
        let first = self.word()?;
        let one = &self.line[first.begin..first.end];
        if address::read(one).is_some() {
            return Ok((None, first));
        }
        let port = one.iter().rposition(|&byte| byte == b':');
        match port.filter(|at| one[at + 1..].iter().all(u8::is_ascii_digit)) {
            Some(port) => Ok((Some(&one[..port]).filter(|name| !name.is_empty()), self.word()?)),
            None => Ok((None, first)),
        }
    }

    /// A word before the time. Addresses of version 6 may stand in brackets.
    fn word(&mut self) -> Result<Client, Problem> {
        let length = memchr(b' ', self.rest()).filter(|&length| length > 0);
        let Some(length) = length else {
            return self.problem("the client's address, and a space after it");
        };
        let (mut begin, mut end) = (self.at, self.at + length);
        self.at = end + 1;
        if self.line[begin] == b'[' && self.line[end - 1] == b']' {
            (begin, end) = (begin + 1, end - 1);
        }
        Ok(Client { begin, end })
    }

    /// What stands before the time: what identd says, which nobody asks, and the user.
    fn user(&mut self) -> Result<Option<&'a [u8]>, Problem> {
        let rest = self.rest();
        let mut found = memchr(b'[', rest);
        // A user may be called anything.
        while let Some(at) = found
            && !rest.get(at + 1).is_some_and(u8::is_ascii_digit)
        {
            found = memchr(b'[', &rest[at + 1..]).map(|next| at + 1 + next);
        }
        let Some(end) = found else { return self.problem("the time in brackets") };
        self.at += end + 1;
        let names = rest[..end].trim_ascii();
        let user = memchr(b' ', names).map_or(&names[..0], |space| names[space..].trim_ascii());
        Ok(Some(user).filter(|user| !user.is_empty() && *user != b"-" && *user != b"\"\""))
    }

    fn time(&mut self) -> Result<pulso_model::EventTime, Problem> {
        const EXPECTED: &str = "a time like `17/May/2015:10:05:03 +0000]`";
        let Some(end) = memchr(b']', self.rest()) else { return self.problem(EXPECTED) };
        let Some(time) = time::common(&self.rest()[..end]) else { return self.problem(EXPECTED) };
        self.at += end + 1;
        Ok(time)
    }

    /// In front of the status.
    fn request(&mut self) -> Result<&'a [u8], Problem> {
        if !self.rest().starts_with(b" \"") {
            return self.problem("a space and the request in quotes");
        }
        let behind = |rest: &[u8]| matches!(rest, [b' ', digit, ..] if digit.is_ascii_digit());
        match self.quoted(behind) {
            Some(request) => Ok(request),
            None => {
                self.at = self.line.len();
                self.problem("a quote that ends the request, and the status")
            }
        }
    }

    /// One of the last fields; where its end is missing the line was cut, and the rest is the field.
    fn last(&mut self) -> &'a [u8] {
        let begin = self.at + 2;
        let found = self.quoted(|rest| matches!(rest, [] | [b' ', ..]));
        found.unwrap_or_else(|| {
            self.at = self.line.len();
            &self.line[begin..]
        })
    }

    /// A field in quotes, after a space. Quotes in it are escaped; where a server forgets that, `behind` says
    /// what stands behind the one that ends it.
    fn quoted(&mut self, behind: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        let begin = self.at + 2;
        let mut at = begin;
        while let Some(found) = memchr2(b'"', b'\\', self.line.get(at..)?) {
            at += found;
            if self.line[at] == b'\\' {
                at += 2;
            } else if behind(&self.line[at + 1..]) {
                self.at = at + 1;
                return Some(&self.line[begin..at]);
            } else {
                at += 1;
            }
        }
        None
    }

    fn number(&mut self, expected: &'static str) -> Result<u16, Problem> {
        let [b' ', digits @ ..] = self.rest() else { return self.problem(expected) };
        let Some(digits) = digits.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit))
        else {
            self.at += 1;
            return self.problem(expected);
        };
        let number = digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        self.at += 4;
        Ok(number)
    }

    /// `-` is none.
    fn bytes(&mut self) -> Result<u64, Problem> {
        const EXPECTED: &str = "the number of bytes, or `-`";
        let [b' ', rest @ ..] = self.rest() else { return self.problem(EXPECTED) };
        self.at += 1;
        let word = &rest[..memchr(b' ', rest).unwrap_or(rest.len())];
        if word.is_empty() || word.len() > BYTES_DIGITS_MAX {
            return self.problem(EXPECTED);
        }
        self.at += word.len();
        if word == b"-" {
            return Ok(0);
        }
        let mut bytes = 0;
        for (place, digit) in word.iter().enumerate() {
            if !digit.is_ascii_digit() {
                self.at -= word.len() - place;
                return self.problem(EXPECTED);
            }
            bytes = bytes * 10 + u64::from(digit - b'0');
        }
        Ok(bytes)
    }
}

/// No answer has a terabyte; sums of such numbers are far from their own limits.
const BYTES_DIGITS_MAX: usize = 12;

/// The virtual host that a line begins with where it has no port: a name before an address.
pub(super) fn host_without_port(line: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader { line, at: 0 };
    let [first, second] = [reader.word().ok()?, reader.word().ok()?];
    let [name, client] = [first, second].map(|word| &line[word.begin..word.end]);
    let is_name = memchr(b':', name).is_none() && address::read(name).is_none();
    (is_name && address::read(client).is_some()).then_some(name)
}

fn present(field: &[u8]) -> Option<&[u8]> {
    Some(field).filter(|field| !field.is_empty() && *field != b"-")
}

/// Method, target and version of a request; of what is no request of HTTP all is the target.
fn parts(request: &[u8]) -> [Option<&[u8]>; 3] {
    let method =
        memchr(b' ', request).map(|space| &request[..space]).filter(|word| is_method(word));
    let Some(method) = method else { return [None, present(request), None] };
    let rest = &request[method.len() + 1..];
    let space = rest.iter().rposition(|&byte| byte == b' ');
    let version = space.and_then(|space| {
        let (name, version) = rest[space + 1..].split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"HTTP/").then_some((space, version))
    });
    match version {
        Some((space, version)) => [Some(method), present(&rest[..space]), Some(version)],
        None => [Some(method), present(rest), None],
    }
}

/// Methods are in capitals; those of WebDAV may have hyphens.
fn is_method(word: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_');
    (1..=20).contains(&word.len()) && word.iter().all(letter)
}

/// A field as it was before the server escaped it: `\"`, `\\`, `\t` and the like, and `\x` with two digits.
fn text(field: &[u8]) -> Cow<'_, str> {
    match memchr(b'\\', field) {
        None => String::from_utf8_lossy(field),
        // What was no text stays escaped.
        Some(_) => match String::from_utf8(unescaped(field)) {
            Ok(text) => Cow::Owned(text),
            Err(_) => String::from_utf8_lossy(field),
        },
    }
}

fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (byte, length) = match *behind {
            [b'x', high, low, ..] => {
                (hex(high).zip(hex(low)).map(|(high, low)| high * 16 + low), 3)
            }
            [letter, ..] => (escape(letter), 1),
            [] => (None, 0),
        };
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[length..];
            }
            None => bytes.push(b'\\'),
        }
    }
    bytes
}

fn escape(letter: u8) -> Option<u8> {
    match letter {
        b'"' | b'\\' => Some(letter),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(0x0b),
        b'b' => Some(0x08),
        _ => None,
    }
}

pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
