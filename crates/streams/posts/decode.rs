//! Bluesky's posts, as Jetstream sends them: from bytes to a [`Fact`], or to the reason why there is none.
//!
//! Both versions of Jetstream's protocol decode to the same facts. What a server writes must be there;
//! of what an author's program writes only the text must.

mod diagnose;
mod hashtag;
mod lenient;
#[cfg(test)]
mod tests;
mod wire;

use std::borrow::Cow;
use std::mem::take;

use pulso_model::{DeadLetter, Decode, Decoded, EventTime, Fact, Head, Key, Term, Value, any_byte};

use crate::domain;
use crate::json::check_depth;
use lenient::{Lenient, Object};

/// The kinds in the order of the descriptor.
#[cfg(test)]
const KINDS: [&str; 3] = ["post", "reply", "quote"];

const POST: u8 = 0;
const REPLY: u8 = 1;
const QUOTE: u8 = 2;

/// The columns in the order of [`fact`]; that of the descriptor, as a test shows.
#[cfg(test)]
const COLUMNS: [&str; 9] = [
    "did",
    "collection",
    "rkey",
    "rev",
    "operation",
    "created_at",
    "languages",
    "reply_root",
    "characters",
];

const COLLECTION: &str = "app.bsky.feed.post";
const TAG: &str = "app.bsky.richtext.facet#tag";
const LINK: &str = "app.bsky.richtext.facet#link";
const RECORD: &str = "app.bsky.embed.record";
const RECORD_WITH_MEDIA: &str = "app.bsky.embed.recordWithMedia";

/// The language of a post that names none (ISO 639-2, "undetermined").
const NO_LANGUAGE: &str = "und";

/// Decodes messages of Jetstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posts;

impl Decode for Posts {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        check_depth(payload)?;
        let frame: Lenient<Object<wire::Frame<'a>>> =
            sonic_rs::from_slice(payload).map_err(|error| diagnose::unreadable(payload, &error))?;
        let Lenient(Object(frame)) = frame;
        convert(frame.unwrap_or_default()).map_err(|problem| diagnose::explain(payload, problem))
    }

    /// The `did` and the server's time.
    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        let head = check_depth(payload).ok().and_then(|()| sonic_rs::from_slice(payload).ok());
        let Some(Lenient(Object(Some(wire::Head { did, time_us, payload })))) = head else {
            return Head::default();
        };
        let (did, time) = match payload.0.0 {
            Some(payload) => (payload.did, payload.time.0.as_deref().and_then(parsed)),
            None => (did, time_us.0.and_then(from_microseconds)),
        };
        Head { key: did.0.map(Key::Text), time }
    }
}

/// Why a message is no fact, for [`diagnose`].
enum Problem {
    /// What is needed is not there, or has another type.
    Gap { path: String, expected: &'static str },
    /// What is wrong with a value.
    Value(String),
}

/// Where a version of the protocol has what it says of a commit.
#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

impl Version {
    fn path(self, field: &str) -> String {
        match (self, field) {
            (Self::One, "did" | "time_us" | "kind" | "commit") => field.to_owned(),
            (Self::One, _) => format!("commit.{field}"),
            (Self::Two, _) => format!("payload.{field}"),
        }
    }

    fn required<T>(
        self,
        value: Option<T>,
        field: &str,
        expected: &'static str,
    ) -> Result<T, Problem> {
        value.ok_or_else(|| Problem::Gap { path: self.path(field), expected })
    }

    fn text<'a>(self, text: lenient::Text<'a>, field: &str) -> Result<Cow<'a, str>, Problem> {
        self.required(text.0, field, "text")
    }
}

/// What an event may be besides a commit.
const OTHER_EVENTS: [&str; 4] = ["identity", "account", "sync", "info"];

fn convert(frame: wire::Frame<'_>) -> Result<Decoded<'_>, Problem> {
    let wire::Frame { did, time_us, kind, commit, account, frame_type, payload } = frame;
    let mut status = account.0.0.unwrap_or_default().status;
    let (version, event, did, commit) = match payload.0.0 {
        Some(mut payload) => {
            let event = Version::Two.text(take(&mut payload.event_type), "$type")?;
            status = take(&mut payload.status);
            (Version::Two, event, take(&mut payload.did), Some(payload))
        }
        None if frame_type.0.as_deref() == Some("error") => return Ok(skipped("error")),
        None => (Version::One, Version::One.text(kind, "kind")?, did, commit.0.0),
    };
    let event = event.rsplit_once('#').map_or(&*event, |(_, kind)| kind);
    if event != "commit" {
        if event == "account" && status.0.as_deref() == Some("deleted") {
            return Ok(skipped("account_deleted"));
        }
        let known = OTHER_EVENTS.into_iter().find(|&known| known == event);
        return Ok(skipped(known.unwrap_or("other_event")));
    }
    let mut commit = version.required(commit, "commit", "an object")?;
    let collection = version.text(take(&mut commit.collection), "collection")?;
    if collection != COLLECTION {
        return Ok(skipped("other_collection"));
    }
    let operation = version.text(take(&mut commit.operation), "operation")?;
    match &*operation {
        "create" => {}
        "update" => return Ok(skipped("update")),
        "delete" => return Ok(skipped("delete")),
        _ => {
            let path = version.path("operation");
            return Err(Problem::Value(format!("`{path}` is `{operation}`")));
        }
    }
    let time = match version {
        Version::One => {
            microseconds(version.required(time_us.0, "time_us", "a 64-bit integer")?)?
        }
        Version::Two => rfc_3339(&version.text(take(&mut commit.time), "time")?)?,
    };
    let server = Server {
        time,
        did: version.text(did, "did")?,
        collection,
        rkey: version.text(commit.rkey, "rkey")?,
        rev: version.text(commit.rev, "rev")?,
        operation,
    };
    let mut record = version.required(commit.record.0.0, "record", "an object")?;
    let text = version.text(take(&mut record.text), "record.text")?;
    Ok(Decoded::Fact(fact(server, &text, record)))
}

fn skipped<'a>(reason: &'static str) -> Decoded<'a> {
    Decoded::Skipped(Cow::Borrowed(reason))
}

fn microseconds(time_us: i64) -> Result<EventTime, Problem> {
    from_microseconds(time_us).ok_or_else(|| {
        Problem::Value(format!("`time_us` {time_us} µs is not in the years 1 to 9999"))
    })
}

fn from_microseconds(time_us: i64) -> Option<EventTime> {
    Some(EventTime(time_us.div_euclid(1000))).filter(in_range)
}

fn rfc_3339(time: &str) -> Result<EventTime, Problem> {
    parsed(time).ok_or_else(|| Problem::Value(format!("`payload.time` is `{time}`, not a time")))
}

fn parsed(time: &str) -> Option<EventTime> {
    time.parse().ok().filter(in_range)
}

fn in_range(time: &EventTime) -> bool {
    EventTime::RANGE.contains(&time.0)
}

/// What the server says of a post.
struct Server<'a> {
    time: EventTime,
    did: Cow<'a, str>,
    collection: Cow<'a, str>,
    rkey: Cow<'a, str>,
    rev: Cow<'a, str>,
    operation: Cow<'a, str>,
}

fn fact<'a>(server: Server<'a>, text: &str, record: wire::Record<'a>) -> Fact<'a> {
    let wire::Record { created_at, langs, tags, facets, reply, embed, .. } = record;
    let Lenient(Object(reply)) = reply;
    let embed = embed.0.0.unwrap_or_default();
    let quotes = matches!(embed.embed_type.0.as_deref(), Some(RECORD | RECORD_WITH_MEDIA));
    let kind = match &reply {
        Some(_) => REPLY,
        None if quotes => QUOTE,
        None => POST,
    };
    let languages: Vec<_> = langs.0.into_iter().flatten().collect();
    let scope = languages.first().map_or(Cow::Borrowed(NO_LANGUAGE), language);
    let columns = vec![
        Value::Text(server.did),
        Value::Text(server.collection),
        Value::Text(server.rkey),
        Value::Text(server.rev),
        Value::Text(server.operation),
        created_at.0.as_deref().and_then(parsed).into(),
        Value::Texts(languages),
        reply.and_then(|reply| reply.root.0.0).and_then(|root| root.uri.0).into(),
        i64::try_from(text.chars().count()).ok().into(),
    ];
    let (hashtags, domains) = terms(facets.0, tags.0, embed);
    Fact {
        time: server.time,
        scope,
        kind,
        sums: [0; 4],
        place: None,
        terms: [hashtags, domains, Vec::new(), Vec::new()],
        columns,
    }
}

/// The language of a tag of BCP 47, without what follows (script, region).
fn language<'a>(tag: &Cow<'a, str>) -> Cow<'a, str> {
    let primary = |tag: &str| tag.find(['-', '_']).unwrap_or(tag.len());
    let length = primary(tag);
    let valid =
        (2..=3).contains(&length) && tag.bytes().take(length).all(|b| b.is_ascii_alphabetic());
    if !valid {
        return Cow::Borrowed(NO_LANGUAGE);
    }
    match tag {
        Cow::Borrowed(tag) if !any_byte(tag, |byte| byte.is_ascii_uppercase()) => {
            Cow::Borrowed(tag.get(..length).unwrap_or(tag))
        }
        tag => Cow::Owned(tag.chars().take(length).collect::<String>().to_ascii_lowercase()),
    }
}

/// Hashtags and domains.
fn terms<'a>(
    facets: Vec<Object<wire::RichText<'a>>>,
    tags: Vec<Option<Cow<'a, str>>>,
    embed: wire::Embed<'a>,
) -> (Vec<Term<'a>>, Vec<Term<'a>>) {
    let mut hashtags: Vec<_> = tags.into_iter().flatten().filter_map(hashtag::term).collect();
    let mut domains = Vec::new();
    let features = facets.into_iter().filter_map(|Object(facet)| facet);
    for Object(feature) in features.flat_map(|facet| facet.features.0) {
        let wire::Feature { feature_type, tag, uri } = feature.unwrap_or_default();
        match feature_type.0.as_deref() {
            Some(TAG) => hashtags.extend(tag.0.and_then(hashtag::term)),
            Some(LINK) => domains.extend(uri.0.and_then(domain::of)),
            _ => {}
        }
    }
    let media = embed.media.0.0.unwrap_or_default();
    for Object(external) in [embed.external.0, media.external.0] {
        domains.extend(external.and_then(|external| external.uri.0).and_then(domain::of));
    }
    let mut domains =
        domains.into_iter().map(|host| Term { key: host.clone(), name: host }).collect();
    Term::distinct(&mut hashtags);
    Term::distinct(&mut domains);
    (hashtags, domains)
}
