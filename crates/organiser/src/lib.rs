//! The organiser's desk: whom to invite to an event, and whether it worked.
//!
//! An organiser has events of their own. Members who just said yes to similar events nearby are
//! candidates. Whoever was contacted and then says yes to one of the organiser's events is a
//! conversion. All of it is a function of responses, contacts and the time now: this crate reads no
//! store and no clock.

mod candidates;
mod chart;
mod contacts;
mod distance;
mod history;
mod own;
mod past;
mod similarity;
#[cfg(test)]
mod tests;

pub use candidates::{Candidate, Match, Reasons, Search, candidates};
pub use chart::{Bar, chart};
pub use contacts::{Contact, Conversion, Rate, conversions, rates};
pub use distance::haversine_km;
pub use history::{Answer, Event, Group, History, Member, Response};
pub use own::{Choice, OwnEvent, busiest_group, own_events};
pub use past::Past;
pub use similarity::Similarity;
