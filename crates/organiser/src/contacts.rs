//! Who was contacted, and who came.

use std::collections::BTreeMap;

use pulso_model::EventTime;

use crate::history::History;
use crate::own::Choice;

/// A member was told of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    pub time: EventTime,
    pub member: i64,
    pub event: String,
    /// Why the member was a candidate: labels, for the rates.
    pub reasons: Vec<String>,
    /// The yes that is known to have followed: when, and to which event. It stands unless the history
    /// knows better, which does not reach as far back.
    pub converted: Option<(EventTime, String)>,
}

/// A contacted member comes to one of the organiser's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// Which of the contacts it was.
    pub contact: usize,
    pub member: i64,
    pub event: String,
    /// When the member said yes.
    pub time: EventTime,
}

/// How many of the contacts with something in common led to a yes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    pub contacts: usize,
    pub conversions: usize,
}

/// The contacts that led to a yes, by time of the yes.
///
/// A yes is the work of the last contact of that member before it, whichever of the organiser's events
/// either is about, and each contact counts once. A yes from before the contact does not count, nor
/// one that the member took back.
pub fn conversions(history: &History, choice: &Choice, contacts: &[Contact]) -> Vec<Conversion> {
    let mut of_member: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (at, contact) in contacts.iter().enumerate() {
        of_member.entry(contact.member).or_default().push(at);
    }
    let mut found: BTreeMap<usize, Conversion> = BTreeMap::new();
    for (member, mut own) in of_member {
        for &at in &own {
            let forgotten =
                |event: &str| !history.member(member).is_some_and(|m| m.has_answered(event));
            if let Some((time, event)) =
                contacts[at].converted.clone().filter(|(_, e)| forgotten(e))
            {
                found.insert(at, Conversion { contact: at, member, event, time });
            }
        }
        let Some(known) = history.member(member) else { continue };
        own.sort_by_key(|at| (contacts[*at].time, *at));
        for event in known.events() {
            let mine = history.event(event).is_some_and(|event| choice.owns(event, history));
            let Some(time) = known.coming_since(event).filter(|_| mine) else { continue };
            let before = own.iter().rev().find(|at| contacts[**at].time <= time);
            let Some(&contact) = before else { continue };
            let new = Conversion { contact, member, event: event.to_owned(), time };
            let first = found.entry(contact).or_insert_with(|| new.clone());
            if (new.time, &new.event) < (first.time, &first.event) {
                *first = new;
            }
        }
    }
    let mut conversions: Vec<_> = found.into_values().collect();
    conversions.sort_by_key(|conversion| (conversion.time, conversion.contact));
    conversions
}

/// How well each reason did. A contact counts under each of its reasons.
pub fn rates(contacts: &[Contact], conversions: &[Conversion]) -> BTreeMap<String, Rate> {
    let mut rates: BTreeMap<String, Rate> = BTreeMap::new();
    for (at, contact) in contacts.iter().enumerate() {
        let converted = conversions.iter().any(|conversion| conversion.contact == at);
        for reason in &contact.reasons {
            let rate = rates.entry(reason.clone()).or_default();
            rate.contacts += 1;
            rate.conversions += usize::from(converted);
        }
    }
    rates
}
