//! The urls of sources.

use http::Uri;
use http::uri::PathAndQuery;

use super::reader::Wrong;
use super::sections::Protocol;

/// What acquisition adds to a url of Jetstream by itself, or could not read the answers to.
const NOT_JETSTREAM: [(&str, &str); 4] = [
    ("cursor", "leave it out: Pulso goes on after the last stored message by itself"),
    ("compress", "leave it out: Pulso reads text"),
    ("zstdDictionary", "leave it out: Pulso reads text"),
    ("requireHello", "leave it out: Pulso says what it wants in the url"),
];

/// Reads the url of a source, and checks that it is one for the protocol.
pub(super) fn read(text: &str, protocol: &Protocol) -> Result<Uri, Wrong> {
    match protocol {
        Protocol::Websocket { .. } => WEBSOCKET.read(text),
        Protocol::Jetstream => jetstream(WEBSOCKET.read(text)?),
        Protocol::Http { .. } => HTTP.read(text),
        // Nobody connects to one of these.
        Protocol::File { .. } | Protocol::Tcp(_) | Protocol::Syslog(_) | Protocol::Push { .. } => {
            HTTP.read(text)
        }
    }
}

/// What is a url of one kind.
struct Kind {
    /// Goes on after "is not ".
    name: &'static str,
    schemes: [&'static str; 2],
    example: &'static str,
}

const WEBSOCKET: Kind = Kind {
    name: "a websocket url",
    schemes: ["ws", "wss"],
    example: "wss://stream.example.org/messages",
};

const HTTP: Kind = Kind {
    name: "an HTTP url",
    schemes: ["http", "https"],
    example: "https://stream.example.org/messages",
};

impl Kind {
    fn read(&self, text: &str) -> Result<Uri, Wrong> {
        let hint = format!("write it like \"{}\"", self.example);
        let url: Uri = text.parse().map_err(|_| Wrong::new("is not a url", &*hint))?;
        let host = url.host().filter(|host| !host.is_empty());
        let scheme = url.scheme_str().filter(|scheme| self.schemes.contains(scheme));
        let (Some(_), Some(host)) = (scheme, host) else {
            return Err(Wrong::new(format!("is not {}", self.name), hint));
        };
        let authority = url.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            let hint = format!(
                "name what the source asks for in the query, like \"{}://stream.example.org/?key=…\"",
                self.schemes[1]
            );
            let wrong = "has a user name, which is not sent to the source";
            return Err(Wrong::new(wrong, hint));
        }
        // Of a port that is none the library would silently make the usual one.
        if url.port().is_none() && authority != host {
            return Err(Wrong::new("has a port that is not a number from 0 to 65535", hint));
        }
        Ok(url)
    }
}

fn jetstream(url: Uri) -> Result<Uri, Wrong> {
    for parameter in url.query().unwrap_or_default().split('&') {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        if let Some((_, hint)) = NOT_JETSTREAM.iter().find(|(known, _)| *known == name) {
            return Err(Wrong::new(format!("has a `{name}`"), *hint));
        }
    }
    match url.path() {
        Protocol::JETSTREAM_1 | Protocol::JETSTREAM_2 => Ok(url),
        // A host alone.
        "" | "/" => Ok(with_path(url, Protocol::JETSTREAM_2)),
        _ => {
            let (one, two) = (Protocol::JETSTREAM_1, Protocol::JETSTREAM_2);
            let hint = format!("use the path `{one}` (version 1) or `{two}` (version 2)");
            Err(Wrong::new("has a path that Jetstream does not serve", hint))
        }
    }
}

/// The url with another path and the same query.
fn with_path(url: Uri, path: &str) -> Uri {
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    let path: PathAndQuery = format!("{path}{query}").parse().expect("both parts were valid");
    let mut parts = url.into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).expect("it has a scheme and a host")
}
