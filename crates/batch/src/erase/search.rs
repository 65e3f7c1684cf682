//! The messages that say something of a person, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{
    DeadLetter, DeadLetterDocument, Decoded, Decoder, Fact, Identity, Position, Renaming,
    ViewDocument, WallTime, redact,
};
use pulso_pipeline::Record;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The person's facts.
    pub(super) own: u64,
    /// Facts of others that name them.
    pub(super) others: u64,
    /// What is no fact and names them.
    pub(super) no_facts: u64,
    /// Messages that would still name the person, as what their facts need does.
    pub(super) left: BTreeSet<Position>,
    /// The new payloads.
    pub(super) payloads: BTreeMap<Position, Vec<u8>>,
    /// Of facts: those that are called otherwise.
    pub(super) identities: BTreeMap<Identity, Identity>,
    /// Messages that are dead letters, of anybody.
    pub(super) dead: BTreeSet<Position>,
    /// The new documents of those that are dead letters, by `_id`.
    pub(super) dead_letters: BTreeMap<String, ViewDocument>,
    /// Messages of which the person cannot be taken out.
    pub(super) stuck: BTreeSet<Position>,
    /// Facts whose terms name the person.
    pub(super) terms: BTreeSet<Position>,
}

/// Looks for a person in messages.
#[derive(Debug)]
pub(super) struct Search<'a> {
    decoder: &'a Decoder,
    pub(super) renaming: &'a Renaming,
}

impl<'a> Search<'a> {
    pub(super) fn new(decoder: &'a Decoder, renaming: &'a Renaming) -> Self {
        Self { decoder, renaming }
    }

    /// Looks at a message.
    pub(super) fn see(&self, record: &Record, found: &mut Found) {
        let Self { decoder, renaming } = *self;
        let (payload, log_time, position) = (&*record.payload, record.log_time, record.position());
        let decoded = decoder.decode(payload, log_time);
        found.dead.extend(decoded.is_err().then_some(position));
        if !self.is_concerned(&decoded, payload) {
            return;
        }
        *match &decoded {
            Ok(Decoded::Fact(fact)) if renaming.is_of(fact) => &mut found.own,
            Ok(Decoded::Fact(_)) => &mut found.others,
            Ok(Decoded::Skipped(_)) | Err(_) => &mut found.no_facts,
        } += 1;
        let Some(new) = redact(decoder, payload, log_time, Some(renaming)) else {
            found.stuck.insert(position);
            return;
        };
        match &decoded {
            Ok(Decoded::Fact(fact)) => self.fact(fact, position, found),
            Ok(Decoded::Skipped(_)) => {}
            Err(_) => found.dead_letters.extend(self.dead_letter(record, &new)),
        }
        if renaming.is_mentioned_in(&new) {
            found.left.insert(position);
        }
        found.payloads.insert(position, new);
    }

    /// Whether a message that is not looked into further says something of the person.
    pub(super) fn concerns(&self, payload: &[u8], received_time: WallTime) -> bool {
        self.is_concerned(&self.decoder.decode(payload, received_time), payload)
    }

    fn is_concerned(&self, decoded: &Result<Decoded<'_>, DeadLetter>, payload: &[u8]) -> bool {
        let renaming = self.renaming;
        match decoded {
            Ok(Decoded::Fact(fact)) => {
                renaming.is_of(fact)
                    || renaming.fact(fact).is_some()
                    || renaming.is_mentioned_in(payload)
            }
            Ok(Decoded::Skipped(_)) | Err(_) => renaming.is_named_in(payload),
        }
    }

    fn fact(&self, fact: &Fact<'_>, position: Position, found: &mut Found) {
        let Some(new) = self.renaming.fact(fact) else { return };
        if new.terms != fact.terms {
            found.terms.insert(position);
        }
        let stream = self.decoder.stream();
        if let (Some(before), Some(after)) = (stream.identity(fact), stream.identity(&new))
            && before != after
        {
            found.identities.insert(before, after);
        }
    }

    fn dead_letter(&self, record: &Record, new: &[u8]) -> Option<(String, ViewDocument)> {
        let dead = self.decoder.decode(new, record.log_time).err()?;
        let (stream, source) = (self.decoder.stream().name, &record.headers.source);
        let position = record.position();
        let document =
            DeadLetterDocument::render(stream, position, record.log_time, source, &dead, new);
        Some((document.id.clone(), document))
    }
}
