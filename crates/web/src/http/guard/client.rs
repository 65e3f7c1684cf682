//! Where a request comes from: through which proxy, under which name, and from which page.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{Extensions, HeaderMap, HeaderName, Uri, header};
use pulso_runtime::config::Network;
use pulso_runtime::server::Peer;

use super::super::Error;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who asks; an extension of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Client {
    pub(in crate::http) address: IpAddr,
    /// Whether the browser speaks TLS, with a proxy that is trusted to say so.
    pub(in crate::http) https: bool,
}

impl Client {
    pub(super) fn new(extensions: &Extensions, headers: &HeaderMap, trusted: &[Network]) -> Self {
        // Without a socket there is nobody but this process.
        let peer = extensions.get::<Peer>().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.0.ip());
        let peer = peer.to_canonical();
        if !is_trusted(peer, trusted) {
            return Self { address: peer, https: false };
        }
        // From the right, as each proxy adds whom it was asked by; what is further left may be made up.
        let mut hops = Vec::new();
        for hop in texts(headers, &FORWARDED_FOR).flat_map(|text| text.split(',')) {
            hops.push(hop.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical()));
        }
        let mut address = peer;
        for hop in hops.into_iter().rev() {
            let Some(hop) = hop else { break };
            address = hop;
            if !is_trusted(hop, trusted) {
                break;
            }
        }
        let https =
            last(headers, &FORWARDED_PROTO).is_some_and(|text| text.eq_ignore_ascii_case("https"));
        Self { address, https }
    }

    /// What is limited: one address, or the network that a household or machine has in IPv6.
    pub(super) fn key(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        }
    }
}

fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The name under which a request was sent, with its port; from a trusted proxy, what that was asked for.
pub(super) fn host<'a>(
    extensions: &Extensions,
    headers: &'a HeaderMap,
    trusted: &[Network],
) -> Option<&'a str> {
    let peer = extensions.get::<Peer>();
    let proxied = peer.is_some_and(|peer| is_trusted(peer.0.ip().to_canonical(), trusted));
    let forwarded = proxied.then(|| last(headers, &FORWARDED_HOST)).flatten();
    forwarded.or_else(|| headers.get(header::HOST)?.to_str().ok())
}

/// Whether a name means this machine and cannot be made to by others. Whoever owns a name can give it the address
/// of this machine, and a page of that name then reads what is here as its own (DNS rebinding).
pub(super) fn is_own(host: &str, hosts: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let digits = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let name = name.to_ascii_lowercase();
    digits.parse::<IpAddr>().is_ok() || name == "localhost" || hosts.contains(&name)
}

/// Refuses a change that another page than ours asks a browser for. `ambient` says that the browser shows who
/// it is by itself, in a cookie.
pub(super) fn check_origin(
    headers: &HeaderMap,
    host: Option<&str>,
    ambient: bool,
) -> Result<(), Error> {
    if let Some(site) = headers.get(FETCH_SITE) {
        return if site == "same-origin" { Ok(()) } else { Err(Error::ForeignPage) };
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        // No browser; but one so old as to send neither must not be misled.
        return if ambient { Err(Error::ForeignPage) } else { Ok(()) };
    };
    let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
    let authority = origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str());
    let same = authority.zip(host).is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
    if same { Ok(()) } else { Err(Error::ForeignPage) }
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// The last of a list in a header: what the nearest proxy says.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let text = texts(headers, name).last()?;
    Some(text.rsplit(',').next().unwrap_or(text).trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn from(peer: &str) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(peer.parse().unwrap()));
        extensions
    }

    fn client(peer: &str, pairs: &[(&'static str, &str)]) -> (String, bool) {
        let trusted = ["10.0.0.0/8", "::1"].map(|network| network.parse().unwrap());
        let client = Client::new(&from(peer), &headers(pairs), &trusted);
        (client.address.to_string(), client.https)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let claims = [("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https")];
        assert_eq!(client("192.0.2.1:1", &claims), ("192.0.2.1".into(), false));
        assert_eq!(client("10.0.0.1:1", &claims), ("192.0.2.9".into(), true));
        assert_eq!(client("[::ffff:10.0.0.1]:1", &claims), ("192.0.2.9".into(), true));
        assert_eq!(client("[::1]:1", &[]), ("::1".into(), false));
    }

    #[test]
    fn what_stands_left_of_an_untrusted_address_is_made_up() {
        let for_ = |text| client("10.0.0.1:1", &[("x-forwarded-for", text)]).0;
        assert_eq!(for_("127.0.0.1, 192.0.2.9, 10.0.0.2"), "192.0.2.9");
        assert_eq!(for_("192.0.2.8, unknown, 10.0.0.2"), "10.0.0.2");
        assert_eq!(for_("10.0.0.3, 10.0.0.2"), "10.0.0.3");
        assert_eq!(for_(""), "10.0.0.1");
        let two = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "192.0.2.9")];
        assert_eq!(client("10.0.0.1:1", &two).0, "192.0.2.9");
        let proto = [("x-forwarded-proto", "https, http")];
        assert_eq!(client("10.0.0.1:1", &proto), ("10.0.0.1".into(), false));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let key = |address: &str| Client { address: address.parse().unwrap(), https: false }.key();
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn names_that_others_can_point_here_are_not_our_own() {
        let hosts = ["pulso.example.org".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "192.0.2.1",
            "Pulso.example.org:443",
        ] {
            assert!(is_own(host, &hosts), "{host}");
        }
        for host in
            ["evil.example:8080", "localhost.evil.example", "", "127.0.0.1.evil.example", "a:b"]
        {
            assert!(!is_own(host, &hosts), "{host}");
        }
    }

    #[test]
    fn only_our_own_page_may_ask_for_changes() {
        let ask = |pairs: &[(&'static str, &str)], ambient| {
            check_origin(&headers(pairs), Some("a.example:8080"), ambient).is_ok()
        };
        let own = ("origin", "http://A.example:8080");
        for ambient in [true, false] {
            assert!(ask(&[("sec-fetch-site", "same-origin")], ambient));
            assert!(ask(&[own], ambient));
            for site in ["same-site", "cross-site", "none", ""] {
                assert!(!ask(&[("sec-fetch-site", site), own], ambient), "{site}");
            }
            for origin in
                ["null", "http://a.example", "http://b.example:8080", "", "a.example:80800"]
            {
                assert!(!ask(&[("origin", origin)], ambient), "{origin}");
            }
        }
        assert!(!ask(&[], true), "with a cookie, silence is no answer");
        assert!(ask(&[], false), "a program");
    }
}
