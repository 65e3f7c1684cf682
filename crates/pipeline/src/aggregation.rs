//! What a view store answers with numbers: fields of many documents made into one value each, by
//! interval of time and by group.
//!
//! Every store gives the same numbers. They are doubles, as Elasticsearch computes with them: whole
//! numbers are exact up to 2^53.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use pulso_model::{EventTime, Field, View};

use crate::{Filter, LayerChoice};

/// What to make of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    Sum,
    Max,
    Min,
    Mean,
}

impl Function {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Max => "max",
            Self::Min => "min",
            Self::Mean => "mean",
        }
    }
}

/// What an aggregation measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The number of documents.
    Documents,
    /// A numeric field. Documents that lack it take no part.
    Field { name: &'static str, function: Function },
}

impl Measure {
    /// Whether no document means 0, and not that nothing is known.
    pub fn adds(self) -> bool {
        matches!(self, Self::Documents | Self::Field { function: Function::Sum, .. })
    }

    /// Whether the smallest value comes first where groups are ordered.
    pub fn smallest_first(self) -> bool {
        matches!(self, Self::Field { function: Function::Min, .. })
    }
}

/// The width of buckets of time, which are aligned to the epoch: at least a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    ms: i64,
}

impl Interval {
    /// `None` if it is shorter than a millisecond, or longer than time itself.
    pub fn new(width: Duration) -> Option<Self> {
        let ms = i64::try_from(width.as_millis()).ok()?;
        (ms > 0).then_some(Self { ms })
    }

    pub fn millis(self) -> i64 {
        self.ms
    }

    /// The start of the bucket that a time is in.
    pub fn start_of(self, time: EventTime) -> EventTime {
        EventTime(time.0.saturating_sub(time.0.rem_euclid(self.ms)))
    }
}

/// A question for numbers about the documents of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    pub view: View,
    pub layer: LayerChoice,
    /// `@timestamp` at or after.
    pub from: Option<EventTime>,
    /// `@timestamp` before.
    pub to: Option<EventTime>,
    /// Documents pass all of them.
    pub filters: Vec<Filter>,
    pub measure: Measure,
    /// A text field: documents that are equal in it are a group. Those that lack it are in none.
    pub by: Option<&'static str>,
    /// The most groups in the answer: those with the largest values (or the smallest ones, if the
    /// smallest is asked for), then by name.
    pub groups_max: usize,
    /// `None`: one value for the whole range.
    pub interval: Option<Interval>,
    /// What else to tell of each group, over the whole range.
    pub extremes: Vec<Extreme>,
}

/// The largest or smallest value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extreme {
    /// Of numbers or texts, which are ordered by their bytes.
    pub field: Field,
    pub smallest: bool,
}

/// One value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    Number(f64),
    Text(String),
}

/// The values of all documents, or of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Over the whole range; `None` if there is no document.
    pub value: Option<f64>,
    /// By start of the bucket; those without documents are left out. Empty without an interval.
    pub buckets: BTreeMap<EventTime, f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    pub line: Line,
    /// In the order of [`Aggregation::extremes`]; `None` where no document has the field.
    pub extremes: Vec<Option<FieldValue>>,
}

/// The answer to an [`Aggregation`].
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Of all documents, whether or not their group is listed.
    pub total: Line,
    pub groups: Vec<Group>,
    /// Whether there are more groups than listed.
    pub more: bool,
    /// Whether the listed groups are certainly those with the largest values, and their values complete.
    pub exact: bool,
}

/// What is known of the documents of one group and bucket. Merging tallies gives the tally of all their
/// documents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tally {
    pub documents: f64,
    pub sum: f64,
    pub max: f64,
    pub min: f64,
}

impl Tally {
    /// The tally of one document.
    pub fn of(value: f64) -> Self {
        Self { documents: 1.0, sum: value, max: value, min: value }
    }

    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            documents: self.documents + other.documents,
            sum: self.sum + other.sum,
            max: self.max.max(other.max),
            min: self.min.min(other.min),
        }
    }

    pub fn value(self, measure: Measure) -> f64 {
        match measure {
            Measure::Documents => self.documents,
            Measure::Field { function: Function::Sum, .. } => self.sum,
            Measure::Field { function: Function::Max, .. } => self.max,
            Measure::Field { function: Function::Min, .. } => self.min,
            Measure::Field { function: Function::Mean, .. } => self.sum / self.documents,
        }
    }
}

/// A line while its tallies come in.
#[derive(Clone, Debug, Default)]
pub struct LineTally {
    whole: Option<Tally>,
    buckets: BTreeMap<EventTime, Tally>,
}

impl LineTally {
    /// Adds documents of a bucket; `None` where there are no buckets.
    pub fn add(&mut self, bucket: Option<EventTime>, tally: Tally) {
        let merged = |known: Option<Tally>| known.map_or(tally, |known| known.merge(tally));
        self.whole = Some(merged(self.whole));
        if let Some(bucket) = bucket {
            let known = self.buckets.get(&bucket).copied();
            self.buckets.insert(bucket, merged(known));
        }
    }

    pub fn finish(self, measure: Measure) -> Line {
        let buckets = self.buckets.into_iter().map(|(at, tally)| (at, tally.value(measure)));
        Line { value: self.whole.map(|tally| tally.value(measure)), buckets: buckets.collect() }
    }
}

/// A group while its tallies come in.
#[derive(Clone, Debug, Default)]
pub struct GroupTally {
    line: LineTally,
    extremes: Vec<Option<FieldValue>>,
}

impl GroupTally {
    /// Adds documents of a bucket, and the extremes among them, in the order of those that are asked for.
    pub fn add(
        &mut self,
        bucket: Option<EventTime>,
        tally: Tally,
        asked: &[Extreme],
        found: Vec<Option<FieldValue>>,
    ) {
        self.line.add(bucket, tally);
        self.extremes.resize(asked.len(), None);
        for ((extreme, known), more) in asked.iter().zip(&mut self.extremes).zip(found) {
            extreme.add(known, more);
        }
    }

    pub fn finish(self, name: String, measure: Measure) -> Group {
        Group { name, line: self.line.finish(measure), extremes: self.extremes }
    }
}

impl Extreme {
    /// Takes over the value of one more document, or the extreme of several, if it is further out.
    fn add(self, known: &mut Option<FieldValue>, more: Option<FieldValue>) {
        let Some(more) = more else { return };
        let order = match (&*known, &more) {
            (None, _) => None,
            (Some(FieldValue::Number(known)), FieldValue::Number(more)) => {
                Some(more.total_cmp(known))
            }
            (Some(FieldValue::Text(known)), FieldValue::Text(more)) => Some(more.cmp(known)),
            // A field has values of one type.
            (Some(_), _) => Some(Ordering::Equal),
        };
        let wanted = if self.smallest { Ordering::Less } else { Ordering::Greater };
        if order.is_none_or(|order| order == wanted) {
            *known = Some(more);
        }
    }
}

/// Orders groups as answers list them.
pub fn sort_groups(groups: &mut [Group], measure: Measure) {
    groups.sort_by(|a, b| {
        let (one, other) = (a.line.value.unwrap_or_default(), b.line.value.unwrap_or_default());
        let by_value = match measure.smallest_first() {
            true => one.total_cmp(&other),
            false => other.total_cmp(&one),
        };
        by_value.then_with(|| a.name.cmp(&b.name))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_aligned_to_the_epoch_on_both_sides_of_it() {
        let interval = Interval::new(Duration::from_secs(10)).unwrap();
        let start = |ms| interval.start_of(EventTime(ms)).0;
        assert_eq!([0, 1, 9_999, 10_000].map(start), [0, 0, 0, 10_000]);
        assert_eq!([-1, -10_000, -10_001].map(start), [-10_000, -10_000, -20_000]);
        assert_eq!(start(i64::MIN), i64::MIN, "nothing is before time itself");
        assert_eq!(Interval::new(Duration::from_micros(999)), None);
        assert_eq!(Interval::new(Duration::MAX), None);
    }

    #[test]
    fn merged_tallies_are_the_tally_of_all_documents() {
        let field = |function| Measure::Field { name: "n", function };
        let tally = [3.0, -1.0, 4.0].map(Tally::of).into_iter().reduce(Tally::merge).unwrap();
        assert_eq!(tally.value(Measure::Documents), 3.0);
        assert_eq!(tally.value(field(Function::Sum)), 6.0);
        assert_eq!(tally.value(field(Function::Max)), 4.0);
        assert_eq!(tally.value(field(Function::Min)), -1.0);
        assert_eq!(tally.value(field(Function::Mean)), 2.0);
    }
}
