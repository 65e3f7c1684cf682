//! The speed layer from the outside: scenarios, the run loop's promises, recordings, the program.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

mod beginning;
mod health;
mod ports;
mod program;
mod recording;
mod recount;
mod running;
mod saving;
mod scenario;
mod standby;
mod visits;
