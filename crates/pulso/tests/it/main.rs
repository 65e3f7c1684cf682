//! The program as a user runs it.

#![expect(clippy::unwrap_used, reason = "tests end at the first surprise")]

mod command_line;
mod data_folder;
mod declared;
mod deployment;
mod digests;
mod kill;
mod new_stream;
mod replay;
mod report;
mod streams;
mod support;
