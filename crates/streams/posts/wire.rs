//! Messages as Jetstream spells them, in both versions of its protocol. Unknown fields are ignored.

use std::borrow::Cow;

use serde::Deserialize;

use super::lenient::{Integer, Lenient, List, Object, Text};

type OptionalText<'a> = Option<Cow<'a, str>>;

/// A message: of version 2 where it has a `payload`, else of version 1.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) did: Text<'a>,
    pub(super) time_us: Integer,
    #[serde(borrow)]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) commit: Lenient<Object<Commit<'a>>>,
    #[serde(borrow)]
    pub(super) account: Lenient<Object<Account<'a>>>,
    /// `message`, or `error` for the last frame before a close.
    #[serde(borrow, rename = "$type")]
    pub(super) frame_type: Text<'a>,
    #[serde(borrow)]
    pub(super) payload: Lenient<Object<Commit<'a>>>,
}

/// What has become of an account.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Account<'a> {
    #[serde(borrow)]
    pub(super) status: Text<'a>,
}

/// The `commit` of version 1; with the first three fields and `status`, which is of an account, the
/// `payload` of version 2.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Commit<'a> {
    #[serde(borrow, rename = "$type")]
    pub(super) event_type: Text<'a>,
    #[serde(borrow)]
    pub(super) did: Text<'a>,
    #[serde(borrow)]
    pub(super) time: Text<'a>,
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    #[serde(borrow)]
    pub(super) rev: Text<'a>,
    #[serde(borrow)]
    pub(super) operation: Text<'a>,
    #[serde(borrow)]
    pub(super) collection: Text<'a>,
    #[serde(borrow)]
    pub(super) rkey: Text<'a>,
    #[serde(borrow)]
    pub(super) record: Lenient<Object<Record<'a>>>,
}

/// The record `app.bsky.feed.post`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) text: Text<'a>,
    #[serde(borrow, rename = "createdAt")]
    pub(super) created_at: Text<'a>,
    #[serde(borrow)]
    pub(super) langs: List<OptionalText<'a>>,
    #[serde(borrow)]
    pub(super) tags: List<OptionalText<'a>>,
    #[serde(borrow)]
    pub(super) facets: List<Object<RichText<'a>>>,
    #[serde(borrow)]
    pub(super) reply: Lenient<Object<Reply<'a>>>,
    #[serde(borrow)]
    pub(super) embed: Lenient<Object<Embed<'a>>>,
}

/// What a stretch of the text is.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RichText<'a> {
    #[serde(borrow)]
    pub(super) features: List<Object<Feature<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Feature<'a> {
    #[serde(borrow, rename = "$type")]
    pub(super) feature_type: Text<'a>,
    #[serde(borrow)]
    pub(super) tag: Text<'a>,
    #[serde(borrow)]
    pub(super) uri: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reply<'a> {
    #[serde(borrow)]
    pub(super) root: Lenient<Object<Link<'a>>>,
}

/// What is shown below the text. With `recordWithMedia` the link is one level deeper.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Embed<'a> {
    #[serde(borrow, rename = "$type")]
    pub(super) embed_type: Text<'a>,
    #[serde(borrow)]
    pub(super) external: Lenient<Object<Link<'a>>>,
    #[serde(borrow)]
    pub(super) media: Lenient<Object<Media<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Media<'a> {
    #[serde(borrow)]
    pub(super) external: Lenient<Object<Link<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Link<'a> {
    #[serde(borrow)]
    pub(super) uri: Text<'a>,
}

/// As much of a message as says whose it is and when it happened.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub(super) did: Text<'a>,
    pub(super) time_us: Integer,
    #[serde(borrow)]
    pub(super) payload: Lenient<Object<HeadPayload<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct HeadPayload<'a> {
    #[serde(borrow)]
    pub(super) did: Text<'a>,
    #[serde(borrow)]
    pub(super) time: Text<'a>,
}
