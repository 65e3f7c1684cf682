//! The batch layer over real Delta tables in temporary folders.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod complete;
mod deletions;
mod echoes;
mod erase;
mod erase_servers;
mod golden;
mod incremental;
mod jobs;
mod naive;
mod pairs;
mod person;
mod program;
mod publish;
mod recording;
mod retain;
mod sessions;
mod spill;
mod statistics;
mod streams;
mod support;
mod uncompared;
mod verify;
