//! What the tests of several crates share: messages, contract suites, recordings.
//!
//! For `[dev-dependencies]` only. Holds no fake of a port: the in-memory adapters are
//! `pulso_pipeline::memory`, and the suites here hold them to the same behaviour as the real ones.

#![expect(clippy::unwrap_used, reason = "code of tests, which end at the first surprise")]

pub mod contract;
pub mod message;

use std::path::{Path, PathBuf};

/// The folder of recorded real messages, beside the repository; prints why when there is none.
///
/// Tests that use it return early on `None`, as nothing of it may be copied into the repository.
pub fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no recordings at `{}`", folder.display());
    None
}
