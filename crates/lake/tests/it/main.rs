//! The table as its users see it, on real folders.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod archived;
mod compaction;
mod damage;
mod exactly_once;
mod maintenance;
mod reading;
mod rewrite;
mod streams;
mod support;
mod times;
