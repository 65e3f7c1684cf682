//! The organiser's desk, and what is shown of people.

use std::time::Duration;

/// The organiser's desk. A visitor may choose otherwise.
#[derive(Clone, Debug)]
pub struct Organiser {
    /// The organiser's own group, by the name in its url.
    pub group: Option<String>,
    /// Or the topic of whose groups all events are the organiser's.
    pub topic: Option<String>,
    /// Topics that make other events relevant; empty: those of the own group.
    pub relevant: Vec<String>,
    pub similarity_min: f64,
    pub distance_km: f64,
    /// How long ago candidates said yes.
    pub recent: Duration,
    /// How long a person is not contacted again.
    pub cooling: Duration,
    /// How long contacts are kept; at least `cooling`.
    pub retention: Duration,
    /// Whether those are candidates who have answered one of the organiser's events before.
    pub own_members: bool,
    /// Over what span the change of responses is shown.
    pub change: Duration,
    pub responses_max: usize,
    /// Over what span activity and reliability of members are known; at least `recent`.
    pub past: Duration,
    pub past_max: usize,
}

/// Where names of people are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowMembers {
    /// Where only this machine can ask.
    Loopback,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug)]
pub struct Privacy {
    pub show_members: ShowMembers,
}

impl Privacy {
    /// Whether names are shown by a server that listens at an address.
    pub fn shows_members(self, listen: std::net::SocketAddr) -> bool {
        match self.show_members {
            ShowMembers::Always => true,
            ShowMembers::Never => false,
            ShowMembers::Loopback => listen.ip().is_loopback(),
        }
    }
}
