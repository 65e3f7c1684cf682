//! SQLite against the contract suites, against faults of files, and as people see it.

#![expect(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod contract;
mod crash;
mod damage;
mod people;
mod refusal;
