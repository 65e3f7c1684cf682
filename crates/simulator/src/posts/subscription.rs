//! What a client asks for in the address it connects to: the version of the protocol, filters, and
//! where to begin.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::event::{EVENT_TYPE, Event, Protocol, push_member};

/// The paths of both versions.
const PATH_1: &str = "/subscribe";
const PATH_2: &str = "/xrpc/network.bsky.jetstream.subscribeEvents";
/// The most collections that a client may ask for.
const COLLECTIONS_MAX: usize = 100;
/// The most accounts that a client may ask for.
const DIDS_MAX: usize = 10_000;
/// From here on a cursor of version 2 is a time in microseconds, below it a number.
const FIRST_TIME_CURSOR: u64 = 1_000_000_000_000_000;
/// The kinds of events of version 2.
const KINDS: [&str; 4] = ["commit", "identity", "account", "sync"];

/// What a client wants to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) protocol: Protocol,
    pub(crate) start: Start,
    /// Names, or beginnings of names that end with `*`; all when empty.
    collections: Vec<String>,
    /// All when empty.
    dids: BTreeSet<String>,
    /// All when empty.
    kinds: BTreeSet<String>,
    /// The longest frame.
    bytes_max: usize,
}

/// Where a client begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With what nobody was sent.
    Live,
    /// With the event of this number.
    Seq(u64),
    /// With the first event that is not before this time, in microseconds.
    Time(i64),
}

/// Why a client is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoSuchPath,
    InvalidRequest(String),
    CursorTooOld { oldest: u64 },
}

impl Subscription {
    /// Reads the address.
    pub(crate) fn parse(path: &str, query: Option<&str>) -> Result<Self, Refusal> {
        let protocol = match path {
            PATH_1 => Protocol::One,
            PATH_2 => Protocol::Two,
            _ => return Err(Refusal::NoSuchPath),
        };
        let mut subscription = Self {
            protocol,
            start: Start::Live,
            collections: Vec::new(),
            dids: BTreeSet::new(),
            kinds: BTreeSet::new(),
            bytes_max: usize::MAX,
        };
        for parameter in query.unwrap_or_default().split('&').filter(|text| !text.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            subscription.set(name, decoded(value)).map_err(Refusal::InvalidRequest)?;
        }
        subscription.check().map_err(Refusal::InvalidRequest)?;
        Ok(subscription)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        match (self.protocol, name) {
            (Protocol::One, "wantedCollections") | (Protocol::Two, "collections") => {
                self.collections.push(value);
            }
            (Protocol::One, "wantedDids") | (Protocol::Two, "dids") => {
                self.dids.insert(value);
            }
            (Protocol::Two, "kinds") => {
                if !KINDS.contains(&value.as_str()) {
                    return Err(format!("`{value}` is not one of {}", KINDS.join(", ")));
                }
                self.kinds.insert(value);
            }
            (Protocol::One, "maxMessageSizeBytes") => {
                let bytes: usize = number(name, &value)?;
                self.bytes_max = if bytes == 0 { usize::MAX } else { bytes };
            }
            (_, "cursor") => self.start = start(self.protocol, &value)?,
            (Protocol::One, "compress" | "requireHello") if value != "true" => {}
            (Protocol::One, "compress" | "requireHello") | (Protocol::Two, "zstdDictionary") => {
                return Err(format!("the simulator knows no `{name}`"));
            }
            // Version 1 takes no notice of names that it does not know.
            (Protocol::One, _) => {}
            (Protocol::Two, _) => return Err(format!("there is no parameter `{name}`")),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.collections.len() > COLLECTIONS_MAX {
            return Err(format!("over {COLLECTIONS_MAX} collections"));
        }
        if self.dids.len() > DIDS_MAX {
            return Err(format!("over {DIDS_MAX} accounts"));
        }
        if let Some(did) = self.dids.iter().find(|did| !did.starts_with("did:")) {
            return Err(format!("`{did}` is not a DID"));
        }
        let wrong = |name: &&String| {
            name.trim_end_matches(".*").split('.').count() < 2 || name.contains("**")
        };
        match self.collections.iter().find(wrong) {
            Some(name) => Err(format!("`{name}` is not the name of a collection")),
            None => Ok(()),
        }
    }

    /// The frame of an event, when the client wants it.
    pub(crate) fn frame(&self, event: &Event) -> Option<String> {
        if !self.wants(event) {
            return None;
        }
        event.frame(self.protocol).filter(|frame| frame.len() <= self.bytes_max)
    }

    fn wants(&self, event: &Event) -> bool {
        let collection =
            event.collection().is_none_or(|collection| self.wants_collection(collection));
        let did = self.dids.is_empty() || self.dids.contains(&event.did);
        let kind = self.kinds.is_empty() || self.kinds.contains(event.name());
        collection && did && kind
    }

    fn wants_collection(&self, collection: &str) -> bool {
        let named = |name: &String| match name.strip_suffix('*') {
            Some(begin) => collection.starts_with(begin),
            None => collection == name,
        };
        self.collections.is_empty() || self.collections.iter().any(named)
    }

    /// The note of version 2 that the client begins later than it asked for.
    pub(crate) fn outdated_cursor(&self) -> Option<String> {
        let note =
            "\"name\":\"OutdatedCursor\",\"message\":\"cursor is before the oldest event kept\"";
        (self.protocol == Protocol::Two).then(|| {
            format!(
                "{{\"$type\":\"message\",\"payload\":{{\"$type\":\"{EVENT_TYPE}info\",{note}}}}}"
            )
        })
    }

    /// The last frame of version 2 for a client that does not keep up.
    pub(crate) fn too_slow(&self) -> Option<String> {
        let error = "\"error\":\"ConsumerTooSlow\",\"message\":\"consumer is too far behind\"";
        (self.protocol == Protocol::Two).then(|| format!("{{\"$type\":\"error\",{error}}}"))
    }
}

impl Refusal {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::NoSuchPath => 404,
            Self::InvalidRequest(_) | Self::CursorTooOld { .. } => 400,
        }
    }

    /// The answer's body, as the network's servers write it.
    pub(crate) fn body(&self) -> String {
        let (error, message) = match self {
            Self::NoSuchPath => {
                ("MethodNotImplemented", format!("there are {PATH_1} and {PATH_2}"))
            }
            Self::InvalidRequest(problem) => ("InvalidRequest", problem.clone()),
            Self::CursorTooOld { oldest } => {
                ("CursorTooOld", format!("cursor is too old; the oldest is {oldest}"))
            }
        };
        let mut body = String::new();
        push_member(&mut body, "{", "error", error);
        push_member(&mut body, ",", "message", &message);
        body.push('}');
        body
    }
}

fn start(protocol: Protocol, cursor: &str) -> Result<Start, String> {
    Ok(match (protocol, number::<u64>("cursor", cursor)?) {
        (Protocol::Two, seq) if seq < FIRST_TIME_CURSOR => Start::Seq(seq),
        (_, time_us) => Start::Time(i64::try_from(time_us).unwrap_or(i64::MAX)),
    })
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{name}` (`{value}`) is not a number"))
}

/// Undoes the percent signs of an address.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, after @ ..] = rest {
        let code = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
