//! The streams that Pulso brings, one folder each, and those that users declare.
//!
//! A stream is a descriptor (`stream.toml`), a decoder and its SQL. Everything else knows facts only.
//! To add one that Pulso brings: a folder beside `src`, and a line in `BROUGHT`.

pub mod descriptor;
mod domain;
mod folder;
pub mod guess;
mod json;
#[path = "../posts/decode.rs"]
mod posts;
pub mod program;
#[cfg(test)]
mod redaction;
#[path = "../requests/decode.rs"]
mod requests;
#[path = "../rsvps/decode.rs"]
mod rsvps;
#[cfg(test)]
mod scenarios;
mod streams;
mod trial;

pub use folder::{FileProblem, Folder};
pub use streams::{Definition, Streams, UnknownStream};
pub use trial::Trial;

use std::sync::Arc;

use pulso_model::Decode;

/// What the program carries of a stream: its files and, where it is native, its decoder.
struct Brought {
    folder: &'static str,
    descriptor: &'static str,
    files: &'static [(&'static str, &'static str)],
    decoder: Option<fn() -> Arc<dyn Decode>>,
}

macro_rules! brought {
    ($folder:literal, $decoder:expr, [$($file:literal),* $(,)?]) => {
        Brought {
            folder: $folder,
            descriptor: include_str!(concat!("../", $folder, "/stream.toml")),
            files: &[$(($file, include_str!(concat!("../", $folder, "/", $file)))),*],
            decoder: $decoder,
        }
    };
}

/// The stream that is meant where none is named.
pub const USUAL: &str = BROUGHT[0].folder;

const BROUGHT: &[Brought] = &[
    brought!(
        "rsvps",
        Some(|| Arc::new(rsvps::Rsvps)),
        [
            "groups.sql",
            "events.sql",
            "group-days.sql",
            "event-days.sql",
            "topic-pairs.sql",
            "kibana.ndjson"
        ]
    ),
    brought!(
        "posts",
        Some(|| Arc::new(posts::Posts)),
        ["hashtag-days.sql", "domain-days.sql", "language-days.sql"]
    ),
    brought!(
        "requests",
        Some(|| Arc::new(requests::Requests)),
        [
            "traffic-hours.sql",
            "path-days.sql",
            "referrer-days.sql",
            "visitor-days.sql",
            "kibana.ndjson"
        ]
    ),
    brought!("clicks", None, ["decode.vrl", "link-days.sql", "city-days.sql"]),
    brought!("comments", None, ["decode.vrl", "discussions.sql", "discussion-days.sql"]),
    brought!("open-events", None, ["decode.vrl", "upcoming-events.sql", "category-days.sql"]),
    brought!("calendar", None, ["decode.vrl", "calendar-events.sql", "calendar-days.sql"]),
];
