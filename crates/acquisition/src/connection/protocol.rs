//! What a source speaks: how it is asked for messages, and what its frames mean.
//!
//! Pure: from a url, a place and a frame to what follows. [`Resume`](super::resume::Resume) decides when to
//! ask for what.

mod events;
pub(super) mod jetstream;
mod plain;

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use pulso_model::EventTime;
use pulso_runtime::config::{self, Format, Source};

/// A place in a source, as the cursor of a stored message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The largest time up to there.
    pub(super) time: EventTime,
    /// The message there, where the source numbers them.
    pub(super) number: Option<Number>,
    /// What the source calls the place behind it, where it has names for that.
    pub(super) id: Option<Arc<str>>,
}

/// The number of a message on one of a source's hosts; on another it means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) seq: u64,
    /// With its port.
    pub(super) host: Arc<str>,
}

/// Where a source is asked to begin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start<'a> {
    /// With what comes now.
    Live,
    /// This long before a place.
    Before(&'a Place, Duration),
    /// Behind a place.
    After(&'a Place),
}

/// What a source is asked, by its url and the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) url: Uri,
    pub(crate) subprotocol: Option<&'static str>,
    /// The place to go on behind, by the source's name for it.
    pub(crate) last_event_id: Option<Arc<str>>,
    /// Asks for a place by its number or name, which only that source knows.
    pub(crate) by_number: bool,
}

/// What a frame is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Frame {
    /// A message, whatever is in it; and what its source says of its place.
    Message(Option<Mark>),
    /// The server says something of the connection.
    Info(String),
    /// The server says why it ends the connection.
    Error(Farewell),
}

/// What a source says of a message's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) time: EventTime,
    pub(crate) seq: Option<u64>,
}

/// Why a server ends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Farewell {
    /// Its own name for it.
    pub(crate) error: String,
    pub(crate) message: String,
}

/// The protocol of one source.
#[derive(Clone, Debug)]
pub(super) enum Protocol {
    Plain(plain::Plain),
    Jetstream,
    Events(events::Events),
}

impl Protocol {
    pub(super) fn of(source: &Source) -> Self {
        match &source.protocol {
            config::Protocol::Websocket { resume_parameter } => {
                Self::Plain(plain::Plain { parameter: resume_parameter.clone() })
            }
            config::Protocol::Jetstream => Self::Jetstream,
            config::Protocol::Http { format, resume_parameter } => {
                let parameter = resume_parameter.clone();
                match format {
                    Format::Lines => Self::Plain(plain::Plain { parameter }),
                    Format::Events => Self::Events(events::Events { parameter }),
                }
            }
            // These are not connected to.
            config::Protocol::File { .. }
            | config::Protocol::Tcp(_)
            | config::Protocol::Syslog(_)
            | config::Protocol::Push { .. } => Self::Plain(plain::Plain { parameter: None }),
        }
    }

    /// Whether the source can be asked for what it sent before.
    pub(super) fn resumes(&self) -> bool {
        match self {
            Self::Plain(plain) => plain.parameter.is_some(),
            Self::Jetstream | Self::Events(_) => true,
        }
    }

    /// Whether the source can be asked to go on from this very place.
    pub(super) fn knows(&self, place: &Place) -> bool {
        match self {
            Self::Events(events) => place.id.is_some() || events.parameter.is_some(),
            _ => self.resumes(),
        }
    }

    /// Whether the source goes on right behind this place, without a message that shows that nothing is missing.
    pub(super) fn goes_on_behind(&self, place: &Place) -> bool {
        matches!(self, Self::Events(_)) && place.id.is_some()
    }

    /// Whether a message comes after all that were sent before it, whatever their times. Then nothing is left
    /// out behind a place.
    pub(super) fn in_order(&self) -> bool {
        matches!(self, Self::Jetstream)
    }

    /// Whether a source that sends nothing of its own for long may be well: one with a narrow filter is.
    pub(super) fn may_be_silent(&self) -> bool {
        matches!(self, Self::Jetstream)
    }

    pub(super) fn request(&self, url: &Uri, start: Start<'_>) -> Request {
        match self {
            Self::Plain(plain) => plain.request(url, start),
            Self::Jetstream => jetstream::request(url, start),
            Self::Events(events) => events.request(url, start),
        }
    }

    pub(super) fn read(&self, frame: &[u8]) -> Frame {
        match self {
            Self::Plain(_) | Self::Events(_) => Frame::Message(None),
            Self::Jetstream => jetstream::read(frame),
        }
    }

    /// The text form of a place, which is kept with the message there.
    pub(super) fn cursor(&self, place: &Place) -> Arc<str> {
        match self {
            Self::Plain(_) => plain::cursor(place),
            Self::Jetstream => jetstream::cursor(place),
            Self::Events(_) => events::cursor(place),
        }
    }

    pub(super) fn place(&self, cursor: &str) -> Option<Place> {
        match self {
            Self::Plain(_) => plain::place(cursor),
            Self::Jetstream => jetstream::place(cursor),
            Self::Events(_) => events::place(cursor),
        }
    }
}

/// A host, as cursors name it: with its port.
pub(super) fn host(url: &Uri) -> &str {
    url.authority().map_or("", |authority| authority.as_str())
}

/// A time before another one.
fn before(time: EventTime, margin: Duration) -> EventTime {
    let margin_ms = i64::try_from(margin.as_millis()).unwrap_or(i64::MAX);
    // No source needs to know of negative times, unless its own are.
    EventTime(time.0.saturating_sub(margin_ms).max(time.0.min(0)))
}

/// Adds a parameter to the query.
fn with_parameter(url: &Uri, parameter: &str, value: impl std::fmt::Display) -> Uri {
    let mut parts = url.clone().into_parts();
    let separator = if url.query().is_some() { '&' } else { '?' };
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let path = format!("{path}{separator}{parameter}={value}");
    parts.path_and_query = Some(path.parse().expect("the configuration checks the parameter"));
    Uri::from_parts(parts).expect("only the query was changed")
}
