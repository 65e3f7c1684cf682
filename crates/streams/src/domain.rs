//! The domains of links.
//!
//! Nearly all links are plain: they are cut without a copy. What is not is left to the crate `url`, which
//! knows how browsers read it (user names, addresses as numbers, other scripts); a test holds the two
//! together.

use std::borrow::Cow;

use pulso_model::any_byte;
use url::Url;

/// No name of DNS is longer.
const BYTES_MAX: usize = 253;

/// The host of an http or https link, in lower case and without `www.`.
pub(crate) fn of(link: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match link {
        Cow::Borrowed(link) => of_text(link),
        Cow::Owned(link) => of_text(&link).map(|host| Cow::Owned(host.into_owned())),
    }
}

fn of_text(link: &str) -> Option<Cow<'_, str>> {
    let host = match plain_host(link) {
        Some(host) if any_byte(host, |byte| byte.is_ascii_uppercase()) => {
            Cow::Owned(host.to_ascii_lowercase())
        }
        Some(host) => Cow::Borrowed(host),
        None => Cow::Owned(unusual_host(link)?),
    };
    let host = match host {
        Cow::Borrowed(host) => Cow::Borrowed(without_www(host)),
        Cow::Owned(host) => match without_www(&host) {
            bare if bare.len() < host.len() => Cow::Owned(bare.to_owned()),
            _ => Cow::Owned(host),
        },
    };
    (host.len() <= BYTES_MAX).then_some(host)
}

/// The host of a link that everybody reads alike; `None` for all others.
fn plain_host(link: &str) -> Option<&str> {
    let rest = after_scheme(link)?;
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    let host = match authority.split_once(':') {
        None => authority,
        Some((host, port)) => {
            let digits = port.bytes().all(|byte| byte.is_ascii_digit());
            (digits && port.parse::<u16>().is_ok()).then_some(host)?
        }
    };
    let usual = |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'.' | b'-' | b'_');
    let (before, last) = host.rsplit_once('.')?;
    let plain = !any_byte(host, |byte| !usual(byte))
        // Else it may be the number of an address, or the root's dot.
        && last.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && !before.is_empty()
        && !before.starts_with('.')
        && !host.contains("..")
        && !host.as_bytes().windows(4).any(|part| part.eq_ignore_ascii_case(b"xn--"));
    plain.then_some(host)
}

fn after_scheme(link: &str) -> Option<&str> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let (begin, rest) = link.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

fn unusual_host(link: &str) -> Option<String> {
    let url = Url::parse(link).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    // With the root's dot it is the same name.
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then(|| host.to_owned())
}

fn without_www(host: &str) -> &str {
    // `www.com` is a domain itself.
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(link: &str, expected: Option<&str>) {
        assert_eq!(of(Cow::Borrowed(link)).as_deref(), expected, "`{link}`");
    }

    #[test]
    fn a_domain_is_the_bare_host_of_a_web_page() {
        check("https://example.org/a?b=https://other.example", Some("example.org"));
        check("HTTP://WWW.Example.ORG", Some("example.org"));
        check("https://www.example.org:8080/", Some("example.org"));
        check("https://user:secret@www.example.org/", Some("example.org"));
        check("https://example.org.", Some("example.org"));
        check("https://example.org?x", Some("example.org"));
        check("https://example.org\\x", Some("example.org"));
        check(" https://example.org\n", Some("example.org"));
        check("https://bücher.example/", Some("xn--bcher-kva.example"));
        check("https://xn--bcher-kva.example/", Some("xn--bcher-kva.example"));
        check("https://www.com/", Some("www.com"));
        check("https://news.www.example.org/", Some("news.www.example.org"));
        check("https://127.1/", Some("127.0.0.1"));
        check("https://[::1]:80/", Some("[::1]"));
        check("http://localhost/", Some("localhost"));
    }

    #[test]
    fn what_is_no_web_page_has_no_domain() {
        for link in [
            "",
            "example.org",
            "//example.org",
            "ftp://example.org/",
            "at://did:plc:a/app.bsky.feed.post/b",
            "mailto:a@example.org",
            "https://",
            "https://:80/",
            "https://exa mple.org/",
            "https://example.org:99999/",
            "https://xn--/",
        ] {
            check(link, None);
        }
        check(&format!("https://{}.example/", "a".repeat(250)), None);
    }

    proptest! {
        /// The short cut says what a browser would.
        #[test]
        fn plain_hosts_are_those_of_the_url(
            link in "[hH]ttps?://([wW]{3}\\.)?[a-zA-Z0-9._@:%é-]{0,20}(\\.(com|ORG|1|0x1|xn--a))?(:[0-9]{0,6})?[/?#\\\\]?[a-z:@/]{0,5}",
        ) {
            if let Some(plain) = plain_host(&link) {
                prop_assert_eq!(Some(plain.to_ascii_lowercase()), unusual_host(&link));
            }
        }

        #[test]
        fn any_text_is_a_link_or_not(link in "\\PC{0,40}", scheme in "(https?:/{0,3})?") {
            let link = format!("{scheme}{link}");
            if let Some(plain) = plain_host(&link) {
                prop_assert_eq!(Some(plain.to_ascii_lowercase()), unusual_host(&link));
            }
            of(Cow::Owned(link));
        }
    }
}
