//! How alike topics are, as measured elsewhere.

use std::collections::BTreeMap;

/// A measure between 0 and 1 for pairs of topics. A topic is as similar as can be to itself.
#[derive(Clone, Debug, Default)]
pub struct Similarity {
    pairs: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Similarity {
    /// Keeps the measure of a pair, in both directions.
    pub fn insert(&mut self, one: &str, other: &str, value: f64) {
        let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        for (one, other) in [(one, other), (other, one)] {
            self.pairs.entry(one.to_owned()).or_default().insert(other.to_owned(), value);
        }
    }

    pub fn of(&self, one: &str, other: &str) -> f64 {
        if one == other {
            return 1.0;
        }
        self.pairs.get(one).and_then(|others| others.get(other)).copied().unwrap_or(0.0)
    }

    /// How many topics have a measure.
    pub fn topics(&self) -> usize {
        self.pairs.len()
    }

    /// The wanted topic that is most similar to `topic`, and how similar it is.
    pub fn nearest<'a>(&self, topic: &str, wanted: &'a [String]) -> Option<(&'a str, f64)> {
        let measured = wanted.iter().map(|other| (other.as_str(), self.of(topic, other)));
        // Of equals the first in the list, whatever their order here.
        measured.filter(|(_, value)| *value > 0.0).reduce(
            |best, next| {
                if next.1 > best.1 { next } else { best }
            },
        )
    }
}
