//! Elasticsearch against the contract suites, and what is specific to it: names, aliases, races
//! between layers, faults of the server.

#![expect(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod checkpoints;
mod contract;
mod faults;
mod host;
mod kibana;
mod layers;
mod retention;
mod security;
mod set_up;
mod writing;
