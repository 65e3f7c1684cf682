//! What the tests of several crates share: messages, contract suites, recordings, real servers, a proxy with faults.
//!
//! For `[dev-dependencies]` only. Holds no fake of a port: the in-memory adapters are
//! `pulso_pipeline::memory`, and the suites here hold them to the same behaviour as the real ones.

#![expect(clippy::unwrap_used, reason = "code of tests, which end at the first surprise")]

pub mod contract;
pub mod message;
pub mod proxy;
pub mod servers;

use std::path::{Path, PathBuf};

/// The folder of recorded real messages, beside the repository; prints why when there is none.
///
/// Tests that use it return early on `None`, as nothing of it may be copied into the repository.
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
