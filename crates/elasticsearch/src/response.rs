//! Answers of the server.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::{Cause, Refusal};

/// An answer with any status.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Response {
    pub(crate) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// What an unsuccessful answer says. A proxy in between may say anything.
    pub(crate) fn refusal(&self) -> Refusal {
        #[derive(Deserialize)]
        struct Answer {
            error: Cause,
        }
        match self.parse::<Answer>() {
            Ok(answer) => answer.error.into_refusal(self.status),
            Err(_) => Refusal {
                status: self.status,
                kind: "no reason given".to_owned(),
                reason: String::from_utf8_lossy(&self.body).chars().take(200).collect(),
            },
        }
    }
}

/// The answer to a bulk request: the outcome of each item, in the order of the request.
#[derive(Debug, Deserialize)]
pub(crate) struct BulkAnswer {
    pub(crate) items: Vec<ItemAnswer>,
}

/// An outcome, under the name of the item's action.
#[derive(Debug, Deserialize)]
pub(crate) struct ItemAnswer {
    #[serde(alias = "create", alias = "delete")]
    index: ItemStatus,
}

#[derive(Debug, Deserialize)]
struct ItemStatus {
    status: u16,
    #[serde(default)]
    error: Option<Cause>,
}

/// The outcome of one item of a bulk request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The document is as it should be, perhaps because it already was.
    Done,
    /// The index does not take documents, or is gone.
    Missing,
    /// The server may accept it later.
    Later(Refusal),
    /// The server will never accept this document.
    Rejected(Refusal),
    /// The server refused it for a reason that concerns all items.
    Failed(Refusal),
}

/// Errors with status 400 that are not about the document.
const NOT_ABOUT_THE_DOCUMENT: [&str; 3] =
    ["index_closed_exception", "invalid_index_name_exception", "validation_exception"];

impl ItemAnswer {
    pub(crate) fn fate(self) -> Fate {
        let ItemStatus { status, error } = self.index;
        let Some(error) = error else { return Fate::Done };
        let refusal = error.into_refusal(status);
        match status {
            // The document is there already, and the first one stays.
            409 => Fate::Done,
            404 => Fate::Missing,
            400 if !NOT_ABOUT_THE_DOCUMENT.contains(&&*refusal.kind) => Fate::Rejected(refusal),
            _ if refusal.passes() => Fate::Later(refusal),
            _ => Fate::Failed(refusal),
        }
    }
}

/// The answer to a search.
#[derive(Debug, Deserialize)]
pub(crate) struct SearchAnswer<'a> {
    #[serde(default)]
    pub(crate) pit_id: Option<String>,
    #[serde(borrow)]
    pub(crate) hits: Hits<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hits<'a> {
    #[serde(borrow)]
    pub(crate) hits: Vec<Hit<'a>>,
}

/// One document found; `source` is the text that was sent when it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct Hit<'a> {
    #[serde(rename = "_index")]
    pub(crate) index: String,
    #[serde(rename = "_id")]
    pub(crate) id: String,
    #[serde(rename = "_source", borrow)]
    pub(crate) source: &'a RawValue,
    #[serde(borrow, default)]
    pub(crate) sort: Option<&'a RawValue>,
}

/// A point in time.
#[derive(Debug, Deserialize)]
pub(crate) struct PointInTime {
    pub(crate) id: String,
}

/// The aliases of indices.
pub(crate) type Aliases = BTreeMap<String, IndexAliases>;

#[derive(Debug, Deserialize)]
pub(crate) struct IndexAliases {
    #[serde(deserialize_with = "keys")]
    pub(crate) aliases: Vec<String>,
}

fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let map = BTreeMap::<String, serde::de::IgnoredAny>::deserialize(deserializer)?;
    Ok(map.into_keys().collect())
}

#[cfg(test)]
mod tests;
