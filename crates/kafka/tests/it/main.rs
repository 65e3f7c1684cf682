//! The adapter on real brokers.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod contract;
mod failures;
mod lease;
mod outage;
mod reading;
mod security;
mod support;
mod topics;
mod writing;
