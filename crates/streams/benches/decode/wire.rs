//! The fields of messages that facts are made of, as plainly as sonic-rs reads them.
#![expect(dead_code, reason = "reading a field takes its time whether it is used or not")]

use std::borrow::Cow;

use serde::Deserialize;

/// `Cow` by itself never borrows.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Debug, Deserialize)]
pub(crate) struct Rsvp<'a> {
    rsvp_id: i64,
    mtime: i64,
    #[serde(borrow)]
    response: Text<'a>,
    guests: i64,
    #[serde(borrow)]
    member: Member<'a>,
    #[serde(borrow)]
    event: Event<'a>,
    #[serde(borrow)]
    group: Group<'a>,
    #[serde(borrow)]
    venue: Option<Venue<'a>>,
}

#[derive(Debug, Deserialize)]
struct Member<'a> {
    member_id: i64,
    #[serde(borrow)]
    member_name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    event_id: Text<'a>,
    #[serde(borrow)]
    event_name: Option<Text<'a>>,
    #[serde(borrow)]
    event_url: Option<Text<'a>>,
    time: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Group<'a> {
    group_id: i64,
    #[serde(borrow)]
    group_name: Option<Text<'a>>,
    #[serde(borrow)]
    group_urlname: Option<Text<'a>>,
    #[serde(borrow)]
    group_city: Option<Text<'a>>,
    #[serde(borrow)]
    group_state: Option<Text<'a>>,
    #[serde(borrow)]
    group_country: Option<Text<'a>>,
    group_lat: f64,
    group_lon: f64,
    #[serde(borrow)]
    group_topics: Vec<Topic<'a>>,
}

#[derive(Debug, Deserialize)]
struct Topic<'a> {
    #[serde(borrow)]
    urlkey: Text<'a>,
    #[serde(borrow)]
    topic_name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Venue<'a> {
    venue_id: Option<i64>,
    #[serde(borrow)]
    venue_name: Option<Text<'a>>,
    lat: Option<f64>,
    lon: Option<f64>,
}

/// A message of version 2 of Jetstream's protocol.
#[derive(Debug, Deserialize)]
pub(crate) struct Frame<'a> {
    #[serde(borrow, rename = "$type")]
    frame_type: Text<'a>,
    #[serde(borrow)]
    payload: Payload<'a>,
}

#[derive(Debug, Deserialize)]
struct Payload<'a> {
    #[serde(borrow, rename = "$type")]
    event_type: Text<'a>,
    #[serde(borrow)]
    did: Text<'a>,
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    rev: Text<'a>,
    #[serde(borrow)]
    operation: Text<'a>,
    #[serde(borrow)]
    collection: Text<'a>,
    #[serde(borrow)]
    rkey: Text<'a>,
    #[serde(borrow)]
    record: Option<Post<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    created_at: Text<'a>,
    #[serde(borrow, default)]
    langs: Vec<Text<'a>>,
    #[serde(borrow, default)]
    tags: Vec<Text<'a>>,
    #[serde(borrow, default)]
    facets: Vec<RichText<'a>>,
    #[serde(borrow)]
    reply: Option<Reply<'a>>,
    #[serde(borrow)]
    embed: Option<Embed<'a>>,
}

#[derive(Debug, Deserialize)]
struct RichText<'a> {
    #[serde(borrow)]
    features: Vec<Feature<'a>>,
}

#[derive(Debug, Deserialize)]
struct Feature<'a> {
    #[serde(borrow, rename = "$type")]
    feature_type: Text<'a>,
    #[serde(borrow)]
    tag: Option<Text<'a>>,
    #[serde(borrow)]
    uri: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    root: Link<'a>,
}

#[derive(Debug, Deserialize)]
struct Embed<'a> {
    #[serde(borrow, rename = "$type")]
    embed_type: Text<'a>,
    #[serde(borrow)]
    external: Option<Link<'a>>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(Debug, Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    external: Option<Link<'a>>,
}

#[derive(Debug, Deserialize)]
struct Link<'a> {
    #[serde(borrow)]
    uri: Text<'a>,
}
