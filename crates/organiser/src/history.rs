//! What members said about events, as far as it is known.
//!
//! The order of arrival does not matter, and neither do repetitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

#[derive(Clone, Debug, Default)]
pub struct History {
    groups: BTreeMap<i64, (EventTime, Group)>,
    events: BTreeMap<Arc<str>, (EventTime, Event)>,
    members: BTreeMap<i64, Member>,
    /// Who answered an event.
    answered: BTreeMap<Arc<str>, BTreeSet<i64>>,
    responses: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Member {
    named: Option<(EventTime, String)>,
    /// Sorted. Most members give few answers, which take little room so.
    answers: Vec<(Arc<str>, EventTime, Answer)>,
}

impl History {
    /// Adds a response, unless it is known.
    pub fn add(&mut self, response: Response) {
        let Response { time, member, name, answer, event, group } = response;
        let known_event = self.events.get_key_value(event.id.as_str());
        let id = known_event.map_or_else(|| event.id.as_str().into(), |(id, _)| Arc::clone(id));
        let known = self.members.entry(member).or_default();
        let said = (Arc::clone(&id), time, answer);
        let Err(place) = known.answers.binary_search(&said) else { return };
        known.answers.reserve_exact(1);
        known.answers.insert(place, said);
        self.responses += 1;
        if let Some(name) = name {
            replace(&mut known.named, (time, name));
        }
        self.answered.entry(Arc::clone(&id)).or_default().insert(member);
        newer(&mut self.groups, group.id, time, group);
        newer(&mut self.events, id, time, event);
    }

    /// Forgets the oldest answers when there are more than `max`, except where `kept` says otherwise of
    /// a member and an event. Returns the time from which on all are still known, if any was forgotten.
    pub fn keep_newest(
        &mut self,
        max: usize,
        kept: impl Fn(i64, &Event, &Self) -> bool,
    ) -> Option<EventTime> {
        let excess = self.responses.checked_sub(max).filter(|excess| *excess > 0)?;
        let answers = self.members.values().flat_map(|member| &member.answers);
        let mut times: Vec<_> = answers.map(|(_, time, _)| *time).collect();
        let oldest_kept = excess.min(times.len() - 1);
        let (_, cut, _) = times.select_nth_unstable(oldest_kept);
        let cut = *cut;
        let mut pairs = BTreeSet::new();
        for (id, (_, event)) in &self.events {
            let who = self.answered.get(id).into_iter().flatten();
            pairs.extend(
                who.filter(|who| kept(**who, event, self)).map(|who| (*who, Arc::clone(id))),
            );
        }
        self.retain(|who, (event, time, _)| {
            *time >= cut || pairs.contains(&(who, Arc::clone(event)))
        });
        Some(cut)
    }

    /// Forgets all answers before a time, and what only they told of.
    pub fn forget_before(&mut self, time: EventTime) {
        self.retain(|_, (_, said_at, _)| *said_at >= time);
    }

    fn retain(&mut self, kept: impl Fn(i64, &(Arc<str>, EventTime, Answer)) -> bool) {
        let mut answered: BTreeMap<Arc<str>, BTreeSet<i64>> = BTreeMap::new();
        self.responses = 0;
        self.members.retain(|id, member| {
            member.answers.retain(|said| kept(*id, said));
            self.responses += member.answers.len();
            for (event, _, _) in &member.answers {
                answered.entry(Arc::clone(event)).or_default().insert(*id);
            }
            !member.answers.is_empty()
        });
        self.events.retain(|id, _| answered.contains_key(id));
        let groups: BTreeSet<i64> = self.events.values().map(|(_, event)| event.group).collect();
        self.groups.retain(|id, _| groups.contains(id));
        self.answered = answered;
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
        self.by_event().map(|answers| &*answers[0].0)
    }

    pub fn has_answered(&self, event: &str) -> bool {
        !self.to(event).is_empty()
    }

    /// The last answer to an event at or before a time.
    pub fn answer_at(&self, event: &str, time: EventTime) -> Option<Answer> {
        let before = self.to(event).iter().rev().find(|(_, said_at, _)| *said_at <= time);
        before.map(|(_, _, answer)| *answer)
    }

    /// Since when the member has been coming to an event; `None` unless the last answer is a yes. A yes
    /// that only changes the number of guests does not count anew.
    pub fn coming_since(&self, event: &str) -> Option<EventTime> {
        let answers = self.to(event).iter().rev();
        let yes = answers.take_while(|(_, _, answer)| *answer == Answer::Yes);
        yes.last().map(|(_, time, _)| *time)
    }

    fn by_event(&self) -> impl Iterator<Item = &[(Arc<str>, EventTime, Answer)]> {
        self.answers.chunk_by(|a, b| a.0 == b.0)
    }

    /// All answers to one event, by time.
    fn to(&self, event: &str) -> &[(Arc<str>, EventTime, Answer)] {
        let start = self.answers.partition_point(|said| *said.0 < *event);
        let end = self.answers.partition_point(|said| *said.0 <= *event);
        &self.answers[start..end]
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
