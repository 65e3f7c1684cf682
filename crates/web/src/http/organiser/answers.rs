//! What the organiser's desk answers.

use pulso_model::{EventTime, Location};
use pulso_organiser::{Candidate, Choice, Event, History};
use serde::Serialize;

use super::parameters::Asked;
use crate::organiser::{Desk, Organiser, StoredContact, Wanted};

/// An answer after what all begin with.
#[derive(Debug, Serialize)]
pub(super) struct With<T> {
    #[serde(flatten)]
    about: About,
    #[serde(flatten)]
    answer: T,
}

pub(super) fn with<T>(about: About, answer: T) -> With<T> {
    With { about, answer }
}

/// What was asked, with all that the request left out, and how much is known.
#[derive(Debug, Serialize)]
pub(super) struct About {
    #[serde(skip)]
    wanted: Option<Wanted>,
    /// The own group or topic; `null` as long as nobody chose.
    choice: Option<ChoiceEntry>,
    relevant: Vec<String>,
    distance_km: f64,
    own_members: bool,
    /// The time of the newest response, which is the desk's now.
    as_of: Option<String>,
    /// All responses since then are known; `null`: all that there are.
    since: Option<String>,
    responses: usize,
    /// How often members said yes and kept to it is known since then; `null`: nothing is known.
    past_since: Option<String>,
    members_shown: bool,
    can_contact: bool,
    /// How often the demo contacts somebody; `null` where a person does.
    demo_seconds: Option<u64>,
    recent_seconds: u64,
    cooling_seconds: u64,
    change_seconds: u64,
}

#[derive(Debug, Serialize)]
struct ChoiceEntry {
    by: &'static str,
    name: String,
    /// Who chose.
    from: &'static str,
}

impl About {
    pub(super) fn new(desk: &mut Desk, organiser: &Organiser, asked: &Asked) -> Self {
        let chosen = asked.own.clone().map(|choice| (choice, "request"));
        let chosen = chosen.or_else(|| Some((organiser.choice()?, "configuration")));
        let chosen = chosen.or_else(|| {
            organiser.demo.as_ref()?;
            Some((desk.automatic()?, "demo"))
        });
        let usual = organiser.wanted(Choice::Topic(String::new()));
        let distance_km = asked.distance_km.unwrap_or(usual.distance_km);
        let own_members = asked.own_members.unwrap_or(usual.own_members);
        let relevant = asked.relevant.clone().unwrap_or(usual.relevant);
        let wanted =
            chosen.clone().map(|(choice, _)| Wanted { choice, relevant, distance_km, own_members });
        let settings = &organiser.settings;
        Self {
            choice: chosen.map(|(choice, from)| ChoiceEntry::of(choice, from)),
            relevant: wanted.as_ref().map(|wanted| desk.relevant(wanted)).unwrap_or_default(),
            wanted,
            distance_km,
            own_members,
            as_of: text(desk.newest),
            since: text(desk.since),
            responses: desk.history.responses(),
            past_since: text(desk.past_since(settings)),
            members_shown: organiser.people.shown(),
            can_contact: organiser.contacts.is_some(),
            demo_seconds: organiser.demo.as_ref().map(|demo| demo.every.as_secs()),
            recent_seconds: settings.recent.as_secs(),
            cooling_seconds: settings.cooling.as_secs(),
            change_seconds: settings.change.as_secs(),
        }
    }

    pub(super) fn wanted(&self) -> Option<&Wanted> {
        self.wanted.as_ref()
    }
}

impl ChoiceEntry {
    fn of(choice: Choice, from: &'static str) -> Self {
        match choice {
            Choice::Group(name) => Self { by: "group", name, from },
            Choice::Topic(name) => Self { by: "topic", name, from },
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Groups {
    pub(super) groups: Vec<GroupEntry>,
}

#[derive(Debug, Serialize)]
pub(super) struct GroupEntry {
    urlname: String,
    name: Option<String>,
    city: Option<String>,
    topics: Vec<String>,
    /// Upcoming ones.
    events: usize,
    yes: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Events {
    pub(super) events: Vec<OwnEventEntry>,
}

#[derive(Debug, Serialize)]
pub(super) struct OwnEventEntry {
    #[serde(flatten)]
    event: EventEntry,
    yes: usize,
    no: usize,
    /// Who comes now, less who came a span ago.
    change: i64,
    contacts: usize,
    conversions: usize,
}

#[derive(Debug, Serialize)]
struct EventEntry {
    id: String,
    name: Option<String>,
    url: Option<String>,
    time: Option<String>,
    group: Option<String>,
    city: Option<String>,
    location: Option<Location>,
}

#[derive(Debug, Serialize)]
pub(super) struct Candidates {
    pub(super) candidates: Vec<CandidateEntry>,
}

#[derive(Debug, Serialize)]
pub(super) struct CandidateEntry {
    /// For the request that notes a contact.
    person: String,
    name: String,
    score: f64,
    /// The own event to tell them of.
    event: EventEntry,
    said_yes_to: EventEntry,
    said_at: String,
    km: f64,
    relevance: f64,
    topics: Vec<MatchEntry>,
    yes: usize,
    kept: usize,
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MatchEntry {
    topic: String,
    wanted: String,
    similarity: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Contacts {
    pub(super) contacts: Vec<ContactEntry>,
}

#[derive(Debug, Serialize)]
pub(super) struct ContactEntry {
    pub(super) time: String,
    pub(super) person: String,
    pub(super) name: String,
    pub(super) event: String,
    pub(super) event_name: Option<String>,
    pub(super) by: String,
    pub(super) note: String,
    pub(super) km: Option<f64>,
    pub(super) reasons: Vec<String>,
    /// When they said yes to one of the own events, and to which.
    pub(super) converted: Option<String>,
    pub(super) converted_event: Option<String>,
}

/// Makes answers of what the desk knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers<'a> {
    pub(super) desk: &'a Desk,
    pub(super) organiser: &'a Organiser,
}

impl Answers<'_> {
    pub(super) fn events(self, choice: &Choice) -> Vec<OwnEventEntry> {
        let Self { desk, organiser } = self;
        let looked = desk.look(choice, organiser.settings.change);
        let contacts = |id: &str| looked.contacts.iter().filter(|one| one.event == id).count();
        let converted = |id: &str| looked.conversions.iter().filter(|one| one.event == id).count();
        let entry = |own: &pulso_organiser::OwnEvent| OwnEventEntry {
            yes: own.yes,
            no: own.no,
            change: signed(own.yes) - signed(own.yes_before),
            contacts: contacts(&own.event.id),
            conversions: converted(&own.event.id),
            event: EventEntry::of(&own.event, &desk.history),
        };
        looked.events.iter().map(entry).collect()
    }

    pub(super) fn candidates(self, wanted: &Wanted, limit: usize) -> Vec<CandidateEntry> {
        let Self { desk, organiser } = self;
        let found = desk.candidates(wanted, &organiser.settings, limit);
        found.iter().filter_map(|candidate| self.candidate(candidate)).collect()
    }

    fn candidate(self, candidate: &Candidate) -> Option<CandidateEntry> {
        let Self { desk, organiser } = self;
        let history = &desk.history;
        let reasons = &candidate.reasons;
        let member = candidate.member;
        let name = history.member(member).and_then(|member| member.name());
        let topics = reasons.topics.iter().map(|one| MatchEntry {
            topic: one.topic.clone(),
            wanted: one.wanted.clone(),
            similarity: rounded(one.similarity),
        });
        Some(CandidateEntry {
            person: organiser.handle(member),
            name: organiser.shown_name(member, name),
            score: rounded(candidate.score),
            event: EventEntry::of(history.event(&candidate.event)?, history),
            said_yes_to: EventEntry::of(history.event(&candidate.said_yes_to)?, history),
            said_at: reasons.said_at.to_string(),
            km: rounded(reasons.km),
            relevance: rounded(reasons.relevance),
            topics: topics.collect(),
            yes: reasons.yes,
            kept: reasons.kept,
            reasons: reasons.labels(),
        })
    }

    /// The newest contacts about events of a choice.
    pub(super) fn contacts(self, choice: &Choice, limit: usize) -> Vec<ContactEntry> {
        let own = self.desk.contacts_of(choice);
        own.rev().take(limit).map(|stored| self.contact(stored)).collect()
    }

    pub(super) fn contact(self, stored: &StoredContact) -> ContactEntry {
        let contact = &stored.contact;
        let (converted, converted_event) = contact.converted.clone().unzip();
        ContactEntry {
            time: contact.time.to_string(),
            person: self.organiser.handle(contact.member),
            name: self.organiser.shown_name(contact.member, stored.name.as_deref()),
            event: contact.event.clone(),
            event_name: stored.event_name.clone(),
            by: stored.by.clone(),
            note: stored.note.clone(),
            km: stored.km,
            reasons: contact.reasons.clone(),
            converted: text(converted),
            converted_event,
        }
    }
}

impl EventEntry {
    fn of(event: &Event, history: &History) -> Self {
        let group = history.group(event.group);
        Self {
            id: event.id.clone(),
            name: event.name.clone(),
            url: event.url.clone(),
            time: text(event.time),
            group: group.and_then(|group| group.name.clone()),
            city: group.and_then(|group| group.city.clone()),
            location: event.place,
        }
    }
}

/// Groups with upcoming events whose name has the searched text in it, those that most come to first.
pub(super) fn groups(desk: &Desk, search: &str, limit: usize) -> Vec<GroupEntry> {
    let mut groups = desk.groups(search);
    groups.sort_by(|a, b| b.yes.cmp(&a.yes).then_with(|| a.group.urlname.cmp(&b.group.urlname)));
    let entry = |one: &crate::organiser::Busy<'_>| GroupEntry {
        urlname: one.group.urlname.clone().unwrap_or_default(),
        name: one.group.name.clone(),
        city: one.group.city.clone(),
        topics: one.group.topics.clone(),
        events: one.events,
        yes: one.yes,
    };
    groups.iter().take(limit).map(entry).collect()
}

pub(super) fn text(time: Option<EventTime>) -> Option<String> {
    time.map(|time| time.to_string())
}

/// More digits say nothing here.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
