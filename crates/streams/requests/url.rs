//! The path of what was asked for.

use std::borrow::Cow;

use pulso_model::any_byte;

use super::line::hex;

/// The path of a request's target: without host and query, and with its `%` codes decoded, once. `None` where
/// the target is no path, as in `OPTIONS *`.
pub(super) fn path<'a>(target: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    match target {
        Cow::Borrowed(target) => of_text(target),
        Cow::Owned(target) => of_text(target).map(|path| Cow::Owned(path.into_owned())),
    }
}

fn of_text(target: &str) -> Option<Cow<'_, str>> {
    let path = if target.starts_with('/') { target } else { without_host(target)? };
    let end = path.bytes().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(path.len());
    let path = path.get(..end).filter(|path| !path.is_empty()).unwrap_or("/");
    Some(if any_byte(path, |byte| byte == b'%') { decoded(path) } else { Cow::Borrowed(path) })
}

/// Proxies are asked for whole addresses.
fn without_host(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    is_web.then(|| rest.get(end..)).flatten()
}

/// Stays as it is where its codes make no text.
fn decoded(path: &str) -> Cow<'_, str> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match *behind {
            [high, low, ..] if *first == b'%' => match hex(high).zip(hex(low)) {
                Some((high, low)) => {
                    bytes.push(high * 16 + low);
                    rest = &behind[2..];
                }
                None => bytes.push(*first),
            },
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(path), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expected: Option<&str>) {
        assert_eq!(path(&Cow::Borrowed(target)).as_deref(), expected, "{target}");
        assert_eq!(path(&Cow::Owned(target.to_owned())).as_deref(), expected, "{target}");
    }

    #[test]
    fn a_path_has_no_query_and_no_codes() {
        check("/", Some("/"));
        check("/a/b.html?c=%20/d", Some("/a/b.html"));
        check("/?", Some("/"));
        check("/a#b", Some("/a"));
        check("/caf%C3%A9%20au%2flait", Some("/café au/lait"));
        check("/100%2525", Some("/100%25"));
        check("/100%", Some("/100%"));
        check("/%zz%4", Some("/%zz%4"));
        check("/%ff%41", Some("/%ff%41"));
        check("http://example.org/a?b", Some("/a"));
        check("HTTPS://example.org", Some("/"));
        check("https://example.org?b", Some("/"));
        check("*", None);
        check("example.org:443", None);
        check("ftp://example.org/a", None);
        check("", None);
    }
}
