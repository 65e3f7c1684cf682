//! What the tests of several crates share: messages, contract suites, recordings, real servers, a
//! proxy with faults.
//!
//! For `[dev-dependencies]` only. It contains no fakes of ports: the in-memory adapters are
//! `pulso_pipeline::memory`, and the suites here require the same behaviour of them as of the real
//! ones.

#![expect(clippy::unwrap_used, reason = "code of tests, which end at the first surprise")]

pub mod contract;
pub mod message;
pub mod proxy;
pub mod servers;
pub mod trends;

use std::path::{Path, PathBuf};

use pulso_model::{Decoder, Key, Stream, TimeLimits, View};
use pulso_streams::Streams;

/// The stream that most tests are about: `rsvps`.
pub fn stream() -> &'static Stream {
    Streams::brought().get("rsvps").unwrap().stream
}

/// What decodes the messages of [`stream`], of any time.
pub fn decoder() -> Decoder {
    Streams::brought().get("rsvps").unwrap().decoder(TimeLimits::NONE)
}

/// The view of a name, of any stream that Pulso brings.
pub fn view(name: &str) -> View {
    Streams::brought().view(name).unwrap()
}

/// All views of the streams that Pulso brings, and the journals.
pub fn views() -> Vec<View> {
    Streams::brought().views()
}

/// The `rsvp_id` of a message, if it has one.
pub fn rsvp_id(payload: &[u8]) -> Option<i64> {
    match decoder().head(payload).key? {
        Key::Integer(id) => Some(id),
        Key::Text(_) => None,
    }
}

/// The folder of recorded real messages, beside the repository. Returns `None`, and prints why, if
/// there is none.
///
/// Tests that use it return early on `None`, because none of it may be copied into the repository.
pub fn recordings() -> Option<PathBuf> {
    // Tests run in the folder of their package; a path baked in at build time would be another
    // checkout's where several share a target folder.
    let folder = Path::new("../../../shared/data");
    let found = folder.canonicalize().ok();
    if found.is_none() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
    }
    found
}
