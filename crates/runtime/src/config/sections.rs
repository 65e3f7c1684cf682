//! The sections of the configuration. `default.toml` describes every key; here are its types.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use croner::Cron;
use http::Uri;

use super::{ByteSize, Secret, url};

mod admission;
mod deployment;
mod guard;
mod listening;
mod organiser;

pub use admission::{Admission, Share};
pub use deployment::{
    AtLimit, Elasticsearch, Kafka, Kibana, LogStore, Login, Lost, Operations, Retention,
    SaslMechanism, Spool, Tls, ViewStore, Views,
};
pub use guard::{Guard, LoginMode, Network, ParseNetworkError};
pub use listening::{Listening, ServerTls, SyslogTransport};

pub use organiser::{Organiser, Privacy, ShowMembers};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The stream that is meant, by name; the sections that may differ by stream are as it has them.
    pub stream: String,
    /// Whether its single facts are a view; `None`: as its descriptor says.
    pub facts: Option<bool>,
    /// Whether its sessions are computed; `None`: as its descriptor says.
    pub show_sessions: Option<bool>,
    /// Whether deletions are honoured in the lake.
    pub honour_deletions: bool,
    pub declared: Declared,
    pub(crate) streams: Streams,
    pub logs: Logs,
    pub data: Data,
    pub log: Log,
    pub views: Views,
    pub kafka: Kafka,
    pub elasticsearch: Elasticsearch,
    pub kibana: Kibana,
    pub spool: Spool,
    pub acquisition: Acquisition,
    pub time: Time,
    pub window: Window,
    pub echo: Echo,
    pub sessions: Sessions,
    pub trends: Trends,
    pub checkpoint: Checkpoint,
    pub archive: Archive,
    pub batch: Batch,
    pub schedule: Schedule,
    pub retention: Retention,
    pub web: Web,
    pub guard: Guard,
    pub organiser: Organiser,
    pub privacy: Privacy,
    pub operations: Operations,
    pub demo: Demo,
}

/// The streams of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// Those that are served, by name; at least one.
    pub(crate) served: Vec<String>,
    /// Whether the configuration or the command line says so. Otherwise views of any may be looked at.
    pub(crate) chosen: bool,
    /// What those say that have a table.
    pub(crate) tables: BTreeMap<String, OfStream>,
    /// What holds for the others.
    pub(crate) others: OfStream,
}

/// What may differ by stream.
#[derive(Clone, Debug)]
pub(crate) struct OfStream {
    pub(crate) facts: Option<bool>,
    pub(crate) show_sessions: Option<bool>,
    pub(crate) honour_deletions: bool,
    pub(crate) time: Time,
    pub(crate) window: Window,
    pub(crate) echo: Echo,
    pub(crate) sessions: Sessions,
    pub(crate) trends: Trends,
    pub(crate) retention: Retention,
}

/// Streams that users declare, and those that Pulso brings.
#[derive(Clone, Debug)]
pub struct Declared {
    pub directory: PathBuf,
    /// All streams that could be read.
    pub(crate) streams: pulso_streams::Streams,
    /// What is wrong with the others.
    pub problems: Vec<pulso_streams::FileProblem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

impl LogFormat {
    /// As it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// What the program tells about itself.
#[derive(Clone, Debug)]
pub struct Logs {
    pub format: LogFormat,
    /// In the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}

#[derive(Clone, Debug)]
pub struct Data {
    pub directory: PathBuf,
}

/// The log of messages.
#[derive(Clone, Debug)]
pub struct Log {
    pub store: LogStore,
    /// 1 to 64.
    pub partitions: u32,
    pub batch_records: usize,
}

/// How far a message's time may lie from the time at which the log stored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    pub ahead_max: Duration,
    /// `None`: as far behind as it likes.
    pub behind_max: Option<Duration>,
}

/// Where messages come from.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Unique among the sources.
    pub name: Arc<str>,
    /// The stream that its messages are of.
    pub stream: String,
    /// Servers of the same stream, at least one, where it comes from servers; with a host and a scheme that fits the protocol.
    pub urls: Vec<Uri>,
    pub protocol: Protocol,
    /// Which of its messages come in.
    pub admission: Admission,
    /// How far before the largest time stored the source is asked to go on. At least a millisecond,
    /// so that the message with this time comes again and shows that nothing before it is missing.
    pub resume_margin: Duration,
}

/// What a source speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Each frame is a message.
    Websocket {
        /// The query parameter that takes the event time to go on from; `None` when there is none.
        resume_parameter: Option<String>,
    },
    /// That of the servers of the AT Protocol's stream, in the version that the path of the url names.
    Jetstream,
    /// An answer to a GET that does not end.
    Http {
        format: Format,
        /// As of a websocket.
        resume_parameter: Option<String>,
    },
    /// The lines of files that are written to.
    File {
        /// Patterns, at least one.
        paths: Vec<String>,
        from: FilesFrom,
    },
    /// Lines of senders that connect.
    Tcp(Listening),
    /// What senders of syslog send.
    Syslog(SyslogTransport),
    /// The bodies of POSTs.
    Push {
        listen: SocketAddr,
        /// What senders have to know; there is one where others than this machine can send.
        token: Option<Secret>,
        /// Of a body, decompressed.
        body_bytes_max: ByteSize,
    },
}

/// Where files are read from that were there before the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesFrom {
    Start,
    End,
}

/// How messages follow one another in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One on each line.
    Lines,
    /// As data of server-sent events.
    Events,
}

impl Protocol {
    /// The path of version 1 of Jetstream's protocol.
    pub const JETSTREAM_1: &str = "/subscribe";
    /// The path of version 2.
    pub const JETSTREAM_2: &str = "/xrpc/network.bsky.jetstream.subscribeEvents";

    /// Where the configuration names no `resume_margin`.
    pub(crate) fn resume_margin(&self) -> Duration {
        match self {
            Self::Websocket { .. } => Source::RESUME_MARGIN,
            Self::Jetstream => Source::JETSTREAM_MARGIN,
            Self::Http { .. } => Source::HTTP_MARGIN,
            Self::File { .. } | Self::Tcp(_) | Self::Syslog(_) | Self::Push { .. } => {
                Duration::ZERO
            }
        }
    }
}

impl Source {
    /// A fifth more than the 74.7 days by which the latest message of all recordings was behind.
    pub const RESUME_MARGIN: Duration = Duration::from_hours(90 * 24);
    /// More than the clocks of Jetstream's servers are apart.
    pub const JETSTREAM_MARGIN: Duration = Duration::from_secs(10);
    /// By how much messages of one feed may be out of order; more than the servers behind one are apart.
    pub const HTTP_MARGIN: Duration = Duration::from_mins(1);

    /// Reads the url of a source, and checks that it is one for the protocol.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn read_url(text: &str, protocol: &Protocol) -> Result<Uri, (String, String)> {
        url::read(text, protocol).map_err(|wrong| (wrong.text, wrong.hint))
    }
}

/// A url for logs and messages: without what may be a secret.
pub fn shown_url(url: &Uri) -> String {
    masked_url(&url.to_string())
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Source")
            .field("name", &self.name)
            .field("stream", &self.stream)
            .field("urls", &self.urls.iter().map(shown_url).collect::<Vec<_>>())
            .field("protocol", &self.protocol)
            .field("resume_margin", &self.resume_margin)
            .finish()
    }
}

/// A url without what may be a secret: its query, and a user name with its password.
pub(super) fn masked_url(url: &str) -> String {
    let (place, query) = url.split_once('?').map_or((url, ""), |(place, _)| (place, "?***"));
    let (scheme, rest) = place.split_once("://").unwrap_or(("", place));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}{query}"),
        None => format!("{place}{query}"),
    }
}

#[derive(Clone, Debug)]
pub struct Acquisition {
    pub sources: Vec<Source>,
    /// A PEM file.
    pub trusted_certificates: Option<PathBuf>,
    pub connect_timeout: Duration,
    pub idle_timeout: Duration,
    pub ping_interval: Duration,
    pub pong_timeout: Duration,
    pub backoff_initial: Duration,
    pub backoff_max: Duration,
    pub message_bytes_max: ByteSize,
    pub buffer_messages: usize,
    pub buffer_bytes: ByteSize,
    pub batch_messages: usize,
    pub batch_delay: Duration,
    pub anonymize_addresses: bool,
    /// The host that was asked, where messages do not say it.
    pub host: Option<String>,
}

/// Durations in event time, but for `idle_timeout`.
#[derive(Clone, Debug)]
pub struct Window {
    /// A multiple of `slide`.
    pub size: Duration,
    /// A day is a multiple of it.
    pub slide: Duration,
    pub max_out_of_orderness: Duration,
    pub allowed_lateness: Duration,
    /// In processing time.
    pub idle_timeout: Duration,
}

#[derive(Clone, Debug)]
pub struct Echo {
    /// In event time.
    pub horizon: Duration,
    pub keys_max: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    pub keys_max: usize,
}

#[derive(Clone, Debug)]
pub struct Trends {
    pub count_above: u64,
    /// The keys of terms that are never listed.
    pub mute: BTreeSet<String>,
    pub terms_max: usize,
    pub scope_terms_max: usize,
    pub unusual_from: f64,
    pub unusual_max: usize,
    pub scope_unusual_max: usize,
    /// A multiple of `window.slide`, at least `window.size`.
    pub baseline: Duration,
}

#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub interval: Duration,
    pub records_max: u64,
}

#[derive(Clone, Debug)]
pub struct Archive {
    pub batch_bytes: ByteSize,
    pub batch_delay: Duration,
    pub target_file_bytes: ByteSize,
    pub compact_files_min: usize,
    pub replaced_files_kept: Duration,
}

#[derive(Clone, Debug)]
pub struct Batch {
    pub memory_max: ByteSize,
    /// 0 means one per core; see [`Batch::cores`].
    pub threads: usize,
}

impl Batch {
    /// How many threads a job uses, at least 1.
    pub fn cores(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, Into::into),
            threads => threads,
        }
    }
}

/// When the batch layer runs by itself. Expressions are in UTC.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub enabled: bool,
    pub archive: Cron,
    pub jobs: Cron,
    pub retain: Option<Cron>,
    pub deletions: Option<Cron>,
}

#[derive(Clone, Debug)]
pub struct Web {
    pub listen: SocketAddr,
    pub page_limit_default: usize,
    /// At least `page_limit_default`.
    pub page_limit_max: usize,
}

#[derive(Clone, Debug)]
pub struct Demo {
    /// Messages per second, 1 to 100,000.
    pub rate: u32,
}
