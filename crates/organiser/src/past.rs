//! How often members said yes and kept to it, over longer than all else that they said is known.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use pulso_model::EventTime;

use crate::history::Answer;

/// The last answers of members to events, which take little room: some 40 bytes each.
///
/// The order of arrival does not matter, and neither do repetitions.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// By member and event.
    answers: BTreeMap<(i64, EventHash), Said>,
}

/// In place of an event's id, which is longer. That two events of a member have the same is as good as
/// impossible.
type EventHash = u64;

#[derive(Clone, Copy, Debug)]
struct Said {
    time: EventTime,
    answer: Answer,
    /// Whether this or an earlier answer was a yes.
    yes: bool,
}

impl Past {
    pub fn add(&mut self, member: i64, event: &str, time: EventTime, answer: Answer) {
        let yes = answer == Answer::Yes;
        let new = Said { time, answer, yes };
        let known = self.answers.entry((member, hash(event))).or_insert(new);
        let yes = known.yes || yes;
        if (known.time, known.answer) < (time, answer) {
            *known = new;
        }
        known.yes = yes;
    }

    /// To how many events a member said yes, and to how many of them it is still the last word.
    pub fn yes(&self, member: i64) -> (usize, usize) {
        let said = self.answers.range((member, EventHash::MIN)..=(member, EventHash::MAX));
        said.filter(|(_, said)| said.yes).fold((0, 0), |(all, kept), (_, said)| {
            (all + 1, kept + usize::from(said.answer == Answer::Yes))
        })
    }

    /// To how many events members answered.
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    /// Forgets what was last answered before a time.
    pub fn forget_before(&mut self, time: EventTime) {
        self.answers.retain(|_, said| said.time >= time);
    }

    /// Forgets the oldest answers when there are more than `max`. Returns the time from which on all are
    /// still known, if any was forgotten.
    pub fn keep_newest(&mut self, max: usize) -> Option<EventTime> {
        let excess = self.answers.len().checked_sub(max).filter(|excess| *excess > 0)?;
        let mut times: Vec<_> = self.answers.values().map(|said| said.time).collect();
        let oldest_kept = excess.min(times.len() - 1);
        let (_, cut, _) = times.select_nth_unstable(oldest_kept);
        let cut = *cut;
        self.forget_before(cut);
        Some(cut)
    }
}

fn hash(event: &str) -> EventHash {
    let mut hasher = DefaultHasher::new();
    event.hash(&mut hasher);
    hasher.finish()
}
