//! Computes new times for a recording that is played many times faster than it was recorded.
//!
//! Scaling all times down would turn changes of mind into echoes, and rounding would separate
//! echoes from their originals. So times are given not to messages but to *classes*: all messages
//! of an identity (`rsvp_id`, `response`, `guests`) with the same rounded second, that is, a
//! response and its echoes.
//!
//! 1. The first message of a class gets the event time of its place in the output minus its lateness:
//!    how far it was behind the newest message before it. Lateness is not scaled, so late messages
//!    stay as late as they were.
//! 2. Classes of one RSVP keep their order: in ascending order of their old times, each gets a later
//!    time than the one before, and a later rounded second than an earlier one of the same identity.
//!    That moves a quick change of mind ahead by at most a second.
//! 3. The other messages of a class keep their distance to the rounded second (0 for an echo); those
//!    equal to the first message get its time.
//!
//! So two messages of a pass have equal keys exactly when they had before, and every RSVP has the
//! same last state. Different RSVPs are never compared, so nothing else needs to be preserved.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Identity, Line, Recording};
use crate::rsvps::generated::rounded_second;

/// More than the worst lateness on record (75 days): a longer step back begins another recording.
const LATENESS_MS_MAX: i64 = 90 * 86_400_000;

/// The messages of a recording, grouped into responses.
#[derive(Debug)]
pub(super) struct Classes {
    lines: Vec<Place>,
    /// In the order in which new times are assigned: by RSVP, old time, arrival.
    classes: Vec<Class>,
}

#[derive(Debug)]
struct Class {
    identity: Identity,
    old_first_ms: i64,
    first_line: u64,
    lateness_ms: i64,
}

/// The origin of a line's new time.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The line is no message: its time is that of its place in the output.
    OfLine,
    /// The time of the class: the line is its first message, or equal to it.
    First { class: usize },
    /// The rounded second of the class plus this many milliseconds.
    Second { class: usize, more_ms: i64 },
}

impl Classes {
    pub(super) fn new(recording: &Recording) -> Self {
        let mut ids: BTreeMap<(&Identity, i64), usize> = BTreeMap::new();
        let mut classes: Vec<Class> = Vec::new();
        let mut lines = Vec::with_capacity(recording.len());
        let mut front_ms = i64::MIN;
        for (number, line) in (0_u64..).zip(&recording.lines) {
            let Line::Message(message) = line else {
                lines.push(Place::OfLine);
                continue;
            };
            let old_ms = message.mtime_ms;
            let another_recording = front_ms.saturating_sub(old_ms) > LATENESS_MS_MAX;
            front_ms = if another_recording { old_ms } else { front_ms.max(old_ms) };
            let second = rounded_second(old_ms);
            let class = match ids.entry((&message.identity, second)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(vacant) => {
                    let identity = message.identity.clone();
                    let lateness_ms = front_ms - old_ms;
                    classes.push(Class {
                        identity,
                        old_first_ms: old_ms,
                        first_line: number,
                        lateness_ms,
                    });
                    *vacant.insert(classes.len() - 1)
                }
            };
            lines.push(if classes[class].old_first_ms == old_ms {
                Place::First { class }
            } else {
                Place::Second { class, more_ms: old_ms - second * 1000 }
            });
        }
        Self { lines, classes }.sorted()
    }

    /// Computes the new times of all lines. `event_time_of` returns the event time of a place in
    /// the output.
    pub(super) fn retimed(&self, event_time_of: impl Fn(u64) -> i64) -> Vec<i64> {
        let first_ms = self.first_times(&event_time_of);
        let time_of = |(number, place): (u64, &Place)| match *place {
            Place::OfLine => event_time_of(number),
            Place::First { class } => first_ms[class],
            Place::Second { class, more_ms } => rounded_second(first_ms[class]) * 1000 + more_ms,
        };
        (0_u64..).zip(&self.lines).map(time_of).collect()
    }

    fn first_times(&self, event_time_of: impl Fn(u64) -> i64) -> Vec<i64> {
        let mut times_ms: Vec<i64> = Vec::with_capacity(self.classes.len());
        // The first class of the RSVP under way.
        let mut rsvp_start = 0;
        for (index, class) in self.classes.iter().enumerate() {
            let mut time_ms = event_time_of(class.first_line) - class.lateness_ms;
            if class.old_first_ms.rem_euclid(1000) == 0 {
                // An echo without its original stays on a whole second, as all echoes are.
                time_ms = time_ms.div_euclid(1000) * 1000;
            }
            if self.classes[rsvp_start].identity.rsvp_id != class.identity.rsvp_id {
                rsvp_start = index;
            }
            for (earlier, &earlier_ms) in
                self.classes[rsvp_start..index].iter().zip(&times_ms[rsvp_start..])
            {
                let tie = earlier.old_first_ms == class.old_first_ms;
                time_ms = time_ms.max(if tie { earlier_ms } else { earlier_ms + 1 });
                if earlier.identity == class.identity {
                    time_ms = time_ms.max((rounded_second(earlier_ms) + 1) * 1000 - 500);
                }
            }
            times_ms.push(time_ms);
        }
        times_ms
    }

    fn sorted(self) -> Self {
        let mut order: Vec<usize> = (0..self.classes.len()).collect();
        order.sort_by_key(|&index| {
            let class = &self.classes[index];
            (class.identity.rsvp_id, class.old_first_ms, class.first_line)
        });
        let mut new_index = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            new_index[old] = new;
        }
        let mut classes: Vec<(usize, Class)> =
            new_index.iter().copied().zip(self.classes).collect();
        classes.sort_by_key(|&(new, _)| new);
        let moved = |place| match place {
            Place::OfLine => Place::OfLine,
            Place::First { class } => Place::First { class: new_index[class] },
            Place::Second { class, more_ms } => Place::Second { class: new_index[class], more_ms },
        };
        Self {
            lines: self.lines.into_iter().map(moved).collect(),
            classes: classes.into_iter().map(|(_, class)| class).collect(),
        }
    }
}
