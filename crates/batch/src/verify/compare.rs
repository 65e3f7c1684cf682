//! Streams of documents in the same order, side by side.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{Layer, View, ViewDocument};
use pulso_pipeline::Views;
use sonic_rs::{JsonContainerTrait, JsonValueTrait, Value};

use super::documents::{Computed, Stored};
use super::{Difference, Report};
use crate::BatchError;

/// How many differences a report keeps; all are counted.
const DIFFERENCES_MAX: usize = 100;

/// Adds to the differences of a report.
pub(super) struct Differences<'a> {
    report: &'a mut Report,
}

impl<'a> Differences<'a> {
    pub(super) fn new(report: &'a mut Report) -> Self {
        Self { report }
    }

    fn add(&mut self, difference: Difference) {
        self.report.difference_count += 1;
        if self.report.differences.len() < DIFFERENCES_MAX {
            self.report.differences.push(difference);
        }
    }
}

/// Compares documents by `_id` and, where both sides have one, field by field.
pub(super) async fn compare<V: Views>(
    of: (View, Layer),
    stored: Stored<V>,
    computed: Computed<'_>,
    report: &mut Report,
) -> Result<(), BatchError> {
    compare_with_ahead(of, stored, computed, None, report).await
}

/// The same, where the store may have documents that are among the ones `ahead` instead.
pub(super) async fn compare_with_ahead<V: Views>(
    (view, layer): (View, Layer),
    mut stored: Stored<V>,
    mut computed: Computed<'_>,
    mut ahead: Option<Computed<'_>>,
    report: &mut Report,
) -> Result<(), BatchError> {
    let mut differences = Differences::new(report);
    let mut equal = 0;
    let (mut left, mut right) = (stored.next().await?, computed.next().await?);
    loop {
        let order = match (&left, &right) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => order(left, right),
        };
        if let (Ordering::Less, Some(ahead), Some(one)) = (order, &mut ahead, &left)
            && reach(ahead, one).await?
        {
            left = stored.next().await?;
            continue;
        }
        let found = match (order, &left, &right) {
            (Ordering::Equal, Some(left), Some(right)) => unlike(left, right),
            (Ordering::Less, Some(left), _) => vec![(None, Some(left.body.clone()), None)],
            (_, _, right) => vec![(None, None, right.as_ref().map(|right| right.body.clone()))],
        };
        equal += u64::from(found.is_empty());
        let first = if order == Ordering::Greater { &right } else { &left };
        let id = first.as_ref().map(|document| document.id.clone()).unwrap_or_default();
        for (field, stored, computed) in found {
            let id = id.clone();
            differences.add(Difference { view, layer, id, field, stored, computed });
        }
        if order != Ordering::Greater {
            left = stored.next().await?;
        }
        if order != Ordering::Less {
            right = computed.next().await?;
        }
    }
    report.equal.push((view, layer, equal));
    Ok(())
}

/// Goes on to a document; whether it is there.
async fn reach(stream: &mut Computed<'_>, wanted: &ViewDocument) -> Result<bool, BatchError> {
    while let Some(found) = stream.next().await? {
        match order(&found, wanted) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(unlike(&found, wanted).is_empty()),
            Ordering::Greater => {
                stream.put_back(found);
                break;
            }
        }
    }
    Ok(false)
}

fn order(left: &ViewDocument, right: &ViewDocument) -> Ordering {
    if left.id == right.id {
        return Ordering::Equal;
    }
    let key = |document: &ViewDocument| (document.sort_key(), document.id.clone());
    key(left).cmp(&key(right))
}

type Unlike = (Option<String>, Option<String>, Option<String>);

/// The fields that differ, with both values.
fn unlike(left: &ViewDocument, right: &ViewDocument) -> Vec<Unlike> {
    if left.body == right.body {
        return Vec::new();
    }
    let (left, right) = (leaves(&left.body), leaves(&right.body));
    let names: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let values = names.into_iter().map(|name| (name, left.get(name), right.get(name)));
    values
        .filter(|(_, left, right)| left != right)
        .map(|(name, left, right)| (Some(name.clone()), left.cloned(), right.cloned()))
        .collect()
}

/// The values of a document by dotted name, as JSON. Text that is no JSON is one value.
fn leaves(body: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    match sonic_rs::from_str::<Value>(body) {
        Ok(value) => collect(&value, String::new(), &mut found),
        Err(_) => drop(found.insert(String::new(), body.to_owned())),
    }
    found
}

fn collect(value: &Value, name: String, into: &mut BTreeMap<String, String>) {
    let Some(object) = value.as_object() else {
        // Whole numbers and floats are written differently, but are the same in JSON.
        let number = value.as_f64().filter(|_| !value.is_i64() && !value.is_u64());
        let text = number.map_or_else(|| value.to_string(), |number| format!("{number}"));
        into.insert(name, text);
        return;
    };
    for (key, value) in object {
        let name = if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        collect(value, name, into);
    }
}
