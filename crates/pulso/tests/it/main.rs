//! The program as a user runs it.

mod command_line;
mod kill;
mod replay;
mod support;
