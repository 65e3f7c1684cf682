//! What the organiser's desk keeps in memory, and how it writes contacts.
//!
//! The desk works for a stream whose facts say which member answers which event of which group. It
//! follows the view of these facts: it holds the newest of them, those about the organiser's events,
//! and those of members who were contacted. Contacts are documents of the view store and outlive it.

mod desk;
mod keep;
mod read;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pulso_model::{EventTime, Stream};
use pulso_organiser::Choice;
use pulso_runtime::{Config, config};
use tokio::sync::Mutex;

use crate::People;

pub(crate) use desk::{Busy, Desk, Wanted};
pub(crate) use keep::{ContactError, contact, keep};
pub(crate) use read::{StoredContact, fits};
pub use writer::ContactWriter;

/// How the organiser's desk behaves.
#[derive(Clone, Debug)]
pub struct Organiser {
    pub settings: config::Organiser,
    /// Who members are, as far as it shows them.
    pub people: People,
    /// How contacts are written; without it the desk can only be looked at.
    pub contacts: Option<ContactWriter>,
    pub demo: Option<Demo>,
    desk: Arc<Mutex<Desk>>,
}

/// An organiser who contacts the best candidate by themselves, again and again.
#[derive(Clone)]
pub struct Demo {
    pub every: Duration,
    /// Is told of each contact.
    pub invite: Arc<dyn Fn(Invitation) + Send + Sync>,
}

/// Who was invited to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub member: i64,
    pub group: i64,
    pub event_time: EventTime,
}

impl fmt::Debug for Demo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Demo").field("every", &self.every).finish_non_exhaustive()
    }
}

impl From<&Config> for Organiser {
    fn from(config: &Config) -> Self {
        Self {
            settings: config.organiser.clone(),
            people: People::from(config),
            contacts: None,
            demo: None,
            desk: Arc::default(),
        }
    }
}

impl Organiser {
    pub(crate) fn desk(&self) -> Arc<Mutex<Desk>> {
        Arc::clone(&self.desk)
    }

    /// The organiser's own events as the configuration has them.
    pub(crate) fn choice(&self) -> Option<Choice> {
        let config::Organiser { group, topic, .. } = &self.settings;
        let group = group.clone().map(Choice::Group);
        group.or_else(|| topic.clone().map(Choice::Topic))
    }

    /// What the configuration wants, for a choice.
    pub(crate) fn wanted(&self, choice: Choice) -> Wanted {
        let config::Organiser { relevant, distance_km, own_members, .. } = &self.settings;
        let (distance_km, own_members) = (*distance_km, *own_members);
        Wanted { choice, relevant: relevant.clone(), distance_km, own_members }
    }

    /// What a member is called in requests: the id, or a pseudonym.
    pub(crate) fn handle(&self, member: i64) -> String {
        match self.people.shown() {
            true => member.to_string(),
            false => self.people.pseudonym(&member.to_string()),
        }
    }

    /// What a member is called on the page.
    pub(crate) fn shown_name(&self, member: i64, name: Option<&str>) -> String {
        match (self.people.shown(), name) {
            (true, Some(name)) => name.to_owned(),
            (true, None) => format!("Member {member}"),
            (false, _) => {
                let pseudonym = self.people.pseudonym(&member.to_string());
                format!("Member {}", pseudonym.chars().skip(1).take(6).collect::<String>())
            }
        }
    }
}

/// The first stream of which there can be a desk.
pub(crate) fn stream_of(
    mut streams: impl Iterator<Item = &'static Stream>,
) -> Option<&'static Stream> {
    streams.find(|stream| fits(stream))
}
