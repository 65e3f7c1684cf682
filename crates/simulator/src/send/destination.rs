//! Where a stream goes, as it is written on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use super::{Rotation, SyslogFormat};

const FORMS: &str = "`file:PATH`, `tcp:HOST:PORT`, `syslog:HOST:PORT`, `syslog+tcp:HOST:PORT` or `http://HOST[:PORT]`";

/// Where a stream goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file to which lines are appended.
    File { path: PathBuf, rotation: Rotation },
    /// Whoever listens at `HOST:PORT` for lines.
    Tcp { address: String },
    /// A server of syslog.
    Syslog { address: String, transport: Transport, format: SyslogFormat },
    /// A web server, which is asked.
    Http { address: String },
}

/// How messages of syslog travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One in each datagram.
    Udp,
    Tcp(Framing),
}

/// How messages of syslog are told apart on a connection (RFC 6587).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// A line end behind each.
    #[default]
    Lines,
    /// Its length in front of each.
    Counted,
}

impl Destination {
    /// Whether it is a connection, which can be cut.
    pub(super) fn is_connection(&self) -> bool {
        let syslog = matches!(self, Self::Syslog { transport: Transport::Tcp(_), .. });
        syslog || matches!(self, Self::Tcp { .. })
    }
}

impl FromStr for Destination {
    type Err = String;

    /// # Errors
    /// What is wrong, for the user.
    fn from_str(text: &str) -> Result<Self, String> {
        let none = || format!("`{text}` is none of {FORMS}");
        let (scheme, rest) = text.split_once(':').ok_or_else(none)?;
        let format = SyslogFormat::default();
        let syslog = |transport| {
            address(rest, None).map(|address| Self::Syslog { address, transport, format })
        };
        match scheme {
            "file" if !rest.is_empty() => {
                Ok(Self::File { path: rest.into(), rotation: Rotation::default() })
            }
            "tcp" => address(rest, None).map(|address| Self::Tcp { address }),
            "syslog" => syslog(Transport::Udp),
            "syslog+tcp" => syslog(Transport::Tcp(Framing::default())),
            "http" => {
                let rest = rest.strip_prefix("//").ok_or_else(none)?;
                let host = rest.strip_suffix('/').unwrap_or(rest);
                if host.contains('/') {
                    return Err(format!("`{text}` has a path: each request brings its own"));
                }
                address(host, Some(80)).map(|address| Self::Http { address })
            }
            "https" => Err(format!("`{text}`: TLS is not spoken here; use `http://`")),
            _ => Err(none()),
        }
    }
}

/// `HOST:PORT`, with the port that is usual where it is missing.
fn address(text: &str, port_default: Option<u16>) -> Result<String, String> {
    let wrong = || format!("`{text}` is not `HOST:PORT`, such as `localhost:5514`");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
        _ => (text, port_default.ok_or_else(wrong)?),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || port == 0 || (host.contains(':') && !bracketed) {
        return Err(wrong());
    }
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_scheme_and_a_place() {
        let tcp = |address: &str| Destination::Tcp { address: address.to_owned() };
        let http = |address: &str| Destination::Http { address: address.to_owned() };
        assert_eq!("tcp:localhost:9999".parse(), Ok(tcp("localhost:9999")));
        assert_eq!("tcp:[::1]:9999".parse(), Ok(tcp("[::1]:9999")));
        assert_eq!("http://nginx".parse(), Ok(http("nginx:80")));
        assert_eq!("http://nginx:8080/".parse(), Ok(http("nginx:8080")));
        let (path, rotation) = ("a:b/access.log".into(), Rotation::default());
        assert_eq!("file:a:b/access.log".parse(), Ok(Destination::File { path, rotation }));
        for (text, transport) in [
            ("syslog:localhost:5514", Transport::Udp),
            ("syslog+tcp:localhost:5514", Transport::Tcp(Framing::Lines)),
        ] {
            let (address, format) = ("localhost:5514".to_owned(), SyslogFormat::Rfc3164);
            assert_eq!(text.parse(), Ok(Destination::Syslog { address, transport, format }));
        }
    }

    #[test]
    fn a_wrong_one_is_told_what_is_right() {
        let check = |text: &str, part: &str| {
            let error = text.parse::<Destination>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        };
        for text in ["access.log", "file:", "udp:localhost:1", "http:nginx"] {
            check(text, "is none of `file:PATH`, `tcp:HOST:PORT`");
        }
        for text in ["tcp:localhost", "tcp:localhost:port", "tcp::1", "syslog:a:0", "tcp:::1:9"] {
            check(text, "is not `HOST:PORT`, such as `localhost:5514`");
        }
        check("http://nginx/page", "each request brings its own");
        check("https://nginx/", "use `http://`");
    }
}
