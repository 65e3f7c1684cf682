//! One event of the network, and the frame that says it in either version of the protocol.

use chrono::{DateTime, SecondsFormat};

use crate::json::{push_integer, push_text};

/// The protocol that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `/subscribe`.
    One,
    /// `/xrpc/network.bsky.jetstream.subscribeEvents`.
    Two,
}

/// What an event is, as its maker knows. A consumer has to find out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A new post.
    Post,
    /// A new post of an account that repeats one hashtag.
    Spam,
    /// A new post that was sent before, with another number and time.
    Repeat,
    /// Anything else: other records, updates, deletions, news of accounts.
    Other,
    /// Not a valid message.
    Malformed,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The server's number. The next event has the next number.
    pub seq: u64,
    /// The server's time, in microseconds since the epoch.
    pub time_us: i64,
    /// The account that it is about.
    pub did: String,
    /// What the event is.
    pub kind: Kind,
    pub(super) body: Body,
    pub(super) damage: Option<Damage>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    Commit(Commit),
    /// News of an account: `identity`, `account` or `sync`, and the object of that name.
    Account {
        name: &'static str,
        json: String,
    },
}

/// A change of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) operation: &'static str,
    pub(super) collection: &'static str,
    pub(super) rkey: String,
    pub(super) rev: String,
    /// The record's JSON and its content address; a deletion has none.
    pub(super) record: Option<(String, String)>,
}

/// How the frame of a new post is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// Only so many thousandths of it are there.
    CutShort(usize),
    /// Two pieces of the text that stand for each other.
    Replaced(&'static str, &'static str),
    Twice,
    NoJson,
}

/// Breaks that make a post unusable in both versions.
pub(super) const REPLACEMENTS: [(&str, &str); 7] = [
    ("\"", "'"),
    ("\"did\":", "\"no_did\":"),
    ("\"did\":\"", "\"did\":7,\"was\":\""),
    ("\"rkey\":", "\"no_rkey\":"),
    ("\"rev\":\"", "\"rev\":null,\"was\":\""),
    ("\"operation\":\"", "\"operation\":\"up"),
    ("\"text\":", "\"no_text\":"),
];

impl Event {
    /// The event as a frame, without a line end. Version 1 does not have all events.
    #[must_use]
    pub fn frame(&self, protocol: Protocol) -> Option<String> {
        let mut out = String::with_capacity(1024);
        match protocol {
            Protocol::One => self.push_version_1(&mut out)?,
            Protocol::Two => self.push_version_2(&mut out),
        }
        Some(match self.damage {
            Some(damage) => damage.done_to(out),
            None => out,
        })
    }

    /// The collection of a commit.
    #[must_use]
    pub fn collection(&self) -> Option<&'static str> {
        match &self.body {
            Body::Commit(commit) => Some(commit.collection),
            Body::Account { .. } => None,
        }
    }

    /// `commit`, `identity`, `account` or `sync`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &self.body {
            Body::Commit(_) => "commit",
            Body::Account { name, .. } => name,
        }
    }

    fn push_version_1(&self, out: &mut String) -> Option<()> {
        if self.name() == "sync" {
            return None;
        }
        push_member(out, "{", "did", &self.did);
        out.push_str(",\"time_us\":");
        push_integer(out, self.time_us);
        out.push_str(",\"cursor\":");
        push_integer(out, self.seq.cast_signed());
        push_member(out, ",", "kind", self.name());
        match &self.body {
            Body::Commit(commit) => {
                push_member(out, ",\"commit\":{", "rev", &commit.rev);
                push_member(out, ",", "operation", commit.operation);
                push_member(out, ",", "collection", commit.collection);
                push_member(out, ",", "rkey", &commit.rkey);
                if let Some((record, cid)) = &commit.record {
                    out.push_str(",\"record\":");
                    out.push_str(record);
                    push_member(out, ",", "cid", cid);
                }
                out.push_str("}}");
            }
            Body::Account { name, json } => {
                push_object(out, name, json);
                out.push('}');
            }
        }
        Some(())
    }

    /// All keys in the order of the alphabet.
    fn push_version_2(&self, out: &mut String) {
        out.push_str("{\"$type\":\"message\",\"payload\":{\"$type\":\"");
        out.push_str(EVENT_TYPE);
        out.push_str(self.name());
        out.push('"');
        match &self.body {
            Body::Commit(commit) => {
                if let Some((_, cid)) = &commit.record {
                    push_member(out, ",", "cid", cid);
                }
                push_member(out, ",", "collection", commit.collection);
                push_member(out, ",", "did", &self.did);
                push_member(out, ",", "operation", commit.operation);
                if let Some((record, _)) = &commit.record {
                    out.push_str(",\"record\":");
                    out.push_str(record);
                }
                push_member(out, ",", "rev", &commit.rev);
                push_member(out, ",", "rkey", &commit.rkey);
                self.push_seq(out);
            }
            Body::Account { name: "account", json } => {
                push_object(out, "account", json);
                push_member(out, ",", "did", &self.did);
                self.push_seq(out);
            }
            Body::Account { name: "identity", json } => {
                push_member(out, ",", "did", &self.did);
                push_object(out, "identity", json);
                self.push_seq(out);
            }
            Body::Account { name, json } => {
                push_member(out, ",", "did", &self.did);
                self.push_seq(out);
                push_object(out, name, json);
            }
        }
        push_member(out, ",", "time", &rfc_3339(self.time_us, SecondsFormat::Micros));
        out.push_str("}}");
    }

    fn push_seq(&self, out: &mut String) {
        out.push_str(",\"seq\":");
        push_integer(out, self.seq.cast_signed());
    }
}

/// The type of an event of version 2, but for its last part.
pub(super) const EVENT_TYPE: &str = "network.bsky.jetstream.subscribeEvents#";

/// A time as the server and most authors' programs write it.
pub(super) fn rfc_3339(time_us: i64, digits: SecondsFormat) -> String {
    DateTime::from_timestamp_micros(time_us).unwrap_or_default().to_rfc3339_opts(digits, true)
}

pub(super) fn push_member(out: &mut String, before: &str, name: &str, text: &str) {
    out.push_str(before);
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
    push_text(out, text);
}

fn push_object(out: &mut String, name: &str, json: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    out.push_str(json);
}

impl Damage {
    fn done_to(self, frame: String) -> String {
        match self {
            Self::CutShort(thousandths) => {
                let end = frame.floor_char_boundary(frame.len() * thousandths / 1000);
                frame.split_at(end).0.to_owned()
            }
            Self::Replaced(piece, other) if piece == "\"" => frame.replace(piece, other),
            Self::Replaced(piece, other) => frame.replacen(piece, other, 1),
            Self::Twice => format!("{frame}{frame}"),
            Self::NoJson => "upstream connect error or disconnect/reset before headers".to_owned(),
        }
    }
}
