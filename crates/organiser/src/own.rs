//! The organiser's own events.

use std::collections::BTreeMap;

use pulso_model::EventTime;

use crate::history::{Answer, Event, Group, History};

/// What makes an event the organiser's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The group that holds it, by the name in its url.
    Group(String),
    /// A topic of the group that holds it.
    Topic(String),
}

impl Choice {
    pub fn includes(&self, group: &Group) -> bool {
        match self {
            Self::Group(name) => group.urlname.as_ref() == Some(name),
            Self::Topic(topic) => group.topics.contains(topic),
        }
    }

    /// Whether an event is one of the organiser's.
    pub fn owns(&self, event: &Event, history: &History) -> bool {
        history.group(event.group).is_some_and(|group| self.includes(group))
    }

    /// The topics that make other events relevant, unless the organiser names some.
    pub fn topics(&self, history: &History) -> Vec<String> {
        match self {
            Self::Topic(topic) => vec![topic.clone()],
            Self::Group(_) => {
                let own = history.groups().filter(|group| self.includes(group));
                let mut topics: Vec<_> = own.flat_map(|group| group.topics.clone()).collect();
                topics.sort();
                topics.dedup();
                topics
            }
        }
    }
}

/// An upcoming event of the organiser's.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnEvent {
    pub event: Event,
    /// Who comes, and who said no.
    pub yes: usize,
    pub no: usize,
    /// Who was coming at the beginning of the span.
    pub yes_before: usize,
}

/// The organiser's upcoming events, the next first. `since` is where the change begins.
pub fn own_events(
    history: &History,
    choice: &Choice,
    now: EventTime,
    since: EventTime,
) -> Vec<OwnEvent> {
    let upcoming = |event: &&Event| event.time.is_some_and(|time| time > now);
    let own = history.events().filter(upcoming).filter(|event| choice.owns(event, history));
    let mut events: Vec<_> = own
        .map(|event| {
            let count = |answer, time| {
                let who = history.answered(&event.id);
                who.filter(|(_, one)| one.answer_at(&event.id, time) == Some(answer)).count()
            };
            let forever = EventTime(i64::MAX);
            OwnEvent {
                event: event.clone(),
                yes: count(Answer::Yes, forever),
                no: count(Answer::No, forever),
                yes_before: count(Answer::Yes, since),
            }
        })
        .collect();
    events.sort_by(|a, b| (a.event.time, &a.event.id).cmp(&(b.event.time, &b.event.id)));
    events
}

/// The group with an upcoming event whose place is known that most members come to: something to
/// begin with where nobody chose.
pub fn busiest_group(history: &History, now: EventTime) -> Option<&Group> {
    let mut yes: BTreeMap<i64, usize> = BTreeMap::new();
    for event in history.events() {
        if event.place.is_some() && event.time.is_some_and(|time| time > now) {
            let coming = history.answered(&event.id);
            let coming = coming.filter(|(_, one)| one.coming_since(&event.id).is_some()).count();
            *yes.entry(event.group).or_default() += coming;
        }
    }
    let named = |id: i64| history.group(id).filter(|group| group.urlname.is_some());
    let groups = yes.into_iter().filter(|(_, yes)| *yes > 0);
    let busiest = groups.filter_map(|(id, yes)| Some((yes, named(id)?)));
    // Of equals the one with the smallest id.
    busiest.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, group)| group)
}
