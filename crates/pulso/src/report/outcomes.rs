//! What became of each message of a report: every one is in exactly one of the counts.

use std::collections::BTreeMap;

use pulso_model::{DeadLetter, Decoded, Decoder, EventTime, Identity, WallTime};
use rustc_hash::FxHashSet;
use serde::Serialize;

use super::facts::{Facts, TooMany};

/// As many wrong messages are shown with their place.
const EXAMPLES_MAX: usize = 50;

#[derive(Debug, Default, Serialize)]
pub(super) struct Outcomes {
    pub(super) messages: u64,
    pub(super) facts: u64,
    /// Facts that an earlier one is equal to.
    pub(super) echoes: u64,
    /// Facts outside the range of time that was asked for.
    pub(super) outside: u64,
    /// By reason.
    pub(super) skipped: BTreeMap<String, u64>,
    /// By reason.
    pub(super) dead_letters: BTreeMap<&'static str, u64>,
    /// The first dead letters.
    pub(super) examples: Vec<Example>,
}

#[derive(Debug, Serialize)]
pub(super) struct Example {
    pub(super) place: String,
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

/// From when to when facts are wanted: `[from, to)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) from: Option<EventTime>,
    pub(super) to: Option<EventTime>,
}

impl Wanted {
    fn has(self, time: EventTime) -> bool {
        self.from.is_none_or(|from| from <= time) && self.to.is_none_or(|to| time < to)
    }
}

/// Counts messages, whatever they come from.
#[derive(Debug)]
pub(super) struct Counting {
    decoder: Decoder,
    wanted: Wanted,
    identities: FxHashSet<Identity>,
    pub(super) facts: Facts,
    pub(super) outcomes: Outcomes,
}

impl Counting {
    pub(super) fn new(decoder: Decoder, wanted: Wanted) -> Self {
        let facts = Facts::new(decoder.stream());
        let identities = FxHashSet::default();
        Self { decoder, wanted, identities, facts, outcomes: Outcomes::default() }
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Counts one message, as the log has it.
    ///
    /// # Errors
    /// When its fact does not fit into memory any more.
    pub(super) fn count(
        &mut self,
        payload: &[u8],
        log_time: WallTime,
        place: impl FnOnce() -> String,
    ) -> Result<(), TooMany> {
        let Self { decoder, wanted, identities, facts, outcomes } = self;
        outcomes.messages += 1;
        match decoder.decode(payload, log_time) {
            Ok(Decoded::Fact(fact)) => {
                let identity = decoder.stream().identity(&fact);
                if identity.is_some_and(|identity| !identities.insert(identity)) {
                    outcomes.echoes += 1;
                } else if wanted.has(fact.time) {
                    outcomes.facts += 1;
                    facts.add(&fact)?;
                } else {
                    outcomes.outside += 1;
                }
            }
            Ok(Decoded::Skipped(reason)) => {
                *outcomes.skipped.entry(reason.into_owned()).or_default() += 1;
            }
            Err(DeadLetter { reason, detail }) => {
                *outcomes.dead_letters.entry(reason.name()).or_default() += 1;
                if outcomes.examples.len() < EXAMPLES_MAX {
                    let (place, detail) = (place(), detail.to_string());
                    outcomes.examples.push(Example { place, reason: reason.name(), detail });
                }
            }
        }
        Ok(())
    }
}
