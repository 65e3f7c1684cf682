//! Which messages of a source come in: a filter, and a sample.
//!
//! All of it is a function of the message, so that what is read again is decided again in the same way. A
//! message of which it cannot be told whether it belongs in comes in: nothing is lost to a mistake.

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::filter;

use pulso_model::{Decoded, Decoder, WallTime};
use pulso_runtime::config::{Admission, Share};
use sha2::{Digest, Sha256};

/// How many values a hash has as a part of 1: as many as a 64-bit float tells apart.
const PARTS: f64 = (1_u64 << 53) as f64;

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Kept,
    /// The filter cannot tell, for this reason; it is kept.
    Undecided(String),
    /// The filter does not hold.
    Filtered,
    /// Its actor is not in the sample.
    SampledOut,
}

impl Verdict {
    pub(crate) fn keeps(&self) -> bool {
        matches!(self, Self::Kept | Self::Undecided(_))
    }
}

/// Judges the messages of one source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Door(Admission);

impl Door {
    pub(crate) fn new(admission: Admission) -> Self {
        Self(admission)
    }

    /// Whether it ever refuses anything.
    pub(crate) fn is_open(&self) -> bool {
        self.0 == Admission::default()
    }

    /// Judges a message as it would be stored.
    pub(crate) fn judge(&self, decoder: &Decoder, payload: &[u8], now: WallTime) -> Verdict {
        let Admission { filter, sample } = &self.0;
        let filtered = filter.as_ref().map_or(Ok(true), |filter| filter.holds(payload));
        if filtered == Ok(false) {
            return Verdict::Filtered;
        }
        if sample.is_some_and(|share| !is_in_sample(share, decoder, payload, now)) {
            return Verdict::SampledOut;
        }
        filtered.map_or_else(Verdict::Undecided, |_| Verdict::Kept)
    }
}

/// Whether a message belongs to a sample: that of its actor or, where a fact has none, of its key. What is no
/// fact, or has neither, belongs to each.
fn is_in_sample(share: Share, decoder: &Decoder, payload: &[u8], now: WallTime) -> bool {
    let Ok(Decoded::Fact(fact)) = decoder.decode(payload, now) else { return true };
    if let Some(actor) = decoder.stream().actor(&fact) {
        return part(&actor) < share.part();
    }
    let key = decoder.head(payload).key;
    key.is_none_or(|key| part(&key.to_string()) < share.part())
}

/// Where in [0, 1) a text is: the first 53 bits of its SHA-256 (FIPS 180-4,
/// <https://csrc.nist.gov/pubs/fips/180-4/upd1/final>), which is the same on all machines and for ever, and
/// has nothing to do with that of partitions. A larger share has all that a smaller one has.
fn part(text: &str) -> f64 {
    let digest = Sha256::digest(text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (u64::from_be_bytes(first) >> 11) as f64 / PARTS
}
