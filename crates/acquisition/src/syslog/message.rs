//! What a message of syslog says, apart from what stands in front of it.
//!
//! Pure, and over bytes: what programs write need not be text.
//!
//! ```text
//! <165>1 2003-10-11T22:14:15.003Z host app 8710 ID47 [id name="value"] MSG    RFC 5424
//! <34>Oct 11 22:14:15 host tag[8710]: MSG                                     RFC 3164, host or tag may be missing
//! <34>2003-10-11T22:14:15.003Z host tag: MSG                                  the same as rsyslog and others send it
//! <34>MSG                                                                     RFC 3164, section 4.3.2
//! ```
//!
//! All others are kept whole, as are those that say nothing behind their head.

#[cfg(test)]
mod tests;

use memchr::memchr;

/// The largest priority: facility 23, severity 7.
const PRIORITY_MAX: u16 = 191;

/// Time, host, program, process and kind of a message.
const FIELDS: usize = 5;

const BOM: &[u8] = b"\xef\xbb\xbf";

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// The part MSG. What is returned is the end of what is given.
pub(super) fn content(message: &[u8]) -> &[u8] {
    let Some(rest) = behind_priority(message) else { return message };
    let content = behind_header(rest).or_else(|| behind_time_and_tag(rest)).unwrap_or(rest);
    if content.is_empty() { message } else { content }
}

/// Behind `<` PRI `>`.
fn behind_priority(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(b"<")?;
    let end = memchr(b'>', rest.get(..4.min(rest.len()))?)?;
    let (number, rest) = (std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 1..]);
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let priority: u16 = number.parse().ok()?;
    (digits && priority <= PRIORITY_MAX).then_some(rest)
}

/// Behind the header and the structured data of RFC 5424.
fn behind_header(rest: &[u8]) -> Option<&[u8]> {
    let (version, mut rest) = word(rest)?;
    if !matches!(version, [b'1'..=b'9', more @ ..] if more.len() < 3 && more.iter().all(u8::is_ascii_digit))
    {
        return None;
    }
    for index in 0..FIELDS {
        let field;
        (field, rest) = word(rest)?;
        if index == 0 && field != b"-" && behind_timestamp(field) != Some(b"") {
            return None;
        }
    }
    let rest = behind_structured_data(rest)?;
    let content = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    Some(content.strip_prefix(BOM).unwrap_or(content))
}

/// A word of at least one byte, and what follows the space behind it.
fn word(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b' ', rest).filter(|end| *end > 0)?;
    Some((&rest[..end], &rest[end + 1..]))
}

/// Behind `-`, or elements as `[id name="value"]`. In a value `\` takes the meaning from what follows it.
fn behind_structured_data(rest: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = rest.strip_prefix(b"-") {
        return Some(rest);
    }
    let mut rest = rest;
    let mut elements = 0;
    while let Some(element) = rest.strip_prefix(b"[") {
        let (mut quoted, mut escaped) = (false, false);
        let end = element.iter().position(|byte| {
            let ends = !quoted && *byte == b']';
            if !escaped && *byte == b'"' {
                quoted = !quoted;
            }
            escaped = quoted && !escaped && *byte == b'\\';
            ends
        });
        rest = &element[end? + 1..];
        elements += 1;
    }
    (elements > 0).then_some(rest)
}

/// Behind the time of RFC 3164, and host and tag where there is a tag.
fn behind_time_and_tag(rest: &[u8]) -> Option<&[u8]> {
    let rest = behind_time(rest).or_else(|| behind_timestamp(rest))?;
    if rest.is_empty() {
        return Some(rest);
    }
    let rest = rest.strip_prefix(b" ")?;
    let tagged = behind_tag(rest).or_else(|| behind_tag(word(rest)?.1));
    Some(tagged.unwrap_or(rest))
}

/// Behind a time like `Oct  1 22:14:15`.
fn behind_time(rest: &[u8]) -> Option<&[u8]> {
    let (month, rest) = rest.split_at_checked(3)?;
    if !MONTHS.contains(&month) {
        return None;
    }
    let rest = rest.strip_prefix(b" ")?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let days = rest.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest[days..].strip_prefix(b" ").filter(|_| days > 0)?;
    Some(behind_fraction(shaped(rest, b"00:00:00")?))
}

/// Behind a time like `2003-10-11T22:14:15.003Z`, or with an offset instead of the `Z`.
fn behind_timestamp(rest: &[u8]) -> Option<&[u8]> {
    let rest = behind_fraction(shaped(rest, b"0000-00-00T00:00:00")?);
    match rest.first()? {
        b'Z' => Some(&rest[1..]),
        b'+' | b'-' => shaped(&rest[1..], b"00:00"),
        _ => None,
    }
}

fn behind_fraction(rest: &[u8]) -> &[u8] {
    let Some(fraction) = rest.strip_prefix(b".") else { return rest };
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 0 { &fraction[digits..] } else { rest }
}

/// Behind what looks like the shape, in which `0` stands for a digit.
fn shaped<'a>(rest: &'a [u8], shape: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = rest.split_at_checked(shape.len())?;
    let fits = |(found, shape): (&u8, &u8)| match shape {
        b'0' => found.is_ascii_digit(),
        _ => found == shape,
    };
    found.iter().zip(shape).all(fits).then_some(rest)
}

/// Behind a tag like `nginx:` or `sshd[8710]:`, and the space that follows it.
fn behind_tag(rest: &[u8]) -> Option<&[u8]> {
    let end = memchr(b' ', rest).unwrap_or(rest.len());
    let tag = rest[..end].strip_suffix(b":")?;
    let (name, process) = match memchr(b'[', tag) {
        Some(begin) => (&tag[..begin], tag[begin + 1..].strip_suffix(b"]")?),
        None => (tag, [].as_slice()),
    };
    // An address ends with a colon, too, and is no name.
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./@()+".contains(byte);
    if name.is_empty() || !name.iter().all(named) || process.contains(&b']') {
        return None;
    }
    Some(&rest[(end + 1).min(rest.len())..])
}
