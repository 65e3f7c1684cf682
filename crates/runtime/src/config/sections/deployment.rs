//! The sections of a deployment on servers: where log and views are, how to speak to the servers,
//! how long to keep what, and where operators look.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use crate::config::{ByteSize, Secret};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStore {
    /// `log.db` in the data directory.
    Embedded,
    Kafka,
}

/// Where views are kept.
#[derive(Clone, Debug)]
pub struct Views {
    pub store: ViewStore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewStore {
    /// `views.db` in the data directory.
    Embedded,
    Elasticsearch,
}

/// How to reach Kafka, and what is where in it.
#[derive(Clone, Debug)]
pub struct Kafka {
    /// At least one, each as `host:port`.
    pub brokers: Vec<String>,
    pub client: String,
    /// What the names of topics and of the consumer group begin with.
    pub topic_prefix: String,
    pub replication: u16,
    /// `None`: for ever.
    pub retention: Option<Duration>,
    pub lost: Lost,
    pub timeout: Duration,
    /// `None`: not encrypted.
    pub tls: Option<Tls>,
    pub sasl: Option<(SaslMechanism, Login)>,
}

/// What to do about messages that were gone before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    Refuse,
    Skip,
}

/// PEM files; without an authority those of the system are trusted.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    pub certificate_authority: Option<PathBuf>,
    /// This side's own, with its private key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    pub key_password: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    Plain,
    ScramSha256,
    ScramSha512,
}

#[derive(Clone, Debug)]
pub struct Login {
    pub username: String,
    pub password: Secret,
}

/// How to reach Elasticsearch, and what its indices are like.
#[derive(Clone, Debug)]
pub struct Elasticsearch {
    /// At least one, with scheme `http` or `https` and a host, without a user.
    pub urls: Vec<Uri>,
    pub index_prefix: String,
    pub shards: u32,
    pub replicas: u32,
    pub bulk_bytes: ByteSize,
    pub bulk_requests_in_flight: usize,
    pub request_timeout: Duration,
    /// A PEM file.
    pub certificate_authority: Option<PathBuf>,
    /// Never together with `api_key`.
    pub login: Option<Login>,
    pub api_key: Option<Secret>,
}

/// The Kibana that shows the views; it is spoken to as the user of Elasticsearch.
#[derive(Clone, Debug)]
pub struct Kibana {
    /// With scheme `http` or `https` and a host, without a user; `None`: there is none.
    pub url: Option<Uri>,
}

/// Where acquisition keeps messages while Kafka is away.
#[derive(Clone, Debug)]
pub struct Spool {
    /// Below `data.directory` unless absolute.
    pub directory: PathBuf,
    pub bytes_max: ByteSize,
    pub at_limit: AtLimit,
}

/// What to do with messages that have no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtLimit {
    /// Do not read them.
    Wait,
    /// Lose them, and count them.
    Drop,
}

/// How old a day may become, in whole days; `None`: it is kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub speed_views: Option<Duration>,
    pub batch_views: Option<Duration>,
    /// At least as old as `lake`.
    pub journals: Option<Duration>,
    pub lake: Option<Duration>,
}

impl Retention {
    /// Whether everything is kept for ever.
    pub fn keeps_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Where services tell how they are; `None`: nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Operations {
    pub acquisition: Option<SocketAddr>,
    pub speed: Option<SocketAddr>,
    pub batch: Option<SocketAddr>,
}
