//! Errors by operation, whether to retry, and what a person can do.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use pulso_model::View;
use pulso_pipeline::{AdapterError, ErrorKind, Retry};
use serde::Deserialize;

use crate::templates::TEMPLATE_VERSION;

/// The operations on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Check,
    SetUp,
    OpenIndex,
    Write,
    Query,
    Scan,
    Stage,
    Publish,
    LoadCheckpoint,
    SaveCheckpoint,
    Retain,
    Amend,
    ImportDashboards,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Check => "ask Elasticsearch for its version",
            Self::SetUp => "set up templates and indices",
            Self::OpenIndex => "make an index for documents",
            Self::Write => "write documents",
            Self::Query => "query documents",
            Self::Scan => "read a whole view",
            Self::Stage => "write batch documents",
            Self::Publish => "publish batch documents",
            Self::LoadCheckpoint => "load the checkpoint",
            Self::SaveCheckpoint => "save the checkpoint",
            Self::Retain => "remove old indices",
            Self::Amend => "change documents for good",
            Self::ImportDashboards => "import dashboards into Kibana",
        })
    }
}

/// Why the server refused a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server answered {status}: {kind}: {reason}")]
pub struct Refusal {
    pub status: u16,
    /// The server's name for it, such as `strict_dynamic_mapping_exception`.
    pub kind: String,
    pub reason: String,
}

impl Refusal {
    /// Whether the server may accept the same request later: it is busy, starting or unavailable.
    pub(crate) fn passes(&self) -> bool {
        self.status == 429 || self.status >= 500
    }
}

impl Refusal {
    /// Whether somebody can fix the cause while we wait: a missing or closed index, a full disk.
    fn mendable(&self) -> bool {
        let kinds = ["cluster_block_exception", "index_closed_exception"];
        self.status == 404 || kinds.contains(&&*self.kind)
    }

    /// Whether there are as many shards as there may be. The server has one kind for every request that
    /// its settings forbid, so the reason decides.
    fn wants_shards(&self) -> bool {
        self.kind == "validation_exception" && self.reason.contains("maximum normal shards open")
    }
}

/// What failed, and where.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{url}` is not the address of an Elasticsearch server")]
    Address { url: String },
    #[error("failed to read the certificate authority `{path}`")]
    ReadAuthority { path: PathBuf, source: io::Error },
    #[error("`{path}` holds no certificate in PEM form")]
    Authority { path: PathBuf, source: elasticsearch::Error },
    #[error("failed to set up connections to `{urls}`")]
    Client { urls: String, source: elasticsearch::http::transport::BuildError },
    #[error("failed to {operation}: no answer from `{urls}`")]
    Send { operation: Operation, urls: String, source: elasticsearch::Error },
    #[error("failed to {operation}: no answer from `{urls}` within {timeout:?}")]
    Timeout { operation: Operation, urls: String, timeout: Duration, source: elasticsearch::Error },
    #[error("failed to {operation} at `{urls}`")]
    Answer { operation: Operation, urls: String, source: Refusal },
    /// The nodes hold as many shards as the cluster allows them.
    #[error("failed to {operation}: Elasticsearch at `{urls}` has no room for more shards")]
    ShardLimit { operation: Operation, urls: String, source: Refusal },
    /// Something else answers at the address, perhaps a proxy in between.
    #[error("failed to {operation}: `{urls}` does not answer as Elasticsearch does")]
    Unreadable { operation: Operation, urls: String, source: serde_json::Error },
    #[error("`{urls}` is Elasticsearch {found}; versions 8 and 9 are supported")]
    Version { urls: String, found: String },
    /// Templates are missing, or belong to another version of Pulso.
    #[error("Elasticsearch is not set up for this version of Pulso: `{template}` is {found}")]
    NotSetUp { template: String, found: String },
    #[error(
        "the index `{index}` was made by an older version of Pulso (mappings {found}, not {TEMPLATE_VERSION})"
    )]
    OlderIndex { index: String, found: u32 },
    #[error("the index `{index}` of an older install does not fit")]
    Conflict { index: String, source: Refusal },
    /// The document was not written by Pulso, or was changed since.
    #[error("the document `{id}` in `{index}` is not as it was written")]
    Document { index: String, id: String },
    /// The server does not take the document in the place of another, or the index is gone.
    #[error("the document `{id}` in `{index}` cannot be changed")]
    Amend { index: String, id: String },
    /// A copy of a shard, or a follower in another cluster, may still ask for what was deleted.
    #[error("Elasticsearch still keeps deleted documents of the index `{index}`")]
    Retained { index: String },
    /// A later attempt at the same part has begun.
    #[error("stage {generation} of the view `{view}` is not open any more")]
    StageGone { view: View, generation: i64 },
    /// Others changed the same aliases again and again.
    #[error("failed to {operation}: others kept changing the view `{view}`")]
    Contended { operation: Operation, view: View },
    /// Another reader has saved a checkpoint since this reader's last one.
    #[error("another reader has saved the checkpoint `{name}`")]
    Replaced { name: String },
    #[error("the checkpoint `{name}` is not as it was written")]
    Checkpoint { name: String },
}

impl Error {
    /// An answer that refuses.
    pub(crate) fn refused(operation: Operation, urls: String, source: Refusal) -> Self {
        if source.wants_shards() {
            return Self::ShardLimit { operation, urls, source };
        }
        Self::Answer { operation, urls, source }
    }
}

impl AdapterError for Error {
    fn retry(&self) -> Retry {
        match self {
            Self::Send { source, .. } if certificate(source) => Retry::No,
            Self::Answer { source, .. } if source.passes() || source.mendable() => Retry::Backoff,
            // Nothing is lost by waiting for room: the log keeps what could not be written.
            Self::ShardLimit { .. }
            | Self::Send { .. }
            | Self::Timeout { .. }
            | Self::Contended { .. }
            | Self::Replaced { .. } => Retry::Backoff,
            _ => Retry::No,
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Answer { operation: Operation::ImportDashboards, source, .. } => {
                return kibana_advice(source).map(str::to_owned);
            }
            Self::Send { operation: Operation::ImportDashboards, source, .. }
                if !certificate(source) =>
            {
                "check that Kibana runs at `kibana.url`, and whether it speaks http or https there; \
                 `kibana.url = \"\"` leaves the dashboards out"
            }
            Self::Timeout { operation: Operation::ImportDashboards, .. } => {
                "see whether Kibana is still starting, and set up once more"
            }
            Self::Address { .. } => {
                "set `elasticsearch.urls` to addresses such as \"https://localhost:9200\", with the \
                 user in `elasticsearch.username`"
            }
            Self::ReadAuthority { .. } | Self::Authority { .. } => {
                "set `elasticsearch.certificate_authority` to the PEM file of the authority that \
                 signed the server's certificate"
            }
            Self::Send { source, .. } if certificate(source) => {
                "set `elasticsearch.certificate_authority` to the authority that signed the \
                 server's certificate, and look whether the certificate has expired or is for \
                 another name than the one in `elasticsearch.urls`"
            }
            Self::Send { .. } => {
                "check that Elasticsearch runs at `elasticsearch.urls`, and whether it speaks http \
                 or https there"
            }
            Self::Timeout { .. } => {
                "see whether Elasticsearch is overloaded; `elasticsearch.request_timeout` is how \
                 long an answer may take"
            }
            Self::Answer { source, .. } => return advice(source).map(str::to_owned),
            Self::ShardLimit { .. } => {
                "remove old days with `[retention]`, or raise `cluster.max_shards_per_node` of the \
                 cluster; if a source sends wild times, each of which opens indices of its own day, \
                 set `time.behind_max`"
            }
            Self::Unreadable { .. } => {
                "check that `elasticsearch.urls` names Elasticsearch and not another service"
            }
            Self::Version { .. } => "use Elasticsearch 8.12 or later, or 9",
            Self::NotSetUp { .. } => "run the set-up of the view store first, with this version",
            Self::Conflict { index, .. } | Self::OlderIndex { index, .. } => {
                return Some(format!(
                    "delete the index `{index}` (what the log or the lake holds is computed again), \
                     or set `elasticsearch.index_prefix` to begin beside it"
                ));
            }
            Self::Document { index, .. } => {
                return Some(format!("delete the index `{index}` and compute its part again"));
            }
            Self::Amend { .. } => "see the server's own log, and run the command again",
            Self::Retained { .. } => {
                "see whether all copies of its shards, and followers in other clusters, are up to date, and run \
                 the command again"
            }
            Self::StageGone { .. } => "let one program at a time run batch jobs",
            Self::Replaced { .. } => "let one speed layer run at a time on one `index_prefix`",
            Self::Checkpoint { .. } => {
                "delete all indices of this prefix; the views are computed again from the log"
            }
            Self::Client { .. } | Self::Contended { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn kibana_advice(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal.status {
        401 | 403 => {
            "let the user of `elasticsearch.username` or `elasticsearch.api_key` manage saved objects \
             and advanced settings in Kibana, or import the dashboards as another user"
        }
        429 | 500.. => "wait until Kibana has started, and set up once more",
        400 | 404 => "check that `kibana.url` names Kibana, with its base path if it has one",
        _ => return None,
    })
}

fn advice(refusal: &Refusal) -> Option<&'static str> {
    Some(match (refusal.status, &*refusal.kind) {
        (401, _) => {
            "set `elasticsearch.username` and `elasticsearch.password`, or `elasticsearch.api_key`, \
             to what the server knows"
        }
        (_, "cluster_block_exception") => {
            "the indices are read-only, mostly for want of disk space: free some, then lift the block"
        }
        (403, _) => {
            "give the user of `elasticsearch.username` or `elasticsearch.api_key` the privileges \
             `monitor`, `manage_index_templates` and, on the indices of `elasticsearch.index_prefix`, \
             `all`"
        }
        (_, "invalid_alias_name_exception") => {
            "an index of an older install has the name of a view: delete or reindex it, or set \
             another `elasticsearch.index_prefix`"
        }
        (413, _) => "raise `http.max_content_length` of the server",
        (429, _) | (500.., _) => "see the server's own log; it is busy or not whole",
        _ => return None,
    })
}

/// Whether TLS failed because of the certificate. The library hides the error's type, so its text
/// decides what to tell a person, and that a retry is useless.
fn certificate(error: &elasticsearch::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if error.to_string().contains("invalid peer certificate") {
            return true;
        }
        next = error.source();
    }
    false
}

/// The server's description of an error.
#[derive(Debug, Deserialize)]
pub(crate) struct Cause {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    caused_by: Option<Box<Cause>>,
}

impl Cause {
    /// Converts it, adding the innermost cause, which mostly says what is really wrong.
    pub(crate) fn into_refusal(self, status: u16) -> Refusal {
        let Self { kind, reason, caused_by } = self;
        let mut reason = reason.unwrap_or_default();
        let mut next = caused_by;
        while let Some(cause) = next {
            if let Some(inner) = cause.reason.filter(|inner| !reason.contains(inner)) {
                reason.push_str(": ");
                reason.push_str(&inner);
            }
            next = cause.caused_by;
        }
        Refusal { status, kind, reason }
    }
}
