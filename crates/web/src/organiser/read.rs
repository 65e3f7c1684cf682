//! Documents of the views as the desk understands them.

use pulso_model::{EventTime, Location, Stream, View};
use pulso_organiser::{Answer, Contact, Event, Group, Response};
use serde::Deserialize;

/// The fields without which there is no desk.
const NEEDED: [&str; 8] = [
    "response",
    "topics",
    "member.id",
    "member.name",
    "event.id",
    "event.time",
    "group.id",
    "group.urlname",
];

/// Whether the facts of a stream are answers of members to events of groups.
pub(crate) fn fits(stream: &Stream) -> bool {
    let fields = stream.facts_view.view.fields();
    let has = |name: &&str| fields.iter().any(|field| field.name == *name);
    let answers = |name: &&str| stream.kind.values.contains(name);
    stream.facts_view.shown && NEEDED.iter().all(has) && ["yes", "no"].iter().all(answers)
}

/// The view of similar topics, if the stream has one.
pub(super) fn pairs_view(stream: &Stream) -> Option<View> {
    let has = |view: View, name| view.fields().iter().any(|field| field.name == name);
    let pairs = |view: &View| ["topic", "other", "similarity"].iter().all(|name| has(*view, *name));
    stream.views().into_iter().find(pairs)
}

#[derive(Debug, Deserialize)]
struct FactDocument {
    #[serde(rename = "@timestamp")]
    time: String,
    response: String,
    #[serde(default)]
    topics: Vec<String>,
    member: MemberPart,
    event: EventPart,
    group: GroupPart,
    venue: Option<VenuePart>,
}

#[derive(Debug, Deserialize)]
struct MemberPart {
    id: i64,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct EventPart {
    id: String,
    name: Option<String>,
    url: Option<String>,
    time: Option<String>,
}

#[derive(Debug, Deserialize)]
struct GroupPart {
    id: i64,
    name: Option<String>,
    urlname: Option<String>,
    city: Option<String>,
    location: Option<Location>,
}

#[derive(Debug, Deserialize)]
struct VenuePart {
    location: Option<Location>,
}

/// `None` for a document that is none of a response.
pub(super) fn response(body: &str) -> Option<Response> {
    let FactDocument { time, response, topics, member, event, group, venue } =
        serde_json::from_str(body).ok()?;
    let answer = match response.as_str() {
        "yes" => Answer::Yes,
        "no" => Answer::No,
        _ => Answer::Waitlist,
    };
    let place = venue.and_then(|venue| venue.location).or(group.location);
    Some(Response {
        time: time.parse().ok()?,
        member: member.id,
        name: member.name,
        answer,
        event: Event {
            id: event.id,
            name: event.name,
            url: event.url,
            time: event.time.and_then(|time| time.parse().ok()),
            place,
            group: group.id,
        },
        group: Group {
            id: group.id,
            name: group.name,
            urlname: group.urlname,
            city: group.city,
            topics,
        },
    })
}

/// Two topics and how similar they are.
#[derive(Debug, Deserialize)]
pub(super) struct PairDocument {
    pub(super) topic: String,
    pub(super) other: String,
    pub(super) similarity: f64,
}

/// A contact with what only people read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredContact {
    pub(crate) contact: Contact,
    pub(crate) event_name: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) choice: String,
    pub(crate) by: String,
    pub(crate) note: String,
    pub(crate) km: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct ContactBody {
    #[serde(rename = "@timestamp")]
    time: String,
    stream: String,
    event: String,
    event_name: Option<String>,
    actor: String,
    name: Option<String>,
    choice: String,
    by: String,
    note: String,
    #[serde(default)]
    reasons: Vec<String>,
    km: Option<f64>,
    converted: Option<String>,
    converted_event: Option<String>,
}

/// `None` for a document of another stream.
pub(super) fn contact(body: &str, stream: &str) -> Option<StoredContact> {
    let body: ContactBody =
        serde_json::from_str(body).ok().filter(|b: &ContactBody| b.stream == stream)?;
    let converted: Option<EventTime> = body.converted.and_then(|time| time.parse().ok());
    Some(StoredContact {
        contact: Contact {
            time: body.time.parse().ok()?,
            member: body.actor.parse().ok()?,
            event: body.event,
            reasons: body.reasons,
            converted: converted.zip(body.converted_event),
        },
        event_name: body.event_name,
        name: body.name,
        choice: body.choice,
        by: body.by,
        note: body.note,
        km: body.km,
    })
}
