//! The serving layer: a JSON API over the views, metrics and health, and pages that show any
//! stream.
//!
//! It reads only through the [`Views`](pulso_pipeline::Views) port: it knows no database, computes
//! no view, and writes nothing but the contacts of the organiser's desk.

pub mod account;
mod caller;
pub mod cli;
mod http;
mod organiser;
mod people;
pub mod report;
mod server;

pub use caller::{Caller, Role};
pub use http::{
    Facts, Guard, GuardError, Messages, Options, Progress, ReadAccountsError, Served, Windows,
};
pub use organiser::{ContactWriter, Demo, Invitation, Organiser};
pub use people::People;
pub use pulso_runtime::server::{BindError, bind};
pub use server::{RunError, run};
