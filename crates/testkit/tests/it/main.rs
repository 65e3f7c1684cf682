//! The in-memory adapters against the contract suites, and the rules of the workspace.

#![expect(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod architecture;
mod dependencies;
mod deployment;
mod kibana;
mod memory;
mod messages;
mod proxy;
mod servers;
