//! The server as clients see it, over a real socket: in front of the in-memory view store, and of
//! the real ones, which must answer alike.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail the test")]

mod api;
mod contacts;
mod feed;
mod guard;
mod messages;
mod numbers;
mod organiser;
mod pages;
mod parity;
mod privacy;
mod problems;
mod server;
mod views;
