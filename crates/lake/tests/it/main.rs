//! The table as its users see it, on real folders.

mod compaction;
mod damage;
mod exactly_once;
mod maintenance;
mod reading;
mod support;
