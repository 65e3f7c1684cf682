//! What members said about events, as far as it is known.
//!
//! The order of arrival does not matter, and neither do repetitions.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{EventTime, Location};

/// One answer of a member, with what it says of event and group.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub time: EventTime,
    pub member: i64,
    pub name: Option<String>,
    pub answer: Answer,
    pub event: Event,
    pub group: Group,
}

/// A later answer replaces an earlier one. Of two at the same time the last in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    No,
    Waitlist,
    Yes,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    pub id: String,
    pub name: Option<String>,
    pub url: Option<String>,
    /// When it begins.
    pub time: Option<EventTime>,
    /// The venue's place, or the group's.
    pub place: Option<Location>,
    pub group: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    pub id: i64,
    pub name: Option<String>,
    pub urlname: Option<String>,
    pub city: Option<String>,
    pub topics: Vec<String>,
}

/// All answers of one member to one event, by time.
type Answers = BTreeSet<(EventTime, Answer)>;

#[derive(Clone, Debug, Default)]
pub struct History {
    groups: BTreeMap<i64, (EventTime, Group)>,
    events: BTreeMap<String, (EventTime, Event)>,
    members: BTreeMap<i64, Member>,
    /// Who answered an event.
    answered: BTreeMap<String, BTreeSet<i64>>,
    responses: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Member {
    named: Option<(EventTime, String)>,
    answers: BTreeMap<String, Answers>,
}

impl History {
    /// Adds a response, unless it is known.
    pub fn add(&mut self, response: Response) {
        let Response { time, member, name, answer, event, group } = response;
        let known = self.members.entry(member).or_default();
        if !known.answers.entry(event.id.clone()).or_default().insert((time, answer)) {
            return;
        }
        self.responses += 1;
        if let Some(name) = name {
            replace(&mut known.named, (time, name));
        }
        self.answered.entry(event.id.clone()).or_default().insert(member);
        newer(&mut self.groups, group.id, time, group);
        newer(&mut self.events, event.id.clone(), time, event);
    }

    /// Forgets all answers before a time, and what only they told of.
    pub fn forget_before(&mut self, time: EventTime) {
        let mut kept = BTreeSet::new();
        self.responses = 0;
        self.members.retain(|_, member| {
            member.answers.retain(|event, answers| {
                *answers = answers.split_off(&(time, Answer::No));
                if !answers.is_empty() {
                    kept.insert(event.clone());
                }
                !answers.is_empty()
            });
            self.responses += member.answers.values().map(BTreeSet::len).sum::<usize>();
            !member.answers.is_empty()
        });
        self.events.retain(|id, _| kept.contains(id));
        let groups: BTreeSet<i64> = self.events.values().map(|(_, event)| event.group).collect();
        self.groups.retain(|id, _| groups.contains(id));
        let members = &self.members;
        self.answered.retain(|event, who| {
            who.retain(|id| members.get(id).is_some_and(|one| one.answers.contains_key(event)));
            !who.is_empty()
        });
    }

    /// How many different answers are known.
    pub fn responses(&self) -> usize {
        self.responses
    }

    pub fn event(&self, id: &str) -> Option<&Event> {
        self.events.get(id).map(|(_, event)| event)
    }

    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values().map(|(_, event)| event)
    }

    pub fn group(&self, id: i64) -> Option<&Group> {
        self.groups.get(&id).map(|(_, group)| group)
    }

    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().map(|(_, group)| group)
    }

    pub fn member(&self, id: i64) -> Option<&Member> {
        self.members.get(&id)
    }

    pub fn members(&self) -> impl Iterator<Item = (i64, &Member)> {
        self.members.iter().map(|(id, member)| (*id, member))
    }

    /// Who answered an event, with those who no longer come.
    pub fn answered(&self, event: &str) -> impl Iterator<Item = (i64, &Member)> {
        let ids = self.answered.get(event).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.members.get(id)?)))
    }
}

impl Member {
    pub fn name(&self) -> Option<&str> {
        self.named.as_ref().map(|(_, name)| name.as_str())
    }

    /// The events that the member answered.
    pub fn events(&self) -> impl Iterator<Item = &str> {
        self.answers.keys().map(String::as_str)
    }

    pub fn has_answered(&self, event: &str) -> bool {
        self.answers.contains_key(event)
    }

    /// The last answer to an event at or before a time.
    pub fn answer_at(&self, event: &str, time: EventTime) -> Option<Answer> {
        let answers = self.answers.get(event)?;
        answers.range(..=(time, Answer::Yes)).next_back().map(|(_, answer)| *answer)
    }

    /// Since when the member has been coming to an event; `None` unless the last answer is a yes. A yes
    /// that only changes the number of guests does not count anew.
    pub fn coming_since(&self, event: &str) -> Option<EventTime> {
        let answers = self.answers.get(event)?;
        let yes = answers.iter().rev().take_while(|(_, answer)| *answer == Answer::Yes);
        yes.last().map(|(time, _)| *time)
    }

    /// To how many events the member said yes, and to how many of them it is still the last word.
    pub fn yes(&self) -> (usize, usize) {
        let said = |answers: &&Answers| answers.iter().any(|(_, answer)| *answer == Answer::Yes);
        let events = self.answers.values().filter(said);
        let stayed = |answers: &Answers| answers.last().map(|(_, last)| *last) == Some(Answer::Yes);
        events.fold((0, 0), |(all, kept), one| (all + 1, kept + usize::from(stayed(one))))
    }
}

fn replace<T>(known: &mut Option<(EventTime, T)>, new: (EventTime, T)) {
    if known.as_ref().is_none_or(|(time, _)| *time <= new.0) {
        *known = Some(new);
    }
}

/// Keeps what the latest response said.
fn newer<K: Ord, T>(known: &mut BTreeMap<K, (EventTime, T)>, key: K, time: EventTime, value: T) {
    if known.get(&key).is_none_or(|(at, _)| *at <= time) {
        known.insert(key, (time, value));
    }
}
