//! Addresses of clients: the country to which one was assigned, and what is kept of one.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The country of an address that is private or unknown, and of a client that is a name.
pub(super) const UNKNOWN: &str = "ZZ";

/// The address that a word is.
pub(super) fn read(word: &[u8]) -> Option<IpAddr> {
    // Most words are none; the longest address has 45 characters.
    let possible = (2..=45).contains(&word.len()) && word.iter().all(|byte| is_part(*byte));
    str::from_utf8(word).ok().filter(|_| possible)?.parse().ok()
}

/// The country to which a registry has assigned an address, by ISO 3166.
pub(super) fn country(client: &str) -> &'static str {
    read(client.as_bytes()).map_or(UNKNOWN, of_address)
}

fn of_address(address: IpAddr) -> &'static str {
    let found = iptocc::country_code(address.to_canonical()).unwrap_or(UNKNOWN);
    // Regions that the registries had before; no countries.
    if matches!(found, "EU" | "AP") { UNKNOWN } else { found }
}

/// The address with zeros instead of the last octet (version 4) or of the last 80 bits (version 6).
pub(super) fn anonymized(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(last_octet_off(address)),
        IpAddr::V6(address) => IpAddr::V6(match address.to_ipv4_mapped() {
            Some(mapped) => last_octet_off(mapped).to_ipv6_mapped(),
            None => Ipv6Addr::from_bits(address.to_bits() >> 80 << 80),
        }),
    }
}

fn last_octet_off(address: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() & !0xff)
}

/// A text in which every address is anonymised. `None` where it has none.
///
/// An address is a word: what stands before it may be a space, a quote, a bracket and the like, but no letter,
/// digit, slash or hyphen, so that versions of programs and hosts of links stay.
pub(super) fn without_addresses(text: &[u8]) -> Option<Vec<u8>> {
    let mut kept: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let (mut copied, mut at) = (0, 0);
    while at < text.len() {
        let length = text[at..].iter().take_while(|byte| is_part(**byte)).count();
        let inside = at > 0 && is_inside(text[at - 1]);
        if length == 0 || inside {
            at += length.max(1);
            continue;
        }
        if let Some((address, end)) = address_in(&text[at..at + length]) {
            let kept = kept.to_mut();
            kept.extend(&text[copied..at]);
            kept.extend(anonymized(address).to_string().into_bytes());
            copied = at + end;
        }
        at += length;
    }
    (copied > 0).then(|| {
        let mut kept = kept.into_owned();
        kept.extend(&text[copied..]);
        kept
    })
}

/// An address, with or without a port behind it, and where it ends.
fn address_in(word: &[u8]) -> Option<(IpAddr, usize)> {
    let whole = |word: &[u8]| read(word).map(|address| (address, word.len()));
    whole(word).or_else(|| {
        let colon = word.iter().rposition(|byte| *byte == b':')?;
        whole(&word[..colon])
    })
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')
}

fn is_inside(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'%') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_know_the_country_of_an_address() {
        for (client, expected) in [
            ("193.0.6.139", "NL"),
            ("8.8.8.8", "US"),
            ("2001:67c:2e8:22::c100:68b", "NL"),
            ("::ffff:8.8.8.8", "US"),
            ("10.0.0.1", "ZZ"),
            ("192.168.1.1", "ZZ"),
            ("127.0.0.1", "ZZ"),
            ("::1", "ZZ"),
            ("fe80::1", "ZZ"),
            ("example.org", "ZZ"),
            ("", "ZZ"),
        ] {
            assert_eq!(country(client), expected, "{client}");
        }
    }

    #[test]
    fn of_an_address_the_network_is_kept() {
        let check = |text: &str, expected: Option<&str>| {
            let found = without_addresses(text.as_bytes());
            assert_eq!(
                found.as_deref().map(|found| str::from_utf8(found).unwrap()),
                expected,
                "{text}"
            );
        };
        check("83.149.9.216", Some("83.149.9.0"));
        check("2001:db8:85a3:8d3:1319:8a2e:370:7348", Some("2001:db8:85a3::"));
        check("::ffff:83.149.9.216", Some("::ffff:83.149.9.0"));
        check("\"1.2.3.4, 5.6.7.8\"", Some("\"1.2.3.0, 5.6.7.0\""));
        check("{\"a\":\"1.2.3.4:5678\"}", Some("{\"a\":\"1.2.3.0:5678\"}"));
        check("[2001:db8::1]:443", Some("[2001:db8::]:443"));
        check("x=1.2.3.4;", Some("x=1.2.3.0;"));
        for none in [
            "",
            "Chrome/32.0.170.77",
            "http://1.2.3.4/",
            "17:05:03",
            "1.2.3",
            "a1.2.3.4",
            "v-1.2.3.4",
        ] {
            check(none, None);
        }
    }
}
